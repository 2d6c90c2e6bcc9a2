"""FLOPs: equal to torch's counter on the meta device, and to what one finds by hand."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

import harness.data
import harness.models
from harness.anatomy.describe import Anatomy, describe
from harness.anatomy.example import example_input
from harness.discovery import discover
from harness.recipe import Data, Model
from tests.contracts.found import takes

Case = tuple[Callable[[], nn.Module], tuple[tuple[int, ...], ...]]
LAYERS: dict[str, Case] = {
    "linear": (lambda: nn.Linear(10, 5), ((4, 10),)),
    "linear over a sequence": (lambda: nn.Linear(10, 5, bias=False), ((4, 7, 10),)),
    "linear of one example": (lambda: nn.Linear(10, 5), ((10,),)),
    "conv1d": (lambda: nn.Conv1d(4, 6, 3, stride=2, dilation=2), ((2, 4, 20),)),
    "conv2d": (lambda: nn.Conv2d(3, 8, (3, 5), padding=1), ((2, 3, 12, 9),)),
    "conv3d": (lambda: nn.Conv3d(2, 4, 3), ((2, 2, 6, 7, 8),)),
    "grouped conv2d": (lambda: nn.Conv2d(8, 12, 3, groups=4), ((2, 8, 9, 9),)),
    "depthwise conv2d": (lambda: nn.Conv2d(32, 32, 3, groups=32), ((2, 32, 9, 9),)),
    "transposed conv1d": (lambda: nn.ConvTranspose1d(4, 6, 3, stride=2), ((2, 4, 9),)),
    "transposed conv2d": (lambda: nn.ConvTranspose2d(4, 6, 3, stride=2), ((2, 4, 9, 5),)),
    "grouped transposed conv2d": (
        lambda: nn.ConvTranspose2d(8, 4, 3, groups=4),
        ((2, 8, 9, 5),),
    ),
    "rnn": (lambda: nn.RNN(10, 20), ((5, 3, 10),)),
    "gru": (lambda: nn.GRU(10, 20, 2, bidirectional=True, batch_first=True), ((3, 5, 10),)),
    "lstm": (lambda: nn.LSTM(10, 20, num_layers=2), ((5, 3, 10),)),
    "lstm with projection": (
        lambda: nn.LSTM(10, 20, 2, proj_size=7, bidirectional=True, bias=False),
        ((5, 3, 10),),
    ),
    "lstm of one sequence": (lambda: nn.LSTM(10, 20), ((5, 10),)),
    "rnn cell": (lambda: nn.RNNCell(10, 20), ((3, 10),)),
    "gru cell": (lambda: nn.GRUCell(10, 20), ((3, 10),)),
    "lstm cell": (lambda: nn.LSTMCell(10, 20), ((3, 10),)),
    "attention": (lambda: nn.MultiheadAttention(16, 4), ((5, 3, 16),) * 3),
    "cross attention": (
        lambda: nn.MultiheadAttention(
            16, 4, kdim=6, vdim=7, add_bias_kv=True, add_zero_attn=True, batch_first=True
        ),
        ((3, 5, 16), (3, 9, 6), (3, 9, 7)),
    ),
    "encoder layer": (
        lambda: nn.TransformerEncoderLayer(16, 4, 30, batch_first=True),
        ((3, 5, 16),),
    ),
    "encoder layer without dropout": (
        lambda: nn.TransformerEncoderLayer(16, 4, 30, dropout=0.0),
        ((5, 3, 16),),
    ),
    "decoder layer": (lambda: nn.TransformerDecoderLayer(16, 4, 30), ((5, 3, 16), (7, 3, 16))),
    "transformer": (
        lambda: nn.Transformer(16, 4, 2, 2, 30, batch_first=True, dropout=0.0),
        ((3, 5, 16), (3, 7, 16)),
    ),
    "norms and pooling": (
        lambda: nn.Sequential(nn.BatchNorm2d(3), nn.GroupNorm(1, 3), nn.ReLU(), nn.MaxPool2d(2)),
        ((2, 3, 8, 8),),
    ),
}


def examples(shapes: tuple[tuple[int, ...], ...]) -> tuple[Tensor, ...]:
    return tuple(torch.zeros(shape, device="meta") for shape in shapes)


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.device("meta"):
        return build()


def counted(network: nn.Module, example: tuple[Tensor, ...]) -> tuple[int, int]:
    """FLOPs forward and backward by torch's own counter; the loss takes in every output."""
    with torch.device("meta"), FlopCounterMode(display=False) as forward:
        outputs = [each for each in flat(network(*example)) if each.requires_grad]
    with torch.device("meta"), FlopCounterMode(display=False) as backward:
        if outputs:
            torch.autograd.backward([each.sum() for each in outputs])
    return forward.get_total_flops(), backward.get_total_flops()


def flat(output: Any) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output]
    return [inner for each in output or () if each is not None for inner in flat(each)]


def found(anatomy: Anatomy) -> tuple[int, int]:
    return anatomy.flops.forward, anatomy.flops.backward


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_costs_what_the_counter_reads(name: str) -> None:
    build, shapes = LAYERS[name]
    network, example = on_meta(build), examples(shapes)
    anatomy = describe(network, example)
    forward, backward = counted(network, example)
    assert anatomy.flops.forward == forward
    assert sum(row.forward_flops for row in anatomy.layers) == forward
    assert {row.method for row in anatomy.layers if row.forward_flops} <= {"formula"}
    if "grouped" not in name and "depthwise" not in name:  # there the counter is wrong
        assert anatomy.flops.backward == backward


@pytest.mark.parametrize("kind", discover(Model, harness.models), ids=lambda kind: kind.__name__)  # type: ignore[type-abstract]
def test_every_model_costs_what_the_counter_reads(kind: type[Model]) -> None:
    data = next(each() for each in discover(Data, harness.data) if takes(kind, each))  # type: ignore[type-abstract]
    network = on_meta(lambda: kind().build(data.facts()))
    example = example_input(data.facts()).to("meta")
    assert found(describe(network, example)) == counted(network, (example,))


class Einsum(nn.Module):
    """Attention in einsum, with a causal mask of its own making, over raw parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Parameter(torch.zeros(3, 8, 8))

    def forward(self, batch: Tensor) -> Tensor:
        query, key, value = torch.einsum("btd,nde->nbte", batch, self.mix)
        scores = torch.einsum("bte,bse->bts", query, key)
        seen = torch.ones_like(scores).tril()
        return torch.einsum("bts,bse->bte", scores * seen, value)


class Causal(nn.Module):
    def forward(self, batch: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(batch, batch, batch, is_causal=True)


def test_work_outside_any_layer_is_counted_by_operator() -> None:
    anatomy = describe(Einsum(), torch.zeros(2, 5, 8))
    projections, attention = 3 * 2 * 5 * 8 * 8, 2 * 2 * 5 * 5 * 8
    (row,) = anatomy.layers
    assert (row.forward_flops, row.method) == (2 * (projections + attention), "counter")
    assert anatomy.flops.backward == 2 * projections + 2 * 2 * attention
    assert anatomy.flops.forward_causal is None


def test_causal_attention_by_hand() -> None:
    anatomy = describe(Causal(), torch.zeros(2, 3, 7, 8, requires_grad=True))
    assert anatomy.flops.forward == 2 * 2 * 2 * 3 * 7 * 7 * 8
    assert anatomy.flops.forward_causal == 2 * 2 * 2 * 3 * (7 * 8 // 2) * 8
    assert anatomy.flops.backward == 2 * anatomy.flops.forward


def test_an_lstm_by_hand() -> None:
    steps, batch, size, hidden = 5, 3, 10, 20
    anatomy = describe(nn.LSTM(size, hidden), torch.zeros(steps, batch, size))
    entering, recurring = 4 * hidden * size, 4 * hidden * hidden
    assert anatomy.flops.forward == 2 * steps * batch * (entering + recurring)
    weights, states = steps * (entering + recurring), (steps - 1) * recurring
    assert anatomy.flops.backward == 2 * batch * (weights + states)


def test_a_grouped_convolution_by_hand() -> None:
    layer = nn.Sequential(nn.Conv2d(8, 8, 1, groups=8), nn.Conv2d(8, 12, 3, groups=4))
    first, second = 2 * 2 * 8 * 9 * 9, 2 * 2 * 12 * 7 * 7 * 2 * 9
    anatomy = describe(layer, torch.zeros(2, 8, 9, 9))
    assert found(anatomy) == (first + second, first + 2 * second)


def test_bilinear_by_hand_as_the_counter_reads_nothing() -> None:
    anatomy = describe(nn.Bilinear(3, 4, 5), (torch.zeros(2, 3), torch.zeros(2, 4)))
    assert anatomy.flops.forward == 2 * 2 * 5 * (3 * 4 + 4)
    assert [row.method for row in anatomy.layers] == ["formula"]


def test_vectors_count_though_the_counter_leaves_them_out() -> None:
    class Vectors(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.matrix, self.vector = nn.Parameter(torch.ones(4, 3)), nn.Parameter(torch.ones(4))

        def forward(self, example: Tensor) -> Tensor:
            return self.vector @ (self.matrix @ example)

    assert found(describe(Vectors(), torch.zeros(3))) == (2 * 12 + 2 * 4, 2 * 12 + 2 * 2 * 4)


def two_layers() -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 8, bias=False), nn.ReLU(), nn.Linear(8, 8, bias=False))


@pytest.mark.parametrize(
    ("frozen", "times"), [((), 2.5), (("0",), 1.5), (("2",), 2.5 - 0.5), (("0", "2"), 1.0)]
)
def test_the_backward_is_what_trains(frozen: tuple[str, ...], times: float) -> None:
    network = two_layers()
    for name in frozen:
        network.get_submodule(name).requires_grad_(False)
    flops = describe(network, torch.zeros(4, 8)).flops
    assert (flops.forward + flops.backward) / flops.forward == times


class Adapted(nn.Module):
    """A frozen Linear beside a trained low-rank pair (Hu 2021, arXiv:2106.09685)."""

    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Linear(8, 8, bias=False).requires_grad_(False)
        self.down, self.up = nn.Linear(8, 2, bias=False), nn.Linear(2, 8, bias=False)

    def forward(self, batch: Tensor) -> Tensor:
        result: Tensor = self.base(batch) + self.up(self.down(batch))
        return result


def test_the_backward_of_low_rank_adaptation() -> None:
    flops = describe(nn.Sequential(Adapted(), Adapted()), torch.zeros(4, 8)).flops
    base, pair = 2 * 4 * 8 * 8, 2 * 4 * 8 * 2
    assert flops.forward == 2 * (base + 2 * pair)
    first, second = pair + 2 * pair, base + 4 * pair
    assert flops.backward == first + second


def test_what_runs_without_gradients_has_no_backward() -> None:
    class Detached(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)

        def forward(self, batch: Tensor) -> Tensor:
            with torch.no_grad():
                features = self.body(batch)
            result: Tensor = self.head(features)
            return result

    assert found(describe(Detached(), torch.zeros(4, 8))) == (2 * 512, 512)


def test_an_operator_that_nobody_can_count_is_named() -> None:
    class Solve(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            result: Tensor = torch.linalg.inv(batch)
            return result

    anatomy = describe(Solve(), torch.zeros(2, 3, 3))
    assert [row.method for row in anatomy.layers] == ["not counted"]
    assert any("aten::linalg_inv_ex" in note for note in anatomy.notes)


@given(
    batch=st.integers(1, 4),
    widths=st.lists(st.integers(1, 9), min_size=2, max_size=6),
    frozen=st.integers(0, 5),
)
def test_random_networks_cost_what_the_counter_reads(
    batch: int, widths: list[int], frozen: int
) -> None:
    sizes = pairwise(widths)
    network = nn.Sequential(*(nn.Linear(a, b, device="meta") for a, b in sizes))
    network[: min(frozen, len(network))].requires_grad_(False)
    example = torch.zeros(batch, widths[0], device="meta")
    assert found(describe(network, example)) == counted(network, (example,))
