"""Depths of the networks of the literature, by every definition."""

import json
from fractions import Fraction
from functools import cache
from math import comb

import pytest
import torch
from torch import nn

from harness.anatomy.depth import DEFINITIONS
from harness.anatomy.depths import Depths, depths
from harness.anatomy.known import residual, sequence
from harness.anatomy.parameters import count
from harness.anatomy.trace import trace
from harness.settings import UserError
from tests.anatomy.networks.known import KNOWN


@cache
def of(name: str) -> Depths:
    with torch.device("meta"):
        return depths(KNOWN[name].build(), KNOWN[name].example())


@pytest.mark.parametrize("name", KNOWN)
def test_networks_of_the_literature(name: str) -> None:
    found = of(name)
    assert (
        found.weight_layers_longest,
        found.weight_layers_shortest,
        found.weight_layers_longest_with_pooling,
        found.weight_layers_total,
        found.parametric_layers_longest,
        found.nonlinearities_longest,
    ) == KNOWN[name].counts
    assert found.credit_assignment_path == found.sequential_steps == KNOWN[name].counts[0]
    assert found.notes == ()


@pytest.mark.parametrize("name", KNOWN)
def test_parameters_of_the_literature(name: str) -> None:
    with torch.device("meta"):
        assert count(KNOWN[name].build()).total == KNOWN[name].parameters


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("LeNet-5", None),
        ("VGG-16", None),
        ("GoogLeNet", 9),
        ("ResNet-18", 8),
        ("ResNet-50", 16),
        ("ResNet-110-B", 54),
        ("plain-56", 27),
        ("WRN-28-10", 12),
        ("ViT-B/16", 12),
        ("GPT-2", 12),
        ("BERT-base", 12),
    ],
)
def test_blocks_are_the_modules_that_repeat(name: str, blocks: int | None) -> None:
    assert of(name).blocks == blocks


def test_path_lengths_of_resnet_110() -> None:
    lengths = of("ResNet-110-A").residual_path_lengths
    assert lengths is not None
    assert lengths.paths == tuple(comb(54, length) for length in range(55))
    assert lengths.mean == 27
    assert lengths.within(19, 35) == pytest.approx(0.9802, abs=5e-5)
    assert lengths.within(5, 17) == pytest.approx(0.00454, abs=5e-6)
    assert of("plain-110").residual_path_lengths is None


@pytest.mark.parametrize(
    ("name", "units"), [("ResNet-50", 16), ("WRN-16-4", 6), ("GPT-2", 24), ("BERT-base", 24)]
)
def test_every_joined_branch_is_a_residual_unit(name: str, units: int) -> None:
    lengths = of(name).residual_path_lengths
    assert lengths is not None
    assert lengths.paths == tuple(comb(units, length) for length in range(units + 1))


def test_nested_units_give_the_histogram_of_their_graph() -> None:
    class Nested(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            inner = x + self.layers[0](x)
            outer: torch.Tensor = x + self.layers[1](inner)
            return outer

    lengths = depths(Nested(), torch.zeros(2, 4)).residual_path_lengths
    assert lengths is not None
    assert lengths.paths == (1, 1, 1)  # x; 1(x); 1(0(x))


def test_encoder_and_decoder() -> None:
    with torch.device("meta"):
        network = nn.Transformer(batch_first=True)
        found = depths(network, (torch.zeros(2, 5, 512), torch.zeros(2, 4, 512)))
    assert count(network).total == 44_140_544
    # 6 encoder blocks of 4, one decoder block of 4 from the memory on, five of 6
    assert found.weight_layers_longest == 24 + 4 + 30
    assert found.weight_layers_shortest == 0
    assert found.weight_layers_total == 6 * 4 + 6 * (4 + 3)  # queries apart from keys and values
    assert found.blocks == 12


RECURRENT = [(kind, layers) for kind in (nn.RNN, nn.LSTM, nn.GRU) for layers in (1, 2, 3)]


@pytest.mark.parametrize(("kind", "layers"), RECURRENT)
def test_stacked_recurrent_layers(kind: type[nn.RNN | nn.LSTM | nn.GRU], layers: int) -> None:
    found = depths(kind(4, 4, layers), torch.zeros(7, 2, 4))
    in_time = (found.recurrent_depth, found.feedforward_depth, found.skip_coefficient)
    assert in_time == (Fraction(1), Fraction(layers + 1), Fraction(1))
    assert found.credit_assignment_path == 7 + layers
    assert found.sequential_steps == 7 * layers
    assert found.weight_layers_longest == found.weight_layers_total == layers
    assert found.blocks == (layers if layers > 1 else None)


def test_a_head_is_the_output_layer_of_a_recurrent_network() -> None:
    found = depths(sequence.RecurrentModel(nn.LSTM, 4, 2, 3), torch.zeros(2, 7, 4))
    assert found.weight_layers_longest == 3
    assert found.feedforward_depth == 3
    assert found.credit_assignment_path == 7 + 2
    assert found.sequential_steps == 7 * 2 + 1


def test_both_directions_count_in_all_and_one_on_a_path() -> None:
    found = depths(nn.LSTM(4, 4, 2, bidirectional=True), torch.zeros(7, 2, 4))
    assert (found.weight_layers_longest, found.weight_layers_total) == (2, 4)
    assert found.credit_assignment_path == 2 * 7 + 1  # there and back again, and out


def test_lstm_language_model_of_the_literature() -> None:
    with torch.device("meta"):
        network = nn.LSTM(650, 650, 2)
        found = depths(network, torch.zeros(35, 2, 650))
    assert count(network).total == 6_770_400
    assert found.sequential_steps == 70


def test_packed_sequences_run_for_the_longest() -> None:
    class Packed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(4, 4, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            packed = nn.utils.rnn.pack_padded_sequence(
                x, torch.tensor([5, 3], device="cpu"), batch_first=True
            )
            return nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0]

    assert depths(Packed(), torch.zeros(2, 5, 4)).sequential_steps == 5


def test_plain_values_have_every_name_and_are_json() -> None:
    found = depths(residual.CifarResNet(20, "A"), torch.zeros(2, 3, 32, 32)).as_dict()
    assert tuple(found) == tuple(DEFINITIONS)
    assert json.loads(json.dumps(found)) == found
    shares = found["residual_path_lengths"]
    assert isinstance(shares, list)
    assert shares == [comb(9, length) / 2**9 for length in range(10)]
    assert found["recurrent_depth"] is None


def test_a_depth_that_does_not_apply_says_why() -> None:
    reasons = depths(nn.Linear(4, 4), torch.zeros(2, 4)).reasons
    assert reasons == {
        "blocks": "no structure repeats",
        "residual_path_lengths": "no residual unit",
        "recurrent_depth": "no cycle through time",
        "feedforward_depth": "no cycle through time",
        "skip_coefficient": "no cycle through time",
    }


class Constant(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(x)


def test_an_output_that_ignores_the_input_has_no_path() -> None:
    found = depths(nn.Sequential(nn.Linear(4, 4), Constant()), torch.zeros(2, 4))
    assert found.weight_layers_longest is None
    assert found.reasons["weight_layers_longest"] == "no way from an input to an output"
    assert found.weight_layers_total == 1


class Signed(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x if x.sum().item() > 0 else -x)


def test_what_is_not_traceable_has_no_depth_but_a_reason() -> None:
    found = depths(Signed(4, 4, device="meta"), torch.zeros(2, 4, device="meta"))
    assert set(found.as_dict().values()) == {None}
    assert set(found.reasons) == set(DEFINITIONS)
    assert "real example" in found.reasons["ops_longest"]


def test_a_wrong_example_is_an_error_and_no_depth() -> None:
    with pytest.raises(UserError, match="give an example"):
        depths(nn.Linear(4, 4), torch.zeros(2, 5))


def test_a_trace_gives_the_same_depths() -> None:
    network, example = residual.CifarResNet(20, "B"), torch.zeros(2, 3, 32, 32)
    assert depths(trace(network, example)) == depths(network, example)


def test_half_a_transition_is_a_number() -> None:
    assert Depths(reasons={}, skip_coefficient=Fraction(1, 2)).as_dict()["skip_coefficient"] == 0.5
