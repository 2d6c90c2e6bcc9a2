"""Frozen features: the body runs once, the results stay, and whatever changes them is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from harness.course import Watch
from harness.data.augment import Augment
from harness.data.digits import Digits
from harness.fresh import network_of
from harness.frozen import remembered
from harness.groups import prepare
from harness.models.cnn import CNN
from harness.models.mlp import MLP
from harness.phase_runner import PhaseRunner
from harness.recipe import Recipe
from harness.strategies.full import Full
from harness.strategies.linear_probe import LinearProbe
from harness.strategies.lp_ft import LPFT
from harness.tasks.classify import Classify
from harness.training import train

PROBE = Recipe(
    model=MLP(depth=2, width=16), data=Digits(limit=300), task=Classify(), strategy=LinearProbe(),
    lr=1e-2, epochs=3,
)  # fmt: skip


def phases_of(recipe: Recipe) -> PhaseRunner:
    prepared = prepare(network_of(recipe), recipe.strategy)
    runner = PhaseRunner(prepared, borders=prepared.plan.borders(recipe.epochs), steps_per_epoch=5)
    runner.enter(0)
    return runner


def test_known_features_give_the_networks_outputs() -> None:
    phases = phases_of(PROBE)
    known = remembered(PROBE, phases)
    assert known is not None
    data = PROBE.data.build(seed=PROBE.seed, batch_size=7)
    for inputs, _ in (*data.train_dataloader(), *data.val_dataloader()):
        torch.testing.assert_close(known(inputs), phases.network(inputs), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {"strategy": Full()},
        {"strategy": LPFT()},
        {"epochs": 1},
        {"data": Digits(augment=Augment(shift=1))},
        {"precision": "bf16-mixed"},
    ],
    ids=str,
)
def test_what_is_not_the_same_in_every_epoch_is_computed_anew(changes: dict[str, object]) -> None:
    recipe = replace(PROBE, **changes)  # type: ignore[arg-type]
    assert remembered(recipe, phases_of(recipe)) is None


def test_a_body_that_draws_or_gathers_is_computed_anew() -> None:
    for module in (nn.Dropout(0.5), nn.BatchNorm1d(16, affine=False)):
        phases = phases_of(PROBE)
        hidden = phases.network.get_submodule("hidden_2")
        assert isinstance(hidden, nn.Sequential)
        hidden.append(module.train())
        assert remembered(PROBE, phases) is None


def test_the_body_runs_once_an_example_however_many_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(PROBE, model=CNN(stages=1, width=4))
    seen: list[int] = []
    forward = nn.Conv2d.forward

    def counted(layer: nn.Conv2d, images: torch.Tensor) -> torch.Tensor:
        seen.append(len(images))
        return forward(layer, images)

    monkeypatch.setattr(nn.Conv2d, "forward", counted)
    train(recipe, directory=tmp_path / "short", watch=Watch())
    short = sum(seen)
    train(replace(recipe, epochs=9), directory=tmp_path / "long", watch=Watch())
    assert sum(seen) - short == short


def test_training_on_known_features_changes_nothing_but_last_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = train(PROBE, directory=tmp_path / "fast", watch=Watch())
    monkeypatch.setattr("harness.learner.remembered", lambda *_: None)
    slow = train(PROBE, directory=tmp_path / "slow", watch=Watch())
    for name, tensor in slow.weights.items():
        torch.testing.assert_close(fast.weights[name], tensor, rtol=1e-4, atol=1e-6)
