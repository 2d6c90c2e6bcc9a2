"""A study killed -9 again and again ends equal to the bit to one that was never killed."""

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from rich.console import Console

from tests import small

KILLS = 10


def _run(folder: str, store: str, *, workers: int = 1) -> None:
    """Run the small study in this process; called in a fresh one."""
    os.chdir(folder)
    os.environ["HARNESS_STORE"] = store
    from harness import keeper
    from harness.run import run_study

    keeper.CHECKPOINT_SECONDS = 0.1
    with (Path(store).parent / "log").open("a") as log:
        status = run_study(small.NAME, {}, workers=workers, retry=False, console=Console(file=log))
    os._exit(status)


def _process(folder: Path, store: Path) -> multiprocessing.process.BaseProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["harness.run"])
    process = context.Process(target=_run, args=(str(folder), str(store)))
    process.start()
    return process


def _finish(folder: Path, store: Path) -> float:
    began = time.monotonic()
    process = _process(folder, store)
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - began


@pytest.mark.timeout(900)
def test_ten_kills_change_nothing(tmp_path: Path) -> None:
    folder = small.write_study(tmp_path, epochs=60)
    whole, killed = tmp_path / "whole" / "store", tmp_path / "killed" / "store"
    for store in (whole, killed):
        small.make_store(store)
    seconds = _finish(folder, whole)
    moments = random.Random(0)
    for _ in range(KILLS):
        process = _process(folder, killed)
        process.join(moments.uniform(0.3, max(2.0, seconds / 3)))
        if process.is_alive():
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
        process.join()
    _finish(folder, killed)

    assert small.trials(killed) == small.trials(whole)
    assert len(small.trials(whole)) == 8
    after, before = small.runs(killed), small.runs(whole)
    assert sorted(after) == sorted(before) == list(range(8))
    for number, run in before.items():
        again = after[number]
        assert again["status"] == run["status"] == "FINISHED"
        assert again["differs"] is None
        assert again["points"] == run["points"]
        assert again["files"] == run["files"]
        assert again["params"] == run["params"]
        assert set(again["weights"]) == set(run["weights"]) != set()
        for name, tensor in run["weights"].items():
            assert torch.equal(again["weights"][name], tensor), (number, name)
