"""Checkpoints that survive kill -9: written whole or not at all, checked before they are read."""

import io
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric.plugins import CheckpointIO

from harness.settings import UserError

State = dict[str, Any]


def write_whole(path: Path, content: bytes | memoryview, *, keep_previous: bool = False) -> None:
    """Put `content` at `path` so that a kill or a full disk leaves the old file or the new one.

    The temporary file lies in the same directory (a rename across file systems is a copy); with
    `keep_previous` the file that was there stays reachable as `previous(path)`.

    Raises:
        OSError: the disk is full or the directory cannot be written.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if keep_previous and path.exists():
            _link(path, previous(path))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(path.parent)


def previous(path: Path) -> Path:
    """Return where the generation before `path` is kept."""
    return path.with_name(f"{path.name}.previous")


def save(state: State, path: Path) -> None:
    """Write a checkpoint of tensors and plain types, keeping the previous generation."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_whole(path, buffer.getbuffer(), keep_previous=True)


def load(path: Path) -> State | None:
    """Return the newest readable generation of a checkpoint, or None if there is none.

    torch.load ignores the archive's checksums (one flipped bit would resume in silence), so they
    are verified first. Nothing but tensors and plain types is ever loaded.
    """
    refuse_unsafe_loading()
    for candidate in (path, previous(path)):
        if is_intact(candidate):
            state: State = torch.load(candidate, map_location="cpu", weights_only=True)
            return state
    return None


def refuse_unsafe_loading() -> None:
    """Raise UserError if the environment turns every torch.load into running a pickle."""
    name = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
    if os.environ.get(name):
        do = f"unset {name}: it lets a checkpoint run code"
        raise UserError(name, got=os.environ[name], allowed="unset", do=do)


def is_intact(path: Path) -> bool:
    """Say whether `path` is a checkpoint whose every byte matches its checksum."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile, EOFError):
        return False


class DurableIO(CheckpointIO):
    """Lightning's way in and out of a checkpoint file, by `save` and `load` above."""

    def save_checkpoint(
        self, checkpoint: State, path: str | Path, storage_options: object = None
    ) -> None:
        """Write `checkpoint` whole."""
        del storage_options
        save(checkpoint, Path(path))

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Callable[..., Any] | None = None,
        weights_only: bool | None = None,
    ) -> State:
        """Read the newest intact generation."""
        del map_location, weights_only
        state = load(Path(path))
        if state is None:
            do = "delete it to train from the beginning"
            raise UserError("checkpoint", got=str(path), allowed="an intact file", do=do)
        return state

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete both generations."""
        for candidate in (Path(path), previous(Path(path))):
            candidate.unlink(missing_ok=True)


def random_state() -> State:
    """Return the state of the four random streams: torch, CUDA, NumPy, Python; plain types only."""
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    version, internal, gauss = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [
            name,
            torch.from_numpy(np.asarray(keys).astype(np.int64)),
            position,
            has_gauss,
            cached,
        ],
        "python": [version, list(internal), gauss],
    }


def restore_random_state(state: State) -> None:
    """Put the four random streams back where `random_state` saw them."""
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))


def _link(source: Path, target: Path) -> None:
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.hardlink_to(source)
    temporary.replace(target)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
