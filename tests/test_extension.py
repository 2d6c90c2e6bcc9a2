"""One new file each, outside the harness: it is found, holds the contracts and runs as a study."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODEL = '''"""ExtraTower: two Linear layers."""

from dataclasses import dataclass
from math import prod

from torch import nn

from harness.recipe import Facts, Model
from harness.settings import require_whole


@dataclass(frozen=True, kw_only=True)
class ExtraTower(Model):
    """Linear, tanh, Linear."""

    width: int = 16

    def __post_init__(self) -> None:
        require_whole("width", self.width)

    def build(self, facts: Facts) -> nn.Module:
        hidden = nn.Linear(prod(facts.inputs), self.width)
        return nn.Sequential(nn.Flatten(), hidden, nn.Tanh(), nn.Linear(self.width, facts.outputs))
'''
DATA = '''"""ExtraBlobs: three Gaussian blobs in the plane."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch

from harness.data.batches import Split
from harness.data.content import Content, draw_test
from harness.data.in_memory import Sizes
from harness.data.table import Table


@dataclass(frozen=True, kw_only=True)
class ExtraBlobs(Table):
    """Points (2,) of 3 classes."""

    sizes: ClassVar[Sizes] = Sizes(inputs=(2,), outputs=3, development=240, test=60)

    def load(self) -> Content:
        return _content()


@lru_cache(maxsize=1)
def _content() -> Content:
    targets = torch.arange(3).repeat(100)
    centres = torch.tensor([[0.0, 3.0], [2.0, 0.0], [-2.0, 0.0]])
    noise = torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
    return draw_test(Split(centres[targets] + noise, targets))
'''
TASK = '''"""ExtraMargin: one class an example, by a multi-class hinge."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import multi_margin_loss
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy

from harness.recipe import Facts, Task
from harness.settings import UserError


@dataclass(frozen=True, kw_only=True)
class ExtraMargin(Task):
    """Scores (batch, classes) against class indices (batch,)."""

    margin: float = 1.0
    headline = "accuracy"

    def require(self, facts: Facts) -> None:
        if facts.targets != "classes":
            raise UserError("targets", got=facts.targets, allowed="classes", do="use other data")

    def predict(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        return network(batch[0])

    def loss(self, output: Tensor, batch: Sequence[Tensor], *, training: bool) -> Tensor:
        return multi_margin_loss(output, batch[1], margin=self.margin)

    def metrics(self, facts: Facts) -> dict[str, Metric]:
        return {"accuracy": MulticlassAccuracy(facts.outputs, average="micro")}
'''
STRATEGY = '''"""ExtraHeadOnly: trains what registered its parameters last."""

from dataclasses import dataclass

from harness.phases import Part, Phase, Plan
from harness.recipe import Strategy


@dataclass(frozen=True, kw_only=True)
class ExtraHeadOnly(Strategy):
    """Freeze all but the last layer."""

    factor: float = 1.0

    def plan(self, blocks: int) -> Plan:
        return Plan(phases=(Phase(parts=(Part(select="head", factor=self.factor),)),))
'''
STUDY = '''"""Is a wider extra tower better?

Command:  make study NAME=extra_study
Cost: seconds. Expected: no claim from one seed.
"""

from optuna.trial import BaseTrial

from data.extra_blobs import ExtraBlobs
from harness.recipe import Recipe
from harness.study import Study
from models.extra_tower import ExtraTower
from strategies.extra_head_only import ExtraHeadOnly
from tasks.extra_margin import ExtraMargin


def space(trial: BaseTrial, *, width: int) -> Recipe:
    return Recipe(
        model=ExtraTower(width=width),
        data=ExtraBlobs(),
        task=ExtraMargin(),
        strategy=ExtraHeadOnly(),
        lr=trial.suggest_float("lr", 1e-3, 1e-1, log=True),
    )


study = Study(question="Is a wider extra tower better?", space=space, scientific={"width": (2, 8)})
'''
FILES = {
    "models/extra_tower.py": MODEL,
    "data/extra_blobs.py": DATA,
    "tasks/extra_margin.py": TASK,
    "strategies/extra_head_only.py": STRATEGY,
    "studies/extra_study.py": STUDY,
}
SUITES = {
    "models": ["ExtraTower"],
    "data": ["ExtraBlobs"],
    "tasks": ["ExtraMargin"],
    "strategies": ["ExtraHeadOnly"],
    "studies": ["extra_study"],
    "settings": ["ExtraTower", "ExtraBlobs", "ExtraMargin", "ExtraHeadOnly"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(text)
    return tmp_path


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_the_contract_suites_find_single_files_outside(folder: Path) -> None:
    options = ("-p", "no:cacheprovider", "-p", "no:xdist", "-v", "-k", "extra")
    suites = ("tests/contracts", "--also", str(folder))
    done = run(sys.executable, "-m", "pytest", *suites, *options, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = re.findall(r"contracts/test_(\w+)_contract\.py::(.*) ([A-Z]+)\s", done.stdout)
    for suite, names in SUITES.items():
        for name in names:
            mine = {end for where, test, end in outcomes if where == suite and name in test}
            assert mine == {"PASSED"}, (suite, name, done.stdout)
    assert any("ExtraTower-on-Digits" in test for _, test, _ in outcomes)
    assert any("MLP-on-ExtraBlobs" in test for _, test, _ in outcomes)


def test_a_study_of_single_files_outside_runs_to_its_answer(folder: Path) -> None:
    harness = str(Path(sys.executable).parent / "harness")
    budget = ("--trials", "1", "--seeds", "1", "--epochs", "1")
    store = folder / "store"
    paths = {"PYTHONPATH": str(folder), "HARNESS_STORE": str(store)}
    done = run(harness, "study", "extra_study", *budget, cwd=folder, **paths)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "No answer yet" in done.stdout or "No claim yet" in done.stdout
    assert (store / "studies" / "extra_study" / "report" / "report.html").is_file()
    assert "ExtraTower" in (store / "studies/extra_study/report/report.html").read_text()
