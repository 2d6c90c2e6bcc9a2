"""The phase tree: what trains when, with how many parameters, before anything is trained."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from harness.data.digits import Digits
from harness.models.mlp import MLP
from harness.phase_tree import phase_tree
from harness.recipe import Recipe
from harness.settings import UserError
from harness.strategies.gradual_unfreeze import GradualUnfreeze
from harness.tasks.classify import Classify

RECIPE = Recipe(
    model=MLP(depth=1, width=8, norm="layer"),
    data=Digits(),
    task=Classify(),
    strategy=GradualUnfreeze(decay=2.0),
    lr=0.1,
    epochs=5,
)


def shown(recipe: Recipe) -> list[str]:
    sink = io.StringIO()
    Console(file=sink, width=200).print(phase_tree(recipe))
    return [line.strip() for line in sink.getvalue().splitlines() if "memory:" not in line]


def test_each_phase_has_its_epochs_its_count_and_its_groups() -> None:
    assert shown(RECIPE) == [
        "GradualUnfreeze on MLP: 1 blocks",
        "├── epochs 0 to 0: 90 of 626 parameters train",
        "│   └── head: 90, lr × 1: head.weight, head.bias",
        "└── epochs 1 to 4: 626 of 626 parameters train",
        "├── blocks[-1]: 536, lr × 0.5: hidden_1.linear.weight, hidden_1.linear.bias, "
        "hidden_1.norm.weight and 1 more",
        "└── head: 90, lr × 1: head.weight, head.bias",
    ]


def test_the_parts_of_a_phases_memory_are_those_of_what_trains() -> None:
    sink = io.StringIO()
    Console(file=sink, width=200).print(phase_tree(RECIPE))
    probe, full = [line for line in sink.getvalue().splitlines() if "memory:" in line]
    assert "weights 2.5 kB, gradients 360 B, optimizer 720 B, activations" in probe
    assert "weights 2.5 kB, gradients 2.5 kB, optimizer 5.01 kB, activations" in full


def test_too_few_epochs_are_refused() -> None:
    with pytest.raises(UserError, match="epochs: got 1"):
        phase_tree(replace(RECIPE, epochs=1))
