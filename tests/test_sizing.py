"""Sizing: widths within tolerance for every shipped model, and errors that say what is near."""

import importlib
import inspect
import pkgutil
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
import pytorch_lightning as lightning
import torch
from torch import nn

import harness.models
from harness.models.cnn import CNN
from harness.models.decoder import Decoder
from harness.models.mlp import MLP
from harness.models.two_layer_cnn import TwoLayerCNN
from harness.recipe import Data, Facts, Model
from harness.settings import UserError
from harness.sizing import count_parameters, width_for


@dataclass(frozen=True, kw_only=True)
class Shapes(Data):
    """A dataset of which only the facts are known."""

    inputs: tuple[int, ...] = (1, 8, 8)
    outputs: int = 10

    def facts(self) -> Facts:
        return Facts(inputs=self.inputs, outputs=self.outputs, train=10, validation=10, test=10)

    def check(self) -> None: ...

    def digest(self) -> str:
        return "0" * 64

    def build(
        self, *, seed: int, batch_size: int | None, accumulate: int = 1
    ) -> lightning.LightningDataModule:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Text(Shapes):
    """A text of which only the facts are known."""

    inputs: tuple[int, ...] = (16,)
    vocabulary: int = 30

    def facts(self) -> Facts:
        outputs = self.vocabulary
        facts = Facts(inputs=self.inputs, outputs=outputs, train=10, validation=10, test=10)
        return replace(facts, targets="tokens", vocabulary=self.vocabulary)


@dataclass(frozen=True, kw_only=True)
class Narrow(Model):
    """A model without a width."""

    units: int = 3

    def build(self, facts: Facts) -> nn.Module:
        return nn.Linear(self.units, facts.outputs)


@dataclass(frozen=True, kw_only=True)
class Constant(Model):
    """A model whose width changes nothing."""

    width: int = 3

    def build(self, facts: Facts) -> nn.Module:
        return nn.Linear(3, facts.outputs)


def with_width() -> list[type[Model]]:
    """Every shipped model that has a width and takes small images."""
    names = [module.name for module in pkgutil.iter_modules(harness.models.__path__)]
    modules = [importlib.import_module(f"harness.models.{name}") for name in names]
    found = {kind for module in modules for _, kind in inspect.getmembers(module, inspect.isclass)}
    models = [kind for kind in found if issubclass(kind, Model) and not inspect.isabstract(kind)]
    sized = [m for m in models if "width" in field_names(m) and takes_small_images(m())]
    return sorted(sized, key=lambda m: m.__name__)


def field_names(kind: Any) -> list[str]:
    return [field.name for field in fields(kind)]


def grows_by(kind: type[Model]) -> str | None:
    """The setting that makes a model deeper, or else larger without being wider."""
    return next((n for n in ("depth", "blocks", "hidden") if n in field_names(kind)), None)


def deeper(kind: type[Model], amount: int) -> dict[str, Any]:
    """Settings of `amount` layers or, for those that count in sixes, blocks a stage."""
    name = grows_by(kind)
    if name is None:
        return {}
    for value in (amount, 6 * amount + 2, 6 * amount + 4):
        try:
            replace(kind(), **{name: value})  # type: ignore[type-var]
        except UserError:
            continue
        return {name: value}
    raise AssertionError(f"{kind.__name__} has no {name} for {amount}")


def takes_small_images(model: Model) -> bool:
    try:
        count_parameters(model, Shapes().facts())
    except UserError:
        return False
    return True


def test_discovery_finds_the_image_models() -> None:
    assert {MLP, CNN, TwoLayerCNN} <= set(with_width())


@pytest.mark.parametrize("budget", [8_000, 32_000, 128_000])
@pytest.mark.parametrize("amount", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("kind", with_width())
def test_width_is_within_two_percent_or_the_error_is_right(
    kind: type[Model], amount: int, budget: int
) -> None:
    settings = deeper(kind, amount)
    model: Model = replace(kind(), **settings)  # type: ignore[type-var]
    if not takes_small_images(model):
        pytest.skip("so deep it needs larger images")
    width = width_for(kind(), Shapes(), parameters=budget, tolerance=1e9, **settings)
    counts = [counted(model, near) for near in (max(width - 1, 1), width, width + 1)]
    off = abs(counts[1] - budget)
    assert off == min(abs(count - budget) for count in counts)
    if off <= 0.02 * budget:
        assert width_for(kind(), Shapes(), parameters=budget, **settings) == width
    else:
        with pytest.raises(UserError, match=rf"nearest .*{counts[1]:,} at width {width}"):
            width_for(kind(), Shapes(), parameters=budget, **settings)


def counted(model: Any, width: int) -> int:
    """Trainable parameters as the real, not the meta, network has them."""
    network = replace(model, width=width).build(Shapes().facts())
    return sum(parameter.numel() for parameter in network.parameters())


def test_depths_of_the_mlp_are_all_reached_at_ordinary_budgets() -> None:
    widths = [width_for(MLP(), Shapes(), parameters=32_000, depth=depth) for depth in (1, 2, 4, 8)]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize("depth", [1, 3, 8])
def test_a_budget_of_non_embedding_parameters_is_met_whatever_the_vocabulary(depth: int) -> None:
    model = replace(Decoder(heads=2), depth=depth)
    found = []
    for vocabulary in (10, 20_000):
        data = Text(vocabulary=vocabulary)
        budget = 300_000
        width = width_for(model, data, parameters=budget, of="non_embedding", tolerance=0.04)
        network = replace(model, width=width).build(data.facts())
        tables = (network.tokens, network.places)
        embedding = sum(table.weight.numel() for table in tables if table is not None)
        count = sum(parameter.numel() for parameter in network.parameters()) - embedding
        assert count_parameters(replace(model, width=width), data.facts(), "non_embedding") == count
        assert abs(count - budget) <= 0.04 * budget
        found.append(width)
    assert found[0] == found[1]


def test_an_exact_count_is_found_exactly() -> None:
    data = Shapes(inputs=(2,), outputs=3)
    assert width_for(MLP(), data, parameters=4_547, tolerance=0) == 64
    assert width_for(TwoLayerCNN(), Shapes(inputs=(1, 28, 28)), parameters=693_962) == 32


def test_the_smallest_width_serves_its_own_count() -> None:
    data = Shapes(inputs=(2,), outputs=1)
    assert width_for(MLP(), data, parameters=5, depth=1, tolerance=0) == 1


def test_an_impossible_budget_names_the_nearest_counts() -> None:
    data = Shapes(inputs=(2,), outputs=1)  # one hidden layer: 4·width + 1 parameters
    with pytest.raises(UserError, match=r"got 15; .*below: 13 at width 3; .*above: 17 at width 4"):
        width_for(MLP(), data, parameters=15, depth=1)
    with pytest.raises(UserError, match=r"below: none; nearest above: 5 at width 1; choose one"):
        width_for(MLP(), data, parameters=2, depth=1)
    assert width_for(MLP(), data, parameters=15, depth=1, tolerance=0.2) == 3


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (Narrow(), {}, r"Narrow has no width: got \['units'\]"),
        (MLP(), {"layers": 3}, r"settings of MLP: got \['layers'\]; allowed: \['depth'"),
        (MLP(), {"width": 3}, r"settings of MLP: got \['width'\]"),
        (MLP(), {"depth": -1}, "depth: got -1"),
        (CNN(), {"stages": 9}, "image size"),
        (Constant(), {}, "count rising with width"),
        (MLP(), {"parameters": 0}, "parameters: got 0"),
        (MLP(), {"tolerance": -1.0}, "tolerance: got -1.0"),
        (MLP(), {"of": "head"}, "of: got 'head'"),
    ],
)
def test_a_mistake_is_refused(model: Model, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        width_for(model, Shapes(), **{"parameters": 1_000, **settings})


def test_counting_draws_no_random_numbers_and_is_remembered() -> None:
    state = torch.get_rng_state()
    count_parameters(MLP(width=999), Shapes().facts())
    assert torch.equal(state, torch.get_rng_state())
    hits = count_parameters.cache_info().hits
    assert count_parameters(MLP(width=999), Shapes().facts()) > 1_000_000
    assert count_parameters.cache_info().hits == hits + 1
