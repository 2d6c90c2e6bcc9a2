"""A fine-tuning in phases that is killed -9 by the clock ends equal to the bit."""

import multiprocessing
import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from harness.recipe import Recipe
from harness.starts.from_directory import FromDirectory
from harness.strategies.gradual_unfreeze import GradualUnfreeze
from harness.training import network_of, train
from tests.test_resume_matrix import BASE, same
from tests.test_training import WATCH

KILLS = 4
EPOCHS = 120


def _train(directory: str, start: str) -> None:
    torch.set_num_threads(1)
    os.chdir(directory)
    train(_recipe(start), directory=Path(directory), watch=WATCH, checkpoint_seconds=0.02)


def _recipe(start: str) -> Recipe:
    strategy = GradualUnfreeze(epochs=EPOCHS // 3)
    return replace(BASE, epochs=EPOCHS, strategy=strategy, start=FromDirectory(path=start))


@pytest.mark.timeout(600)
def test_kills_in_every_phase_change_nothing(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    save_file(dict(network_of(replace(BASE, seed=7)).state_dict()), tmp_path / "base.safetensors")
    recipe = _recipe(str(tmp_path))
    began = time.monotonic()
    whole = train(recipe, directory=tmp_path / "whole", watch=WATCH, test=True)
    seconds = time.monotonic() - began
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.test_kill_finetuning"])
    killed = tmp_path / "killed"
    killed.mkdir()
    moments, hits = random.Random(0), 0
    for _ in range(KILLS):
        before = _written(killed)
        process = context.Process(target=_train, args=(str(killed), str(tmp_path)))
        process.start()
        while _written(killed) == before and process.is_alive():
            time.sleep(0.005)
        process.join(moments.uniform(0, 1.5 * seconds / KILLS))
        process.kill()
        process.join()
        if process.exitcode != -signal.SIGKILL:
            break  # it was faster than the kill: the end is reached
        hits += 1
    assert hits >= 2, "the kills did not hit the training"
    same(train(recipe, directory=killed, watch=WATCH, test=True), whole)


def _written(directory: Path) -> float:
    path = directory / "last.ckpt"
    return path.stat().st_mtime if path.exists() else 0.0
