"""What every strategy keeps: each tensor that trains is in exactly one group."""

import math

import pytest
import torch
from torch import nn

from harness.recipe import Data, Model, Strategy
from harness.settings import UserError
from tests.contracts.found import Found, adam_steps, built, examples

Networks = list[tuple[Model, Data, nn.Module]]


@pytest.fixture
def networks(strategy: Strategy, found: Found) -> Networks:
    """Every model that the strategy does not refuse, built on a small dataset."""
    accepted: Networks = []
    for model in (kind() for kind in found.models):
        data = found.small_data(model)
        network = built(model, data)
        try:
            strategy.groups(network)
        except UserError:
            continue
        accepted.append((model, data, built(model, data)))
    assert accepted, "it refuses every model"
    return accepted


def test_every_tensor_that_trains_is_in_one_group(strategy: Strategy, networks: Networks) -> None:
    for _, _, network in networks:
        groups = strategy.groups(network)
        grouped = [id(p) for parameters, _ in groups.values() for p in parameters]
        trainable = {id(p) for p in network.parameters() if p.requires_grad}
        assert len(grouped) == len(set(grouped))
        assert set(grouped) == trainable


def test_its_groups_are_named_filled_and_scaled(strategy: Strategy, networks: Networks) -> None:
    for _, _, network in networks:
        groups = strategy.groups(network)
        assert groups
        for name, (parameters, factor) in groups.items():
            assert name.strip()
            assert parameters
            assert math.isfinite(factor)
            assert factor > 0


def test_twice_is_once(strategy: Strategy, networks: Networks) -> None:
    for _, _, network in networks:
        first, second = strategy.groups(network), strategy.groups(network)
        assert {n: [id(p) for p in ps] for n, (ps, _) in first.items()} == {
            n: [id(p) for p in ps] for n, (ps, _) in second.items()
        }


def test_what_is_in_no_group_never_changes(
    strategy: Strategy, networks: Networks, found: Found
) -> None:
    for model, data, network in networks:
        strategy.groups(network)
        frozen = {n: p.clone() for n, p in network.named_parameters() if not p.requires_grad}
        trained = {n: p.clone() for n, p in network.named_parameters() if p.requires_grad}
        adam_steps(network, found.task_of(model, data), examples(data), steps=3, lr=1e-2)
        now = dict(network.named_parameters())
        assert all(torch.equal(frozen[name], now[name]) for name in frozen)
        assert any(not torch.equal(trained[name], now[name]) for name in trained)


def test_it_chooses_the_same_on_meta(strategy: Strategy, networks: Networks) -> None:
    for model, data, network in networks:
        with torch.device("meta"):
            planned = model.build(data.facts())
            strategy.groups(planned)
        strategy.groups(network)
        chosen = [
            {n: (p.shape, p.requires_grad) for n, p in each.named_parameters()}
            for each in (planned, network)
        ]
        assert chosen[0] == chosen[1]
