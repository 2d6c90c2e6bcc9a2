"""Files of weights: safetensors alone, read once in a process, with their sha256."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from harness.settings import UserError

Weights = dict[str, Tensor]


def read_directory(directory: Path, *, sha256: str | None = None) -> tuple[Weights, str]:
    """Return the tensors of every .safetensors file in a directory, and the sha256 of the files.

    Raises:
        UserError: there is no such file, one is damaged, or the sha256 is not the one expected.
    """
    files = sorted(directory.glob("*.safetensors"))
    if not files:
        others = sorted(path.name for path in directory.glob("*"))[:5] if directory.is_dir() else []
        do = "name a directory of safetensors; other formats can run code when they are read"
        got = f"{directory} with {others}" if others else f"{directory}, which is empty or missing"
        raise UserError("weights", got=got, allowed="*.safetensors", do=do)
    return read_files(files, sha256=sha256)


def read_files(files: Sequence[Path], *, sha256: str | None = None) -> tuple[Weights, str]:
    """Return the tensors of safetensors files and the sha256 over their contents, in this order.

    Raises UserError if one is damaged, or the sha256 is not the one expected.
    """
    weights, digest = _read(tuple((path, path.stat().st_mtime_ns) for path in files))
    if sha256 is not None and digest != sha256:
        do = "restore the weights, or correct the sha256 if you trust the new ones"
        raise UserError(f"sha256 of {files[0].parent}", got=digest, allowed=sha256, do=do)
    return dict(weights), digest


@lru_cache(maxsize=2)
def _read(files: tuple[tuple[Path, int], ...]) -> tuple[Weights, str]:
    digest = hashlib.sha256()
    weights: Weights = {}
    for path, _changed in files:
        content = path.read_bytes()
        digest.update(content)
        try:
            weights |= load(content)
        except SafetensorError as error:
            do = "get the file again"
            raise UserError(str(path), got=str(error), allowed="safetensors", do=do) from error
    return weights, digest.hexdigest()
