"""FromDirectory: weights of a directory of safetensors, such as transformers saves."""

from dataclasses import dataclass
from pathlib import Path

from harness.start import Base, Start
from harness.starts.files import read_directory


@dataclass(frozen=True, kw_only=True)
class FromDirectory(Start):
    """Begin with the `*.safetensors` of the directory `path`; of `sha256`, if that is given."""

    path: str
    sha256: str | None = None

    def base(self) -> Base:
        """Return the weights; raise UserError if there are none, or others."""
        weights, digest = read_directory(Path(self.path).expanduser(), sha256=self.sha256)
        return Base(weights=weights, sha256=digest)
