"""Files of data: carried, in the cache, on the system or downloaded; sha256 always checked."""

import gzip
import tempfile
import zlib
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from harness.packages import cache_directory, verified
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


def read(file: PublicFile) -> bytes:
    """Return the decompressed content; raise UserError if it is missing or its sha256 is wrong."""
    for directory in (cache_directory(), file.system):
        path = directory / file.name
        if path.is_file():
            return _checked(path.read_bytes(), file.sha256, origin=str(path), do=f"delete {path}")
    return _download(file)


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
    return verified(content, sha256, origin=origin, do=do)


def _write(path: Path, content: bytes) -> None:
    """Write all or nothing, whoever else writes the same file at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as temporary:
        temporary.write(content)
    Path(temporary.name).replace(path)
