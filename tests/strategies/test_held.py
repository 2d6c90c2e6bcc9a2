"""L2SP and EWC: terms of the loss that hold a training near its start, by their formulas."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from harness.course import Watch
from harness.data.diabetes import Diabetes
from harness.data.digits import Digits
from harness.fresh import network_of
from harness.groups import Prepared, prepare
from harness.models.mlp import MLP
from harness.recipe import Recipe, Strategy
from harness.settings import UserError
from harness.strategies.ewc import EWC, fisher_information
from harness.strategies.full import Full
from harness.strategies.l2_sp import L2SP
from harness.tasks.classify import Classify
from harness.tasks.regress import Regress
from harness.training import train

SOURCE = Recipe(
    model=MLP(depth=0), data=Digits(limit=200), task=Classify(), strategy=Full(), lr=3e-3, epochs=6
)
DEEP = replace(SOURCE, model=MLP(depth=2, width=8, dropout=0.3, norm="batch"))


def prepared_for(strategy: Strategy, recipe: Recipe = DEEP) -> Prepared:
    return prepare(network_of(recipe), strategy)


def test_at_the_start_the_term_and_its_gradient_are_zero() -> None:
    for strategy in (L2SP(weight=3.0), EWC(weight=3.0, samples=10)):
        prepared = prepared_for(strategy)
        assert prepared.plan.held is not None
        term = prepared.plan.held.begin(prepared.network, prepared.body(), DEEP)()
        torch.autograd.backward(term)
        assert term == 0.0
        assert all(not p.grad.any() for p in prepared.body().values() if p.grad is not None)


def test_l2sp_is_its_formula_and_leaves_the_head_alone() -> None:
    prepared = prepared_for(L2SP(weight=3.0))
    assert prepared.plan.held is not None
    pull = prepared.plan.held.begin(prepared.network, prepared.body(), None)
    with torch.no_grad():
        for parameter in prepared.network.parameters():
            parameter.add_(0.5)
    assert not any(name.startswith("head") for name in prepared.body())
    size = sum(parameter.numel() for parameter in prepared.body().values())
    assert pull().item() == pytest.approx(3.0 / 2 * 0.25 * size, rel=1e-5)


def test_the_fisher_information_of_softmax_regression_is_its_closed_form() -> None:
    """E over y of (∂ log p(y)/∂b_c)² = p_c·(1 − p_c) for the bias of class c."""
    recipe = replace(SOURCE, batch_size=1000)
    network = network_of(recipe)
    bias = {"head.bias": network.get_parameter("head.bias")}
    inputs = next(iter(recipe.data.build(seed=0, batch_size=200).train_dataloader()))[0]
    with torch.no_grad():
        p = network(inputs).softmax(-1)
    sampled = fisher_information(network, bias, recipe, samples=200)["head.bias"]
    expected = (p * (1 - p)).mean(0)
    assert torch.allclose(sampled.sum(), expected.sum(), rtol=0.1)
    assert torch.allclose(sampled, expected, atol=4 * (0.25 / 200) ** 0.5)


def test_the_fisher_information_takes_no_random_number_and_leaves_the_network() -> None:
    network = network_of(DEEP).train()
    state, before = torch.get_rng_state(), _copied(network.state_dict().values())
    names = dict(network.named_parameters())
    one, two = (fisher_information(network, names, DEEP, samples=20) for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in names)
    assert torch.equal(torch.get_rng_state(), state)
    assert network.training
    assert all(map(torch.equal, before, network.state_dict().values()))


def _copied(tensors: Iterable[Tensor]) -> list[Tensor]:
    return [tensor.clone() for tensor in tensors]


def test_a_strong_term_keeps_the_body_and_a_weak_one_does_not(tmp_path: Path) -> None:
    moved = []
    for weight in (0.0, 1.0, 1000.0):
        recipe = replace(DEEP, strategy=L2SP(weight=weight), optimizer="sgd", lr=1e-3)
        start = prepare(network_of(recipe), recipe.strategy).body()
        weights = train(recipe, directory=tmp_path / str(weight), watch=Watch()).weights
        moved.append(sum((weights[n] - p).square().sum().item() for n, p in start.items()))
    assert moved[0] > moved[1] > moved[2] > 0


@pytest.mark.parametrize("source", [None, replace(SOURCE, data=Diabetes(), task=Regress())])
def test_ewc_needs_a_source_of_classes(source: Recipe | None) -> None:
    prepared = prepared_for(EWC())
    assert prepared.plan.held is not None
    with pytest.raises(UserError, match="EWC's source task"):
        prepared.plan.held.begin(prepared.network, prepared.body(), source)
