"""Closed formulas: each type of layer has the parameters that its formula says."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from harness.anatomy.formulas import expected

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(10, 5),
    "linear without bias": lambda: nn.Linear(10, 5, bias=False),
    "bilinear": lambda: nn.Bilinear(3, 4, 5),
    "conv1d": lambda: nn.Conv1d(4, 6, 3, stride=2, dilation=2),
    "conv2d": lambda: nn.Conv2d(1, 32, 3, padding=1),
    "grouped conv2d": lambda: nn.Conv2d(12, 6, (3, 5), groups=3, bias=False),
    "depthwise conv2d": lambda: nn.Conv2d(32, 32, 3, groups=32),
    "conv3d": lambda: nn.Conv3d(2, 4, 3),
    "transposed conv1d": lambda: nn.ConvTranspose1d(4, 6, 3),
    "grouped transposed conv2d": lambda: nn.ConvTranspose2d(8, 4, 3, groups=4),
    "embedding": lambda: nn.Embedding(100, 8, padding_idx=0),
    "embedding bag": lambda: nn.EmbeddingBag(100, 8),
    "layer norm": lambda: nn.LayerNorm((3, 4)),
    "layer norm without bias": lambda: nn.LayerNorm(4, bias=False),
    "layer norm without anything": lambda: nn.LayerNorm(4, elementwise_affine=False),
    "batch norm": lambda: nn.BatchNorm2d(7),
    "batch norm without anything": lambda: nn.BatchNorm1d(7, affine=False),
    "group norm": lambda: nn.GroupNorm(2, 8),
    "rms norm": lambda: nn.RMSNorm(9),
    "instance norm": lambda: nn.InstanceNorm2d(5),
    "affine instance norm": lambda: nn.InstanceNorm2d(5, affine=True),
    "rnn": lambda: nn.RNN(10, 20),
    "gru": lambda: nn.GRU(10, 20, num_layers=2, bidirectional=True),
    "lstm": lambda: nn.LSTM(10, 20),
    "lstm of the literature": lambda: nn.LSTM(650, 650, 2),
    "lstm with projection": lambda: nn.LSTM(10, 20, num_layers=3, proj_size=7, bidirectional=True),
    "lstm without bias": lambda: nn.LSTM(10, 20, bias=False),
    "rnn cell": lambda: nn.RNNCell(10, 20),
    "gru cell": lambda: nn.GRUCell(10, 20, bias=False),
    "lstm cell": lambda: nn.LSTMCell(10, 20),
    "attention": lambda: nn.MultiheadAttention(64, 8),
    "attention of other sizes": lambda: nn.MultiheadAttention(
        64, 4, kdim=12, vdim=20, add_bias_kv=True
    ),
    "attention without bias": lambda: nn.MultiheadAttention(64, 4, bias=False),
    "encoder layer": lambda: nn.TransformerEncoderLayer(64, 4, 256),
    "encoder layer without bias": lambda: nn.TransformerEncoderLayer(64, 4, 100, bias=False),
    "decoder layer": lambda: nn.TransformerDecoderLayer(64, 4, 100),
    "transformer": lambda: nn.Transformer(batch_first=True),
    "prelu": lambda: nn.PReLU(),
    "prelu for each channel": lambda: nn.PReLU(6),
    "relu": lambda: nn.ReLU(),
    "pooling": lambda: nn.MaxPool2d(2),
    "dropout": lambda: nn.Dropout(),
    "flatten": lambda: nn.Flatten(),
    "upsample": lambda: nn.Upsample(scale_factor=2),
    "identity": lambda: nn.Identity(3),
    "weight norm": lambda: parametrizations.weight_norm(nn.Linear(10, 5)),
    "weight norm of a convolution": lambda: parametrizations.weight_norm(nn.Conv2d(3, 5, 3), dim=1),
    "weight norm over everything": lambda: parametrizations.weight_norm(nn.Linear(10, 5), dim=-1),
    "spectral norm": lambda: parametrizations.spectral_norm(nn.Linear(10, 5)),
}
PUBLISHED = {
    "linear": 55,
    "conv2d": 320,
    "attention": 4 * 64**2 + 4 * 64,
    "encoder layer": 49_984,
    "transformer": 44_140_544,
    "lstm": 2_560,
    "lstm of the literature": 6_770_400,
    "weight norm": 55 + 5,
    "spectral norm": 55,
}
sizes = st.integers(1, 9)


def numbers(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("name", LAYERS)
def test_the_formula_gives_what_the_tensors_hold(name: str) -> None:
    with torch.device("meta"):
        layer = LAYERS[name]()
    assert expected(layer) == numbers(layer)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_formula_gives_the_published_count(name: str) -> None:
    with torch.device("meta"):
        assert expected(LAYERS[name]()) == PUBLISHED[name]


class Doubled(nn.Module):
    """A parametrization with a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight * self.scale


class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))


def test_what_has_no_formula_says_so() -> None:
    linear = nn.Linear(3, 3)
    parametrize.register_parametrization(linear, "weight", Doubled())
    assert expected(Own()) is None
    assert expected(linear) is None
    assert expected(nn.Sequential(nn.Linear(3, 3), Own())) is None


@given(inputs=sizes, outputs=sizes, groups=st.integers(1, 4), side=st.integers(1, 5))
def test_a_grouped_convolution_of_any_size(
    inputs: int, outputs: int, groups: int, side: int
) -> None:
    for kind in (nn.Conv2d, nn.ConvTranspose2d):
        layer = kind(inputs * groups, outputs * groups, side, groups=groups, device="meta")
        assert expected(layer) == numbers(layer)


@given(
    inputs=sizes,
    hidden=st.integers(2, 9),
    deep=st.integers(1, 3),
    both=st.booleans(),
    bias=st.booleans(),
    projected=st.booleans(),
)
def test_recurrent_layers_of_any_size(
    inputs: int, hidden: int, deep: int, both: bool, bias: bool, projected: bool
) -> None:
    shape = {"num_layers": deep, "bidirectional": both, "bias": bias, "device": "meta"}
    lstm = nn.LSTM(inputs, hidden, proj_size=(hidden - 1) * projected, **shape)
    for layer in (lstm, nn.GRU(inputs, hidden, **shape), nn.RNN(inputs, hidden, **shape)):
        assert expected(layer) == numbers(layer)
