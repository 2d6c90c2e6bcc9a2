"""FromHub: weights from the Hugging Face hub, where there is internet."""

from dataclasses import dataclass
from pathlib import Path

from harness.settings import UserError
from harness.start import Base, Start
from harness.starts.files import read_directory


@dataclass(frozen=True, kw_only=True)
class FromHub(Start):
    """Begin with the safetensors of the hub's repository `name`, of this `sha256` if given.

    `revision` is a commit, a tag or a branch; only a commit stays what it is. The download is kept
    in the hub's own cache.
    """

    name: str
    revision: str = "main"
    sha256: str | None = None

    def base(self) -> Base:
        """Return the weights; raise UserError if they cannot be had, or are others."""
        weights, digest = read_directory(self._directory(), sha256=self.sha256)
        return Base(weights=weights, sha256=digest)

    def _directory(self) -> Path:
        try:
            from huggingface_hub import snapshot_download
            from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
        except ImportError as error:
            do = "say pip install -e '.[text]'"
            raise UserError("FromHub", got=str(error), allowed="huggingface_hub", do=do) from error
        try:
            patterns = ["*.safetensors", "config.json"]
            found = snapshot_download(self.name, revision=self.revision, allow_patterns=patterns)
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            got = f"{self.name}: {str(error).partition(chr(10))[0]}"
            do = "check the name and the connection, or use FromDirectory"
            raise UserError("hub", got=got, allowed="a repository that answers", do=do) from error
        return Path(found)
