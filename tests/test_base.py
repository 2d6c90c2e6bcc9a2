"""Base: what a network takes over, and what keeps it from doing so."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from harness.base import take_over
from harness.models.cnn import CNN
from harness.models.mlp import MLP
from harness.recipe import Facts, Model
from harness.settings import UserError
from harness.start import Base

FACTS = Facts(inputs=(1, 8, 8), outputs=10, train=1, validation=1, test=1)
MODEL = CNN(stages=2, width=4, norm="batch")


def built(model: Model = MODEL, *, seed: int = 0, outputs: int = 10) -> nn.Module:
    torch.manual_seed(seed)
    return model.build(replace(FACTS, outputs=outputs))


def base(weights: dict[str, Tensor]) -> Base:
    return Base(weights=weights, sha256="0" * 64)


def same(network: nn.Module, weights: dict[str, Tensor]) -> set[str]:
    state = network.state_dict()
    return {name for name in state if name in weights and torch.equal(state[name], weights[name])}


def test_everything_is_taken_over_if_everything_fits() -> None:
    weights = built(seed=1).state_dict()
    weights["stage_1.block_1.1.running_mean"] += 1.0
    network = built()
    assert take_over(network, base(weights), new_head=False) == ()
    assert same(network, weights) == set(weights)


@pytest.mark.parametrize(("outputs", "new_head"), [(10, True), (5, False)])
def test_a_head_that_does_not_fit_or_shall_be_new_stays_as_drawn(
    outputs: int, new_head: bool
) -> None:
    weights = built(seed=1).state_dict()
    network = built(outputs=outputs)
    drawn = network.state_dict()["head.weight"].clone()
    assert take_over(network, base(weights), new_head=new_head) == ("head.bias", "head.weight")
    assert torch.equal(network.state_dict()["head.weight"], drawn)
    assert same(network, weights) == {name for name in weights if not name.startswith("head")}


def test_a_body_without_the_networks_prefix_is_found_and_more_is_left() -> None:
    body = built(seed=1).state_dict()
    network = nn.ModuleDict({"encoder": built(), "head": nn.Linear(10, 2)})
    weights = {**body, "pooler.weight": torch.zeros(3)}
    assert take_over(network, base(weights), new_head=False) == ("head.bias", "head.weight")
    assert same(network["encoder"], body) == set(body)


def test_half_precision_becomes_the_networks_own() -> None:
    weights = {
        name: t.half() if t.is_floating_point() else t
        for name, t in built(seed=1).state_dict().items()
    }
    network = built()
    take_over(network, base(weights), new_head=False)
    assert {p.dtype for p in network.parameters()} == {torch.float32}


def test_another_model_is_refused_with_what_does_not_fit() -> None:
    weights = built(seed=1).state_dict()
    with pytest.raises(UserError, match=r"base: got 'stage_1\S+ \(4, 1, 3, 3\).* allowed: stage_1"):
        take_over(built(replace(MODEL, width=8)), base(weights), new_head=False)
    with pytest.raises(UserError, match="missing"):
        take_over(built(MLP(depth=2)), base(weights), new_head=False)
