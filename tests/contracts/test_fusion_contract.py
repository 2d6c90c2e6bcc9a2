"""Every model that can be stacked trains as it would alone, whatever its task and optimizer."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
import torch
from torch import Tensor

from harness.course import Watch
from harness.fused.probe import unfusable
from harness.fused.shape import fusion_key
from harness.fused.train import train_group
from harness.keeper import Hooks
from harness.models.cnn import CNN
from harness.models.mlp import MLP
from harness.outcome import Outcome
from harness.recipe import Model, Recipe
from harness.settings import Settings, settings_items
from harness.strategies.full import Full
from harness.training import train
from tests.contracts.found import Found

Kind = TypeVar("Kind", bound=Settings)
NORMED = (MLP(norm="batch"), MLP(norm="layer", connection="rezero"), CNN(width=4, norm="batch"))
"""Models as they are by default may have no norm."""
EXAMPLES, BATCH, EPOCHS = 207, 4, 2
"""52 steps an epoch, of which the last has 3 examples: 104 in all."""
TOLERANCE = 1e-10
CHARACTERS = {"characters": 6_640, "context": 32}
"""So many are as many windows."""
SMALL = {"width": 16}
LARGE, TINY, FEW = 1_500, {"width": 4}, {"limit": 27, "folds": 100}
"""Images of more pixels take a second for a step of four: 14 steps, and validation is a fold."""
OPTIMIZERS = {
    "adamw": {"optimizer": "adamw", "weight_decay": 0.1},
    "adam": {"optimizer": "adam", "weight_decay": 0.1},
    "sgd": {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "dropout" in metafunc.fixturenames:
        slow = pytest.mark.slow
        cases = [
            pytest.param("adamw", True, id="adamw-dropout"),
            pytest.param("sgd", False, id="sgd", marks=slow),
            pytest.param("adamw", False, id="adamw", marks=slow),
            pytest.param("adam", False, id="adam", marks=slow),
            pytest.param("sgd", True, id="sgd-dropout", marks=slow),
        ]
        metafunc.parametrize(("optimizer", "dropout"), cases)


def with_settings(settings: Kind, values: Mapping[str, object]) -> Kind:
    """Return it with those of the values that it has a setting for."""
    own = {name for name, _value in settings_items(settings)}
    changes: Any = {name: value for name, value in values.items() if name in own}
    changed: Kind = replace(cast("Any", settings), **changes)
    return changed


def recipes_of(model: Model, found: Found, optimizer: str, *, dropout: bool) -> list[Recipe]:
    """Return two recipes that differ in whatever may differ within a stack; `dropout` if it has."""
    if model.purpose == "generate":
        pytest.skip("a game of two optimizers has a learner of its own")
    data = found.small_data(model)
    small, few = (TINY, FEW) if math.prod(data.facts().inputs) > LARGE else (SMALL, {})
    models = [with_settings(model, {**small, "dropout": rate * dropout}) for rate in (0.3, 0.1)]
    first = Recipe(
        model=models[0],
        data=with_settings(data, {"limit": min(EXAMPLES, data.facts().train), **CHARACTERS, **few}),
        task=found.task_of(model, data),
        strategy=Full(),
        lr=1e-3,
        batch_size=BATCH,
        epochs=EPOCHS,
        precision="64-true",
        warmup=0.1,
        **OPTIMIZERS[optimizer],  # type: ignore[arg-type]
    )
    other = replace(
        first, model=models[1], lr=2e-3, seed=1, schedule="step", clip=0.5, l1=1e-5, l2=1e-3
    )
    return [first, other]


def without_key_bias(name: str, weight: Tensor) -> Tensor:
    """Return the weight; of the joint bias of an attention only that of queries and values, or of
    values alone.

    Softmax is blind to a bias on the keys: its gradient is rounding around 0, of which Adam makes
    whole steps and an L1 penalty a sign, so that it says nothing about the rest.
    """
    if name.endswith(".kv.bias"):
        return weight.chunk(2)[1]
    if not name.endswith(".qkv.bias"):
        return weight
    query, _key, value = weight.chunk(3)
    return torch.cat([query, value])


def difference(one: Outcome, other: Outcome) -> float:
    """Return the largest difference in anything that the loss depends on."""
    assert list(one.weights) == list(other.weights)
    return max(
        float((without_key_bias(name, w) - without_key_bias(name, other.weights[name])).abs().max())
        for name, w in one.weights.items()
    )


def check(recipes: list[Recipe], directory: Path) -> None:
    if reason := unfusable(recipes[0]):
        pytest.skip(f"trained the ordinary way: {reason}")
    assert fusion_key(recipes[0]) == fusion_key(recipes[1])
    stacked = train_group(
        recipes,
        directory=directory / "group",
        watch=Watch(),
        hooks=[Hooks(), Hooks()],
        stop=lambda: False,
    )
    for number, (recipe, fused) in enumerate(zip(recipes, stacked, strict=True)):
        alone = train(recipe, directory=directory / str(number), watch=Watch())
        assert difference(fused, alone) <= TOLERANCE
        assert fused.status == alone.status == "finished"
        assert fused.best == pytest.approx(alone.best, rel=1e-9)


def test_a_stack_trains_as_each_would_alone(
    model_kind: type[Model], found: Found, optimizer: str, dropout: bool, tmp_path: Path
) -> None:
    check(recipes_of(model_kind(), found, optimizer, dropout=dropout), tmp_path)


@pytest.mark.parametrize("model", NORMED, ids=["batch", "layer", "batch of images"])
def test_norms_and_their_buffers_too(
    model: Model, found: Found, optimizer: str, dropout: bool, tmp_path: Path
) -> None:
    check(recipes_of(model, found, optimizer, dropout=dropout), tmp_path)
