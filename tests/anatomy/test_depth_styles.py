"""Depths do not depend on the style in which a network is written."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.anatomy.depths import depths
from tests.anatomy.networks import styles
from tests.anatomy.traced import Written

NAMES = ("longest", "shortest", "with pooling", "total", "with norms", "nonlinearities")
WORDS = torch.zeros(2, 3, dtype=torch.int64)
CASES: dict[str, tuple[nn.Module, Any, tuple[int, ...]]] = {
    "functions": (styles.Functional(), torch.zeros(2, 3, 4, 4), (3, 3, 4, 3, 3, 2)),
    "nested Sequential": (styles.nested(), torch.zeros(2, 4), (3, 3, 3, 3, 3, 1)),
    "applied thrice": (styles.Shared(), torch.zeros(2, 4), (4, 4, 4, 2, 4, 3)),
    "einsum, rotary, grouped, SwiGLU": (styles.Einsum(), torch.zeros(2, 5, 8), (4, 0, 4, 7, 4, 1)),
    "DenseNet": (styles.Dense(), torch.zeros(2, 3, 8, 8), (5, 1, 6, 5, 5, 4)),
    "U-Net": (styles.UNet(), torch.zeros(2, 1, 8, 8), (8, 3, 10, 8, 8, 5)),
    "several inputs and outputs": (
        styles.Sides(),
        {"image": torch.zeros(2, 6), "words": WORDS},
        (2, 1, 3, 12, 2, 0),
    ),
    "norms and gains by hand": (
        nn.Sequential(*(styles.LayerScale(4) for _ in range(3))),
        torch.zeros(2, 4),
        (3, 0, 3, 3, 6, 3),
    ),
    "low rank in the weight": (
        styles.LowRank(merged=True),
        torch.zeros(2, 4),
        (1, 1, 1, 1, 1, 0),
    ),
    "low rank beside it": (styles.LowRank(merged=False), torch.zeros(2, 4), (2, 1, 2, 3, 2, 0)),
    "learned queries": (styles.Queries(), torch.zeros(2, 7, 8), (2, 2, 2, 3, 2, 0)),
    "one block again and again": (styles.Albert(), torch.zeros(2, 4), (10, 0, 10, 2, 10, 5)),
    "weight and spectral norm": (
        styles.normalised_weights(),
        torch.zeros(2, 4),
        (2, 2, 2, 2, 2, 1),
    ),
    "lazy layers": (styles.lazily_sized(), torch.zeros(2, 6), (2, 2, 2, 2, 2, 1)),
    "attention module": (
        nn.MultiheadAttention(8, 2, batch_first=True),
        (torch.zeros(2, 5, 8),) * 3,
        (2, 1, 2, 4, 2, 0),  # its weights are an output too
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_counts_by_hand(name: str) -> None:
    network, example, expected = CASES[name]
    found = depths(network, example)
    counts = (
        found.weight_layers_longest,
        found.weight_layers_shortest,
        found.weight_layers_longest_with_pooling,
        found.weight_layers_total,
        found.parametric_layers_longest,
        found.nonlinearities_longest,
    )
    assert dict(zip(NAMES, counts, strict=True)) == dict(zip(NAMES, expected, strict=True))
    assert found.notes == ()


def test_applied_layers_are_counted_beside_the_total() -> None:
    found = depths(styles.Albert(), torch.zeros(2, 4))
    assert (found.weight_layers_total, found.weight_layers_applied) == (2, 10)
    assert found.blocks == 5


@pytest.mark.parametrize(
    ("forward", "activations"),
    [
        (lambda _net, x: x.clamp(min=0), 1),
        (lambda _net, x: x * (x > 0), 1),
        (lambda _net, x: torch.where(x > 0, x, 0.1 * x), 1),
        (lambda _net, x: torch.maximum(x, torch.zeros_like(x)), 1),
        (lambda _net, x: F.softsign(x), 1),
        (lambda _net, x: F.glu(x), 1),
        (lambda _net, x: x * torch.sigmoid(x), 1),
        (lambda _net, x: 0.5 * x * (1 + torch.erf(x / 2**0.5)), 1),
        (lambda _net, x: torch.sin(30 * x), 1),
        (lambda _net, x: F.relu_(x), 1),
        (lambda _net, x: F.normalize(x), 0),
        (lambda _net, x: x.softmax(-1), 0),
        (lambda _net, x: x / x.norm().clamp(min=1e-6), 0),
        (lambda _net, x: F.dropout(x, training=False), 0),
    ],
)
def test_activations_by_hand(forward: Any, activations: int) -> None:
    assert depths(Written(forward), torch.zeros(2, 4)).nonlinearities_longest == activations


@pytest.mark.parametrize(
    ("forward", "pooling"),
    [
        (lambda _net, x: F.adaptive_avg_pool2d(x, 1), 1),
        (lambda _net, x: x.mean((2, 3)), 1),
        (lambda _net, x: x.mean(-1).mean(-1), 1),
        (lambda _net, x: x.mean((-2, -1), keepdim=True), 1),
        (lambda _net, x: x.amax((2, 3)), 1),
        (lambda _net, x: F.max_pool2d(x, 2), 1),
        (lambda _net, x: F.lp_pool2d(x, 2, 2), 1),
        (lambda _net, x: x.flatten(2).transpose(1, 2).mean(1), 1),
        (lambda _net, x: x[:, :, ::2, ::2], 0),
        (lambda _net, x: x - x.mean((2, 3), keepdim=True), 0),
        (lambda _net, x: x.mean(1, keepdim=True), 0),
        (lambda _net, x: x.mean(), 0),
    ],
)
def test_pooling_by_hand(forward: Any, pooling: int) -> None:
    found = depths(Written(forward), torch.zeros(2, 4, 8, 8))
    assert found.weight_layers_longest_with_pooling == pooling
    assert found.weight_layers_longest == 0


@pytest.mark.parametrize(
    "forward",
    [
        lambda net, x: net.layer(x),
        lambda net, x: x @ net.layer.weight.t(),
        lambda net, x: torch.tensordot(x, net.layer.weight, dims=([1], [1])),
        lambda net, x: (x[:, None] * net.layer.weight).sum(-1),
        lambda net, x: torch.baddbmm(x[None], x[None], net.layer.weight[None]),
        lambda net, x: F.conv1d(x[..., None], net.layer.weight[..., None]),
        lambda net, x: torch.einsum("bi,oi->bo", x, net.layer.weight),
        lambda net, x: F.linear(x, net.layer.weight * torch.sigmoid(net.scale)),
        lambda net, x: net.layer.weight[x.long()[:, 0]],
    ],
)
def test_one_weight_layer_in_many_forms(forward: Any) -> None:
    found = depths(Written(forward), torch.zeros(2, 4))
    assert (found.weight_layers_longest, found.weight_layers_total) == (1, 1)


def test_a_fused_residual_adds_its_shortcut_without_a_weight() -> None:
    network = Written(lambda net, x: torch.addmm(x, x, net.layer.weight))
    assert depths(network, torch.zeros(2, 4)).weight_layers_shortest == 0


def test_a_network_of_one_gain_has_no_weight_layer() -> None:
    found = depths(Written(lambda net, x: x * net.scale + net.scale), torch.zeros(2, 4))
    assert (found.weight_layers_longest, found.weight_layers_total) == (0, 0)


def test_stacked_outputs_are_taken_apart_again() -> None:
    def forward(net: Written, x: Tensor) -> Tensor:
        both = torch.stack([x, net.layer(x)], dim=1)
        return both[:, 0]

    assert depths(Written(forward), torch.zeros(2, 4)).weight_layers_longest == 0


def test_half_a_concatenation_is_that_half() -> None:
    def forward(net: Written, x: Tensor) -> Tensor:
        both = torch.cat([x, net.layer(x)], dim=-1)
        first, _second = both.chunk(2, dim=-1)
        return first

    assert depths(Written(forward), torch.zeros(2, 4)).weight_layers_longest == 0


def test_a_reversible_block_is_two_residual_units() -> None:
    def forward(net: Written, x: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=-1)
        first = first + net.layer(second)
        second = second + net.layer(first)
        return torch.cat([first, second], dim=-1)

    lengths = depths(Written(forward), torch.zeros(2, 8)).residual_path_lengths
    assert lengths is not None
    assert len(lengths.paths) == 3
