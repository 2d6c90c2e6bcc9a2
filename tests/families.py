"""A study that trains a base and studies that fine-tune it, of one trial each, for tests."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from harness.run import run_study
from tests import small

STUDY = '''"""Does fine-tuning work?

Cost: seconds. Expected: nothing.
"""

from optuna.trial import BaseTrial

from harness.data.digits import Digits
from harness.models.mlp import MLP
from harness.recipe import Recipe
from harness.starts.from_run import FromRun
from harness.strategies.STRATEGY_FILE import STRATEGY
from harness.study import Study
from harness.tasks.classify import Classify


def space(trial: BaseTrial) -> Recipe:
    """Return one recipe."""
    return Recipe(
        model=MLP(depth=2, width=16, norm="batch"),
        data=Digits(limit=100),
        task=Classify(),
        strategy=STRATEGY(),
        start=START,
        lr=LR,
        epochs=2,
    )


study = Study(question="Does fine-tuning work?", space=space, trials=1)
'''


def write(
    folder: Path,
    name: str,
    *,
    start: str = "None",
    lr: float = 0.01,
    strategy: tuple[str, str] = ("full", "Full"),
) -> None:
    """Write a study of one trial into `folder`/studies."""
    changes = {"STRATEGY_FILE": strategy[0], "STRATEGY": strategy[1], "START": start, "LR": lr}
    text = STUDY
    for old, new in changes.items():
        text = text.replace(old, str(new))
    (folder / "studies").mkdir(parents=True, exist_ok=True)
    (folder / "studies" / f"{name}.py").write_text(text)


def here(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Make `folder` the place of studies, with an empty store; return the store."""
    (folder / "studies").mkdir(parents=True, exist_ok=True)
    root = small.make_store(folder / "store")
    patch.chdir(folder)
    patch.setenv("HARNESS_STORE", str(root))
    return root


def run(name: str) -> str:
    """Run a study to its end and return what it printed."""
    console = Console(file=io.StringIO(), width=200)
    assert run_study(name, {}, workers=1, retry=False, console=console) == 0
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
