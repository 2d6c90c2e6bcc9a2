"""Parameter counts: unique tensors, by type, trainable and frozen, lazy layers refused."""

import pytest
import torch
from torch import nn

from harness.anatomy.parameters import count
from harness.models.cnn import CNN
from harness.models.mlp import MLP
from harness.models.two_layer_cnn import TwoLayerCNN
from harness.recipe import Facts, Model
from harness.settings import UserError

FACTS = Facts(inputs=(1, 28, 28), outputs=10, train=10, validation=10, test=10)


@pytest.mark.parametrize(
    "model", [MLP(connection="rezero", norm="layer"), CNN(norm="batch"), TwoLayerCNN()], ids=str
)
def test_parts_sum_to_the_total(model: Model) -> None:
    network = model.build(FACTS)
    counts = count(network)
    assert counts.total == sum(parameter.numel() for parameter in network.parameters())
    assert counts.total == sum(counts.by_type.values()) == counts.trainable + counts.frozen
    assert all(counts.by_type.values())


def test_types_are_the_classes_that_hold_the_parameters() -> None:
    model = MLP(depth=3, width=4, connection="rezero", norm="layer")
    counts = count(model.build(FACTS))
    assert counts.by_type == {
        "Linear": (784 * 4 + 4) + 2 * (4 * 4 + 4) + (4 * 10 + 10),
        "LayerNorm": 3 * 8,
        "ReZero": 2,
    }


def test_counts_of_the_literature_by_type() -> None:
    counts = count(TwoLayerCNN().build(FACTS))
    assert counts.by_type == {"Conv2d": 320, "Linear": 693_642}
    assert counts.total == 693_962


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_tied_weights_count_once(device: str) -> None:
    with torch.device(device):
        network = nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 7, bias=False))
        network[1].weight = network[0].weight
    assert count(network).by_type == {"Embedding": 28}


def test_freezing_moves_counts_and_changes_no_other() -> None:
    network = MLP(depth=2, width=64).build(
        Facts(inputs=(2,), outputs=3, train=1, validation=1, test=1)
    )
    before = count(network)
    network.get_submodule("hidden_1").requires_grad_(False)
    after = count(network)
    assert (before.trainable, before.frozen) == (4_547, 0)
    assert (after.trainable, after.frozen) == (4_355, 192)
    assert (after.total, after.by_type) == (before.total, before.by_type)


def test_buffers_are_no_parameters() -> None:
    assert count(nn.BatchNorm2d(5)).total == 10
    assert count(nn.BatchNorm2d(5, affine=False)).by_type == {}


def test_a_lazy_layer_is_refused_until_it_has_a_shape() -> None:
    network = nn.Sequential(nn.Flatten(), nn.LazyLinear(5))
    with pytest.raises(UserError, match=r"lazy layer: got '1'.*run one forward pass"):
        count(network)
    network(torch.zeros(1, 10))
    assert count(network).total == 55
