"""A study killed -9 again and again ends equal to the bit to one that was never killed."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest
import torch

from tests import small

KILLS = 10


@pytest.mark.timeout(900)
def test_ten_kills_change_nothing(tmp_path: Path) -> None:
    folder = small.write_study(tmp_path, epochs=60)
    whole, killed = (small.make_store(tmp_path / name) for name in ("whole", "killed"))
    small.warm_up()
    begun, ended = _times(folder, whole)
    moments = random.Random(0)
    hits = 0
    for kill in range(KILLS):
        in_training = kill % 2 == 1
        since = time.time()
        attempt = small.start(folder, killed)
        if in_training:
            _wait_for(partial(_is_training_or_over, attempt, killed, since))
        longest = (ended - begun) / 10 if in_training else begun
        attempt.process.join(moments.uniform(0, longest))
        attempt.process.kill()
        if attempt.wait() != -signal.SIGKILL:
            break  # this machine was faster than a minute ago: it ended before the kill
        hits += in_training
    assert hits >= 3, "the kills did not hit trainings"
    assert small.start(folder, killed).wait() == 0
    _assert_equal(whole, killed)


def _times(folder: Path, root: Path) -> tuple[float, float]:
    """Run the study; return after how many seconds its first trial began, and it all ended."""
    clock = time.monotonic()
    attempt = small.start(folder, root)
    _wait_for((root / "studies" / small.NAME / "trials" / "00000").is_dir)
    begun = time.monotonic() - clock
    assert attempt.wait() == 0
    return begun, time.monotonic() - clock


def _is_training_or_over(attempt: small.Attempt, root: Path, since: float) -> bool:
    """Say whether a checkpoint was written after the moment `since`, or the process has ended."""
    written = (root / "studies" / small.NAME).glob("*/*/*.ckpt")
    return any(_changed_at(path) > since for path in written) or not attempt.process.is_alive()


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # a stack's, which goes when all of it is told
        return 0.0


def _assert_equal(whole: Path, killed: Path) -> None:
    trials = small.trials(whole)
    assert len(trials) == 8
    assert small.trials(killed) == trials
    before, after = small.runs(whole), small.runs(killed)
    assert sorted(after) == sorted(before) == list(range(8))
    for number, run in before.items():
        again = after[number]
        assert again["status"] == run["status"] == "FINISHED"
        assert again["differs"] is None
        for what in ("points", "files", "params"):
            assert again[what] == run[what], (number, what)
        assert set(again["weights"]) == set(run["weights"]) != set()
        for name, tensor in run["weights"].items():
            assert torch.equal(again["weights"][name], tensor), (number, name)


def test_what_no_run_has_written_yet_is_written_after_a_kill(tmp_path: Path) -> None:
    folder = small.write_study(tmp_path, epochs=60)
    whole, killed = (small.make_store(tmp_path / name) for name in ("whole", "killed"))
    assert small.start(folder, whole).wait() == 0
    attempt = small.start(folder, killed, linger=1e6)
    _wait_for(partial(_is_training_or_over, attempt, killed, 0.0))
    attempt.process.kill()
    assert attempt.wait() == -signal.SIGKILL
    assert small.runs(killed) == {}, "what the checkpoint holds is not in the database"
    assert small.start(folder, killed).wait() == 0
    _assert_equal(whole, killed)


@pytest.mark.parametrize(
    ("number", "status", "workers"),
    [
        (signal.SIGINT, 130, 2),
        (signal.SIGTERM, 143, 1),
        pytest.param(signal.SIGINT, 130, 1, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 143, 2, marks=pytest.mark.slow),
    ],
)
def test_a_signal_leaves_a_resumable_study(
    tmp_path: Path, number: int, status: int, workers: int
) -> None:
    folder = small.write_study(tmp_path, epochs=60)
    root = small.make_store(tmp_path / "store")
    attempt = small.start(folder, root, workers=workers)
    _wait_for(lambda: len(small.runs(root)) >= 1)
    assert attempt.process.pid is not None
    # A terminal tells the whole group of Ctrl-C, `kill` one process.
    (os.killpg if number == signal.SIGINT else os.kill)(attempt.process.pid, number)
    assert attempt.wait() == status
    assert "go on with: make study NAME=small" in attempt.text
    assert {run["status"] for run in small.runs(root).values()} <= {"FINISHED", "KILLED"}
    assert small.start(folder, root).wait() == 0
    assert {run["status"] for run in small.runs(root).values()} == {"FINISHED"}
    assert {trial["state"] for trial in small.trials(root)} == {"COMPLETE"}


def test_workers_stop_when_the_process_that_started_them_is_killed(tmp_path: Path) -> None:
    folder = small.write_study(tmp_path, epochs=5_000)
    root = small.make_store(tmp_path / "store")
    attempt = small.start(folder, root, workers=2)
    _wait_for(lambda: len(small.runs(root)) == 4)
    attempt.process.kill()
    assert attempt.wait() == -signal.SIGKILL
    ends = {"KILLED": 2, "RUNNING": 2}  # its own are closed by the next command
    _wait_for(lambda: Counter(run["status"] for run in small.runs(root).values()) == ends)


@pytest.mark.slow
def test_a_worker_that_is_killed_leaves_its_trials_to_the_others(tmp_path: Path) -> None:
    folder = small.write_study(tmp_path, epochs=1_000)
    root = small.make_store(tmp_path / "store")
    attempt = small.start(folder, root, workers=2)
    _wait_for(lambda: len(small.runs(root)) == 4)
    (other,) = _grandchildren(attempt)
    other.kill()
    assert attempt.wait() == 0
    assert {trial["state"] for trial in small.trials(root)} == {"COMPLETE"}
    assert {run["status"] for run in small.runs(root).values()} == {"FINISHED"}


def _grandchildren(attempt: small.Attempt) -> list[psutil.Process]:
    first = psutil.Process(attempt.process.pid)
    return [each for child in first.children() for each in child.children()]


def _wait_for(condition: Callable[[], bool], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")
