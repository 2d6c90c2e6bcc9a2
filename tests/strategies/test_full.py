"""Full: every parameter once, all trainable, at factor 1."""

from torch import nn

from harness.groups import prepare
from harness.strategies.full import Full


def test_everything_trains_once_even_what_was_frozen_or_tied() -> None:
    network = nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 7, bias=False), nn.LayerNorm(7))
    network[1].weight = network[0].weight
    network[2].requires_grad_(False)
    (group,) = prepare(network, Full()).groups
    assert (group.name, group.factors) == ("all", (1.0,))
    assert len(group.members) == len({id(parameter) for parameter in group.members.values()}) == 3
    assert all(parameter.requires_grad for parameter in network.parameters())
