"""Laws that hold for every network: sums, formulas, and what freezing changes."""

from collections.abc import Callable
from dataclasses import asdict

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from harness.anatomy.describe import Anatomy, describe
from harness.anatomy.parameters import count


class Residual(nn.Module):
    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, batch: Tensor) -> Tensor:
        result: Tensor = batch + self.body(batch)
        return result


class Last(nn.Module):
    """A recurrent layer's outputs alone."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, batch: Tensor) -> Tensor:
        result: Tensor = self.layer(batch)[0]
        return result


WIDTH = 8
BLOCKS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(WIDTH, WIDTH),
    "narrow": lambda: nn.Sequential(nn.Linear(WIDTH, 3, bias=False), nn.Linear(3, WIDTH)),
    "relu": lambda: nn.ReLU(),
    "norm": lambda: nn.LayerNorm(WIDTH),
    "dropout": lambda: nn.Dropout(0.1),
    "residual": lambda: Residual(nn.Sequential(nn.RMSNorm(WIDTH), nn.Linear(WIDTH, WIDTH))),
    "lstm": lambda: Last(nn.LSTM(WIDTH, WIDTH, batch_first=True)),
    "encoder": lambda: nn.TransformerEncoderLayer(WIDTH, 2, 12, batch_first=True),
    "prelu": lambda: nn.PReLU(),
}
networks = st.lists(st.sampled_from(sorted(BLOCKS)), min_size=1, max_size=6)
FEW = settings(max_examples=15, deadline=None)


def build(names: list[str], *, tied: bool = False) -> nn.Sequential:
    with torch.device("meta"):
        network = nn.Sequential(*(BLOCKS[name]() for name in names), nn.Linear(WIDTH, WIDTH))
        if tied:
            network.append(nn.Linear(WIDTH, WIDTH))
            network[-1].weight = network[-2].weight
    return network


def described(network: nn.Module) -> Anatomy:
    return describe(network, torch.zeros(2, 5, WIDTH, device="meta"))


def parameters_of(anatomy: Anatomy) -> dict[str, int]:
    return {row.name: row.parameters for row in anatomy.layers if row.parameters}


@FEW
@given(names=networks, tied=st.booleans())
def test_parts_sum_to_the_whole(names: list[str], tied: bool) -> None:
    network = build(names, tied=tied)
    anatomy = described(network)
    counts, rows = anatomy.counts, anatomy.layers
    assert counts.total == sum(each.numel() for each in network.parameters())
    assert counts.total == sum(counts.by_type.values()) == sum(row.parameters for row in rows)
    assert counts.total == counts.trainable + counts.frozen
    assert counts.total == counts.embedding + counts.non_embedding
    assert sum(row.share for row in rows) == 1 or abs(sum(row.share for row in rows) - 1) < 1e-9
    assert anatomy.flops.forward == sum(row.forward_flops for row in rows)
    assert anatomy.flops.backward == sum(row.backward_flops for row in rows)
    assert anatomy.memory.activations >= sum(row.saved_bytes for row in rows)
    assert anatomy.memory.peak >= anatomy.memory.weights + anatomy.memory.activations


@FEW
@given(names=networks)
def test_every_layer_has_what_its_formula_says_and_costs_what_the_counter_reads(
    names: list[str],
) -> None:
    network = build(names)
    anatomy = described(network)
    assert anatomy.notes == ()
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network(torch.zeros(2, 5, WIDTH))
    assert anatomy.flops.forward == counter.get_total_flops()


@FEW
@given(names=networks, data=st.data())
def test_freezing_moves_counts_and_nothing_else(names: list[str], data: st.DataObject) -> None:
    network = build(names)
    before = described(network)
    parameters = list(network.parameters())
    frozen = data.draw(st.sets(st.integers(0, len(parameters) - 1)))
    for place in frozen:
        parameters[place].requires_grad_(False)
    after = described(network)
    moved = sum(parameters[place].numel() for place in frozen)
    expected = asdict(before.counts) | {
        "trainable": before.counts.trainable - moved,
        "frozen": before.counts.frozen + moved,
    }
    assert asdict(after.counts) == expected
    assert after.flops.forward == before.flops.forward
    assert after.flops.backward <= before.flops.backward
    assert after.memory.weights == before.memory.weights
    assert after.memory.gradients == before.memory.gradients - 4 * moved
    assert parameters_of(after) == parameters_of(before)


@FEW
@given(names=networks, times=st.integers(1, 3))
def test_a_module_that_stands_in_several_places_counts_once(names: list[str], times: int) -> None:
    shared = build(names)
    assert count(nn.Sequential(*[shared] * times)).total == count(shared).total
