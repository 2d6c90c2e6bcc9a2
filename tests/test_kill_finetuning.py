"""Every strategy, killed -9 at each border of its phases ± 1 step and inside: equal to the bit."""

import io
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file, save_file
from torch.optim import Optimizer

from harness.fresh import network_of
from harness.groups import prepare
from harness.learner import Learner
from harness.pace import Pace
from harness.recipe import Strategy
from harness.resume import resume_run
from harness.run import run_study
from harness.settings import UserError
from harness.starts.from_directory import FromDirectory
from harness.strategies.lora import LoRA
from harness.strategies.lp_ft import LPFT
from harness.training import train
from tests import families, small
from tests.test_resume_matrix import BASE, STEPS, STRATEGIES, base_in, fine_tuning, same
from tests.test_training import WATCH

FAST = (LPFT, LoRA)
"""Killed in `make test` as well: one with phases, one with adapters."""
CASES = [
    pytest.param(each, id=type(each).__name__, marks=() if type(each) in FAST else pytest.mark.slow)
    for each in STRATEGIES
]
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.test_kill_finetuning"])


def kill_at(step: int, work: Callable[[], object], *, wait: float = 0.0) -> None:
    """Do `work` in another process, which saves after every step, and dies within step `step`."""
    process = CONTEXT.Process(target=_die_at, args=(step, work, wait))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL, "it was over before the kill"


def _die_at(step: int, work: Callable[[], object], wait: float) -> None:
    torch.set_num_threads(1)
    go_on = Learner.on_before_optimizer_step

    def die(learner: Learner, optimizer: Optimizer) -> None:
        if learner.global_step == step:
            time.sleep(wait)
            os.kill(os.getpid(), signal.SIGKILL)
        go_on(learner, optimizer)

    Learner.on_before_optimizer_step = die  # type: ignore[method-assign, assignment]
    Pace.is_time = lambda _pace: True  # type: ignore[method-assign, assignment]
    work()


def steps_to_die_at(borders: tuple[int, ...]) -> list[int]:
    """Return optimizer steps: each border and the step before and after it, and inside a phase."""
    around = [border * STEPS + shift for border in borders[1:] for shift in (-1, 0, 1)]
    return sorted({2, *around, BASE.epochs * STEPS - 2})


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> FromDirectory:
    """Weights to start from, of another seed."""
    return base_in(tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize("strategy", CASES)
def test_kills_at_every_border_change_nothing(
    strategy: Strategy, start: FromDirectory, tmp_path: Path
) -> None:
    """Each process goes on from where the one before was killed, so resumes are killed too."""
    torch.set_num_threads(1)
    recipe, plan = fine_tuning(strategy, start, tmp_path / "base")
    whole = train(recipe, directory=tmp_path / "whole", watch=WATCH, test=True)
    killed = tmp_path / "killed"
    for step in steps_to_die_at(plan.borders(recipe.epochs)):
        kill_at(step, partial(train, recipe, directory=killed, watch=WATCH))
    again = train(recipe, directory=killed, watch=WATCH, test=True)
    same(again, whole)
    assert recipe.start is not None
    base = recipe.start.base().weights
    given_back = prepare(network_of(recipe), strategy).given_back()
    for name in given_back & set(base):
        assert torch.equal(again.weights[name], base[name]), name


def _study(folder: str) -> None:
    _go_to(folder)
    run_study("child", {}, workers=1, retry=False, console=Console(file=io.StringIO()))


def _resume(folder: str, run: str) -> None:
    _go_to(folder)
    assert resume_run(run, 0, "", Console(file=io.StringIO())) == 0


def _go_to(folder: str) -> None:
    os.chdir(folder)
    os.environ["HARNESS_STORE"] = str(Path(folder) / "store")


def _child(root: Path) -> dict[str, Any]:
    return small.runs(root, "child")[0]


def test_a_run_killed_twice_has_one_curve_and_one_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its study, again in the first resume, then resumed to its end."""
    ended = {}
    for name in ("whole", "killed"):
        folder = tmp_path / name
        root = families.here(folder, monkeypatch)
        families.write(folder, "base")
        families.run("base")
        strategy = ("lp_ft", "LPFT")
        families.write(folder, "child", start='FromRun(study="base")', strategy=strategy)
        if name == "killed":
            _kill_twice(str(folder), root)
        else:
            families.run("child")
        ended[name] = _child(root)
    whole, killed = ended["whole"], ended["killed"]
    assert killed["status"] == whole["status"] == "FINISHED"
    assert killed["differs"] is None
    assert [step for key, step, _ in killed["points"] if key == "val/loss"] == [0, 1]
    for what in ("points", "files"):
        assert killed[what] == whole[what], what
    for tensor_name, tensor in whole["weights"].items():
        assert torch.equal(killed["weights"][tensor_name], tensor), tensor_name


def _refused(root: Path, folder: Path, run: str) -> None:
    """Refuse to resume on another base, or as another strategy; nothing is written."""
    (base,) = root.glob("artifacts/base/*/artifacts/best.safetensors")
    study = folder / "studies" / "child.py"
    before = _child(root), small.trials(root, "child")
    kept, text = base.read_bytes(), study.read_text()
    save_file({n: t + 1 for n, t in load_file(base).items()}, base)
    with pytest.raises(UserError, match="checkpoint's base: got"):
        resume_run(run, 0, "", Console(file=io.StringIO()))
    base.write_bytes(kept)
    study.write_text(text.replace("LPFT()", "LPFT(factor=0.5)"))
    with pytest.raises(UserError, match="checkpoint's recipe: got"):
        resume_run(run, 0, "", Console(file=io.StringIO()))
    study.write_text(text)
    assert (_child(root), small.trials(root, "child")) == before


def _kill_twice(folder: str, root: Path) -> None:
    """Kill it in its first phase, and in its second when it is resumed; then let it end."""
    kill_at(1, partial(_study, folder), wait=1.0)
    assert _child(root)["status"] == "RUNNING"
    run = _child(root)["id"]
    _refused(root, Path(folder), run)
    kill_at(3, partial(_resume, folder, run), wait=1.0)
    assert _child(root)["status"] == "RUNNING"
    _resume(folder, run)
