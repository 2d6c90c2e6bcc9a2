"""Checkpoints: whole or not at all, checked before they are read, plain types only."""

import errno
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from harness import checkpoints
from harness.settings import UserError


def _state(value: float) -> checkpoints.State:
    return {"weights": torch.full((1000,), value), "step": int(value)}


def test_a_saved_state_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    assert checkpoints.load(path) is None
    checkpoints.save(_state(1), path)
    loaded = checkpoints.load(path)
    assert loaded is not None
    assert torch.equal(loaded["weights"], torch.ones(1000))
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone"])
def test_a_damaged_file_gives_way_to_the_generation_before(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "last.ckpt"
    checkpoints.save(_state(1), path)
    checkpoints.save(_state(2), path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "gone":
        path.unlink()
    else:
        kept = {"flip": bytes(content), "cut": bytes(content[:-100]), "empty": b""}
        path.unlink()  # the previous generation is a hard link: never write into it
        path.write_bytes(kept[damage])
    loaded = checkpoints.load(path)
    assert loaded is not None
    assert loaded["step"] == 1


def test_nothing_is_loaded_when_both_generations_are_damaged(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    path.write_bytes(b"no archive")
    checkpoints.previous(path).write_bytes(b"")
    assert checkpoints.load(path) is None


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.ckpt"
    checkpoints.save(_state(1), path)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(_state(2), path)
    monkeypatch.undo()
    loaded = checkpoints.load(path)
    assert loaded is not None
    assert loaded["step"] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    torch.save({"path": Path("x")}, path)
    with pytest.raises(Exception, match="weights_only"):
        checkpoints.load(path)


def test_the_switch_that_lets_torch_run_pickles_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(UserError, match="unset"):
        checkpoints.load(tmp_path / "last.ckpt")


def test_random_streams_go_on_where_they_were(tmp_path: Path) -> None:
    def draw() -> tuple[float, float, float]:
        return torch.rand(1).item(), float(np.random.rand()), random.random()

    draw()
    checkpoints.save(checkpoints.random_state(), tmp_path / "random")
    first = draw()
    state = checkpoints.load(tmp_path / "random")
    assert state is not None
    checkpoints.restore_random_state(state)
    assert draw() == first
