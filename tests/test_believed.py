"""A depth-against-parameters report shows the twelve points without which nobody should believe it.

One small study is trained for it, and its report read as Markdown, as an appendix would print it.
"""

import re
from pathlib import Path

import pytest

from harness.run import report_path
from tests.small import make_store, start

SOURCE = '''"""A study of depth at five sizes."""

from optuna.trial import BaseTrial

from harness.data.digits import Digits
from harness.models.mlp import MLP
from harness.recipe import Recipe
from harness.sizing import width_for
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.classify import Classify


def space(trial: BaseTrial, *, depth: int, budget: int) -> Recipe:
    """Return one recipe."""
    data, model = Digits(limit=300), MLP(depth=depth, init="he")
    return Recipe(
        model=MLP(depth=depth, init="he", width=width_for(model, data, parameters=budget)),
        data=data,
        task=Classify(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 1e-3, 1e-1, log=True),
        epochs=3,
    )


study = Study(
    question="Deep or wide?",
    space=space,
    scientific={"depth": (1, 3), "budget": (1000, 1500, 2200, 3300, 5000)},
    objective="val/loss",
    trials_per_cell=2,
    seeds=3,
)
'''
NUMBER = r"\d[\d.,e−-]*"
POINTS: dict[str, tuple[str, ...]] = {
    "1 definitions of depth side by side": (
        r"### Depth by every definition\n(.*\n){3}\| cell .*weight_layers_longest .*"
        r"weight_layers_shortest .*nonlinearities_longest .*credit_assignment_path",
        r"### Definitions of depth\n",
    ),
    "2 parameters by layer type, head apart, actual N": (
        r"Figure: Parameters by layer type",
        r"### Sizes and costs\n(.*\n){3}\| cell .*params/non_embedding .*params/head",
        rf"\| depth=3 budget=5000 \| (4,9|5,0)\d\d \| {NUMBER}",
    ),
    "3 loss against parameters": (r"Figure: Loss against parameters",),
    "4 training and validation loss": (
        r"Validation loss \(full marks, solid\) and training loss",
        r"Figure: Learning curves\. Mean loss .* validation solid and training dotted",
    ),
    "5 learning rate against loss, optimum inside": (
        r"Figure: What was tuned\. .* dotted lines are the ends of the search",
        r"### Search space\n(.*\n){3}.*\n.*\n\| lr \| 0\.001 \| 0\.1 \| True",
    ),
    "6 initialisation, gradient norm per layer at step 0": (
        r"\| model\.init \| he",
        r"Figure: Gradient norm per layer\. Of the first step",
    ),
    "7 every seed, paired intervals, corrected tests": (
        r"Figure: Quality against parameters\. Each small point is one training",
        r"### Comparisons\n(.*\n){3}\| a − b .* difference \| bootstrap .* p \(Holm\)",
        rf"\| depth=3 − depth=1 \| budget=5000 .* \| 3 \| [−\d.]+ \[[−\d.]+, {NUMBER}\]",
    ),
    "8 FLOPs by a stated method, and wall-clock": (
        r"FLOPs are those of matrix products and convolutions, 2 a multiply-accumulate",
        r"### Sizes and costs\n(.*\n){3}\| cell .*flops/forward .*cost/wall_seconds",
        r"Figure: Where the time went",
    ),
    "9 a fit with bootstrap intervals and a held-out largest size": (
        r"### Fits of loss against size\n(.*\n){3}\| runs of .* forecast \| α",
        rf"\| depth=1 \| saturating \| 5 \| {NUMBER} \| {NUMBER} \[{NUMBER}, {NUMBER}\]",
    ),
    "10 failed and diverged trials counted": (r"### Endings\n(.*\n){3}\| .*role .*finished",),
    "11 what the study cannot say": (
        r"## What limits this answer\n\n- .*3 seeds for each cell: a claim needs 10",
        r"It also holds only for the data",
        r"is no evidence that there is none",
    ),
    "12 the one command, versions, recipe hash, seeds": (
        r"## Make it again\n\n- command: make study NAME=believed",
        r"- torch: 2\.",
        r"### All trials\n(.*\n){3}\| .*seed .*recipe hash",
        rf"\| confirm \| depth=1 budget=1000 \| {NUMBER} \| finished .*[0-9a-f]{{16}} \|",
    ),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a small study, trained for real."""
    folder = tmp_path_factory.mktemp("believed")
    (folder / "studies").mkdir()
    (folder / "studies" / "believed.py").write_text(SOURCE)
    root = make_store(folder / "store")
    attempt = start(folder, root, name="believed")
    assert attempt.wait() == 0, attempt.text
    path = Path(report_path(root, "believed")).with_suffix(".md")
    return re.sub(r"\\([_\[\]])", r"\1", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("point", POINTS)
def test_the_report_shows(point: str, report: str) -> None:
    for wanted in POINTS[point]:
        assert re.search(wanted, report), wanted
