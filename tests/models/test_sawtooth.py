"""Depth beats width exactly once: Telgarsky's sawtooth, 2^k linear pieces from 2k hidden units."""

import pytest
import torch
from torch import nn

from harness.models.mlp import MLP
from harness.recipe import Facts

FACTS = Facts(inputs=(1,), outputs=1, train=1, validation=1, test=1)


def sawtooth(k: int) -> nn.Module:
    """An MLP of depth k and width 2 that computes k compositions of 2·relu(x) − 4·relu(x − ½)."""
    network = MLP(depth=k, width=2).build(FACTS).double()
    combine = torch.tensor([[2.0, -4.0]])
    with torch.no_grad():
        for index in range(1, k + 1):
            linear = network.get_submodule(f"hidden_{index}.linear")
            weight = torch.ones(2, 1) if index == 1 else combine.expand(2, 2)
            linear.get_parameter("weight").copy_(weight)
            linear.get_parameter("bias").copy_(torch.tensor([0.0, -0.5]))
        network.get_parameter("head.weight").copy_(combine)
        network.get_parameter("head.bias").zero_()
    return network


def linear_pieces(network: nn.Module, cells: int) -> int:
    """Count pieces on [0, 1] whose breaks lie on the grid; dyadic float64 numbers are exact."""
    grid = torch.arange(cells + 1, dtype=torch.float64) / cells
    slopes = network(grid[:, None]).squeeze(1).diff() * cells
    return 1 + int((slopes[1:] != slopes[:-1]).sum())


@pytest.mark.parametrize("k", [1, 2, 3, 6, 10])
def test_sawtooth_has_exponentially_many_pieces_in_its_depth(k: int) -> None:
    network = sawtooth(k)
    assert sum(parameter.numel() for parameter in network.parameters()) == 6 * k + 1
    assert linear_pieces(network, cells=2 ** (k + 2)) == 2**k
