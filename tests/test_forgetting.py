"""Forgetting: drift by its formula, and the source task before and after."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from harness.base import begin
from harness.course import Watch
from harness.data.changed_digits import ChangedDigits
from harness.data.digits import Digits
from harness.forgetting import drift
from harness.fresh import network_of
from harness.models.mlp import MLP
from harness.recipe import Recipe
from harness.start import Base
from harness.starts.from_directory import FromDirectory
from harness.strategies.adapters import Adapters
from harness.strategies.full import Full
from harness.strategies.linear_probe import LinearProbe
from harness.strategies.lora import LoRA
from harness.tasks.classify import Classify
from harness.traces import traces
from harness.training import train

SOURCE = Recipe(
    model=MLP(depth=2, width=32), data=Digits(), task=Classify(), strategy=Full(), lr=1e-2, epochs=8
)


@dataclass(frozen=True, kw_only=True)
class OfSource(FromDirectory):
    """Weights that SOURCE trained."""

    def base(self) -> Base:
        return replace(super().base(), recipe=SOURCE)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """A recipe on permuted digits that starts from a network that knows the digits."""
    folder = tmp_path_factory.mktemp("source")
    weights = train(SOURCE, directory=folder / "run", watch=Watch()).weights
    save_file(dict(weights), folder / "model.safetensors")
    start = OfSource(path=str(folder))
    return replace(SOURCE, data=ChangedDigits(change="permuted"), start=start, seed=1)


def test_drift_is_the_relative_distance_of_each_block() -> None:
    network = network_of(SOURCE)
    after = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for name in ("hidden_2.linear.weight", "hidden_2.linear.bias"):
        after[name] *= 3.0
    after["head.weight"] += 1.0
    found = drift(network, after)
    assert set(found) == {"drift/body", "drift/hidden_1", "drift/hidden_2"}
    assert found["drift/hidden_1"] == 0.0
    assert found["drift/hidden_2"] == pytest.approx(2.0)
    assert 0 < found["drift/body"] < 2.0


def test_untouched_weights_remember_everything(recipe: Recipe) -> None:
    network = network_of(recipe)
    begin(network, recipe)
    state = torch.get_rng_state()
    found = traces(recipe, network.state_dict())
    assert torch.equal(torch.get_rng_state(), state)
    assert found["drift/body"] == 0.0
    assert found["source/accuracy"] == found["source/accuracy_before"] > 0.9
    assert found["source/loss"] == found["source/loss_before"]


def test_training_on_permuted_digits_forgets_the_digits(recipe: Recipe, tmp_path: Path) -> None:
    found = traces(recipe, train(recipe, directory=tmp_path, watch=Watch()).weights)
    assert found["source/accuracy_before"] > 0.9
    assert found["source/accuracy"] < found["source/accuracy_before"] - 0.2
    assert found["drift/body"] > 0.05


def test_a_new_head_on_a_frozen_body_costs_the_source_task_nothing(
    recipe: Recipe, tmp_path: Path
) -> None:
    assert recipe.start is not None
    probe = replace(recipe, strategy=LinearProbe(), start=replace(recipe.start, new_head=True))
    found = traces(probe, train(probe, directory=tmp_path, watch=Watch()).weights)
    assert found["source/accuracy"] == found["source/accuracy_before"]


def test_an_adapter_that_does_not_merge_is_on_when_the_source_task_is_asked(
    recipe: Recipe, tmp_path: Path
) -> None:
    adapted = replace(recipe, strategy=Adapters())
    found = traces(adapted, train(adapted, directory=tmp_path, watch=Watch()).weights)
    assert found["drift/body"] == 0.0
    assert found["source/accuracy"] < found["source/accuracy_before"]


def test_without_a_start_there_is_nothing_to_forget() -> None:
    assert traces(SOURCE, network_of(SOURCE).state_dict()) == {}


def test_traces_of_an_adapter(recipe: Recipe, tmp_path: Path) -> None:
    """Merged it computes the same, and it trains a known number in each block."""
    lora = replace(recipe, strategy=LoRA(rank=2))
    found = traces(lora, train(lora, directory=tmp_path, watch=Watch()).weights)
    assert found["merge/error"] < 1e-5
    assert found["trained/hidden_2"] == 2 * (32 + 32) / (32 * 32 + 32)
    assert found["params/trainable_body"] == 2 * (64 + 32) + 2 * (32 + 32)
    assert found["size/trained_bytes"] == 4 * (found["params/trainable_body"] + 32 * 10 + 10)
    assert found["cka/hidden_1"] < 0.999


def test_what_is_frozen_stays_alike(recipe: Recipe, tmp_path: Path) -> None:
    probe = replace(recipe, strategy=LinearProbe())
    found = traces(probe, train(probe, directory=tmp_path, watch=Watch()).weights)
    assert [found["cka/hidden_1"], found["cka/hidden_2"]] == pytest.approx([1.0, 1.0])
    assert [found["trained/hidden_1"], found["drift/body"]] == [0.0, 0.0]
