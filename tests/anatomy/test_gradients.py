"""Gradient norms: as autograd has them, alone and in a stack, however small they are."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from harness.anatomy.gradients import PREFIX, LayerNorms, is_due, row_norms, weight_layers
from harness.fresh import network_of
from harness.fused.train import train_group
from harness.keeper import Hooks
from harness.training import train
from tests.test_training import BASE, WATCH

RECIPE = replace(BASE, precision="64-true", epochs=6, l2=0.1)
CLIPPED = replace(RECIPE, lr=3e-3, seed=1, clip=0.1)


def test_they_are_measured_in_epochs_that_double() -> None:
    assert [epoch for epoch in range(40) if is_due(epoch)] == [0, 1, 2, 4, 8, 16, 32]


def test_weight_layers_are_numbered_in_the_order_of_the_network() -> None:
    network = nn.ModuleDict({"a*b": nn.Linear(2, 3), "norm": nn.LayerNorm(3), "z": nn.Linear(3, 1)})
    assert weight_layers(network) == {
        "a*b.weight": "gradient/1 a_b",
        "a*b.bias": "gradient/1 a_b",
        "z.weight": "gradient/2 z",
        "z.bias": "gradient/2 z",
    }
    tied = nn.ModuleDict({"words": nn.Embedding(5, 3), "head": nn.Linear(3, 5, bias=False)})
    tied["head"].weight = tied["words"].weight
    assert set(weight_layers(tied).values()) == {"gradient/1 words"}


def test_a_norm_is_that_of_all_tensors_of_a_layer_and_never_lost_to_rounding() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    network[0].weight.grad = torch.full((2, 2), 1e-30)
    network[0].bias.grad = torch.full((2,), 3e-30)
    found = LayerNorms(network).measure()
    assert found == {"gradient/1 0": pytest.approx(22**0.5 * 1e-30)}
    rows = [("0.weight", torch.ones(3, 2, 2)), ("0.bias", torch.zeros(3, 2))]
    assert row_norms(rows, weight_layers(network)) == [{"gradient/1 0": 2.0}] * 3


def test_the_first_is_the_gradient_of_the_first_step_before_clipping(tmp_path: Path) -> None:
    history = train(CLIPPED, directory=tmp_path, watch=WATCH).history
    measured = [
        number for number, epoch in enumerate(history) if f"{PREFIX}1 hidden_1.linear" in epoch
    ]
    assert measured == [0, 1, 2, 4]
    network = network_of(CLIPPED).double().train()
    data = CLIPPED.data.build(seed=CLIPPED.seed, batch_size=CLIPPED.batch_size)
    batch = [
        part.double() if part.is_floating_point() else part
        for part in next(iter(data.train_dataloader()))
    ]
    loss = CLIPPED.task.loss(CLIPPED.task.predict(network, batch), batch, training=True)
    loss = loss + CLIPPED.l2 / 2 * sum(p.square().sum() for p in network.parameters())
    torch.autograd.backward(loss)
    expected = LayerNorms(network).measure()
    assert {name: history[0][name] for name in expected} == pytest.approx(expected, rel=1e-9)


def test_in_a_stack_they_are_those_of_each_alone(tmp_path: Path) -> None:
    recipes = [RECIPE, CLIPPED]
    group = train_group(
        recipes, directory=tmp_path / "group", watch=WATCH, hooks=[Hooks()] * 2, stop=lambda: False
    )
    for number, fused in enumerate(group):
        alone = train(recipes[number], directory=tmp_path / str(number), watch=WATCH)
        for epoch, other in zip(fused.history, alone.history, strict=True):
            there = {name: value for name, value in epoch.items() if name.startswith(PREFIX)}
            assert there == pytest.approx(
                {name: value for name, value in other.items() if name.startswith(PREFIX)}, rel=1e-7
            )
    assert sum(PREFIX in name for name in group[0].history[4]) == 3
