"""What every strategy keeps: each tensor that trains is in one group, and no other changes."""

import math
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from harness.groups import Prepared, prepare
from harness.models.cnn import CNN
from harness.models.mlp import MLP
from harness.phase_runner import PhaseRunner
from harness.recipe import Data, Model, Strategy
from harness.settings import UserError
from tests.contracts.found import Found, built, examples

Pair = tuple[Model, Data]
NORMED = (MLP(depth=3, norm="layer", dropout=0.1), CNN(stages=3, width=4, norm="batch"))
"""Models as they are by default may have no norm, and too few blocks."""


@pytest.fixture
def pairs(strategy: Strategy, found: Found) -> list[Pair]:
    """Every model that the strategy does not refuse, with a small dataset."""
    accepted: list[Pair] = []
    for model in (*(kind() for kind in found.models), *NORMED):
        data = found.small_data(model)
        try:
            prepare(built(model, data), strategy)
        except UserError as error:
            if "pip install" in str(error):
                pytest.skip(str(error))
            continue
        accepted.append((model, data))
    assert accepted, "it refuses every model"
    return accepted


def phases_of(prepared: Prepared) -> Iterator[PhaseRunner]:
    """Yield the network in every phase, of one step each."""
    borders = tuple(range(len(prepared.plan.phases)))
    runner = PhaseRunner(prepared, borders=borders, steps_per_epoch=1)
    for step in borders:
        runner.enter(step)
        yield runner
    runner.leave()


def test_every_tensor_that_trains_is_in_one_group(strategy: Strategy, pairs: list[Pair]) -> None:
    for model, data in pairs:
        prepared = prepare(built(model, data), strategy)
        grouped = [id(p) for group in prepared.groups for p in group.members.values()]
        trainable = {id(p) for p in prepared.network.parameters() if p.requires_grad}
        assert len(grouped) == len(set(grouped))
        assert set(grouped) == trainable


def test_its_groups_are_named_filled_and_scaled(strategy: Strategy, pairs: list[Pair]) -> None:
    for model, data in pairs:
        groups = prepare(built(model, data), strategy).groups
        assert len({group.name for group in groups}) == len(groups) > 0
        for group in groups:
            assert group.name.strip()
            assert group.members
            assert all(math.isfinite(factor) and factor >= 0 for factor in group.factors)
            assert max(group.factors) > 0


def test_in_each_phase_just_its_groups_train_and_nothing_else_moves(
    strategy: Strategy, pairs: list[Pair], found: Found
) -> None:
    for model, data in pairs:
        task, batch = found.task_of(model, data), examples(data)
        prepared = prepare(built(model, data), strategy)
        network = prepared.network
        everything = [p for group in prepared.groups for p in group.members.values()]
        optimizer = torch.optim.AdamW(everything, lr=1e-2, weight_decay=0.5)
        for runner in phases_of(prepared):
            before = _tensors(network)
            for _ in range(3):
                optimizer.zero_grad()
                output = task.predict(network, batch)
                torch.autograd.backward(task.loss(output, batch, training=True))
                runner.prove_gradients()
                optimizer.step()
            active = {id(p) for p in runner.active()}
            moved = {n for n, t in _tensors(network).items() if not torch.equal(t, before[n])}
            trains = {n for n, p in network.named_parameters() if id(p) in active}
            assert moved & set(dict(network.named_parameters())) == trains, model
            assert sum(p.numel() for p in runner.active()) == prepared.trainable(runner.phase)


def test_a_subtree_that_is_frozen_computes_as_in_evaluation(
    strategy: Strategy, pairs: list[Pair]
) -> None:
    for model, data in pairs:
        for runner in phases_of(prepare(built(model, data), strategy)):
            for module in runner.network.modules():
                parameters = list(module.parameters())
                if parameters:
                    assert module.training == any(p.requires_grad for p in parameters)


def test_it_chooses_the_same_on_meta(strategy: Strategy, pairs: list[Pair]) -> None:
    for model, data in pairs:
        with torch.device("meta"):
            planned = prepare(model.build(data.facts()), strategy)
        actual = prepare(built(model, data), strategy)
        assert _chosen(planned) == _chosen(actual)


def _chosen(prepared: Prepared) -> list[tuple[str, list[str], tuple[float, ...]]]:
    return [(group.name, list(group.members), group.factors) for group in prepared.groups]


def _tensors(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}
