"""RNN, LSTM and GRU: exact counts, torch's own results, padding that changes nothing."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from harness.models.recurrent import GRU, LSTM, RNN, Recurrent, RecurrentNetwork
from harness.recipe import Facts, Model
from harness.settings import UserError

LENGTHS = (7, 1, 4)
KINDS: tuple[type[Recurrent], ...] = (RNN, LSTM, GRU)
GATES = {RNN: 1, LSTM: 4, GRU: 3}
VARIANTS = tuple(
    kind(width=5, depth=depth, bidirectional=bidirectional)
    for kind in KINDS
    for depth in (1, 2)
    for bidirectional in (False, True)
)
every_variant = pytest.mark.parametrize("model", VARIANTS, ids=str)


def facts(channels: int = 3, outputs: int = 4, *, ragged: bool = False) -> Facts:
    inputs = (7, channels + ragged)
    return Facts(inputs=inputs, outputs=outputs, ragged=ragged, train=9, validation=9, test=9)


def built(model: Recurrent, *, ragged: bool = False) -> RecurrentNetwork:
    torch.manual_seed(0)
    return model.build(facts(ragged=ragged)).double().eval()


def series(count: int = 3) -> Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.randn(count, 7, 3, generator=random, dtype=torch.float64)


def padded(values: Tensor, filling: float = 0.0) -> Tensor:
    present = (torch.arange(7) < torch.tensor(LENGTHS)[:, None]).double()[..., None]
    return torch.cat([values * present + filling * (1 - present), present], dim=-1)


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(KINDS),
    st.integers(1, 12),
    st.integers(1, 3),
    st.booleans(),
    st.integers(1, 5),
    st.integers(1, 4),
)
def test_the_count_is_its_formula(
    kind: type[Recurrent], w: int, depth: int, both: bool, c: int, o: int
) -> None:
    gates, d = GATES[kind], 1 + both
    expected = d * gates * w * ((c + w + 2) + (depth - 1) * (d * w + w + 2)) + d * w * o + o
    for ragged in (False, True):
        with torch.device("meta"):
            model = kind(width=w, depth=depth, bidirectional=both)
            network = model.build(facts(c, o, ragged=ragged))
        assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_the_count_is_that_of_the_literature() -> None:
    layers = LSTM(width=650, depth=2).layers(650)
    assert sum(parameter.numel() for parameter in layers.parameters()) == 6_770_400


@every_variant
def test_the_head_sees_torchs_last_outputs(model: Recurrent) -> None:
    network = built(model)
    outputs, _ = network.recurrent(series())
    last = outputs[:, -1, :5]
    if model.bidirectional:  # backwards, the last step it runs is the first in time
        last = torch.cat([last, outputs[:, 0, 5:]], dim=-1)
    torch.testing.assert_close(network(series()), network.head(last), rtol=0, atol=1e-12)


@every_variant
def test_a_padded_series_gives_what_it_gives_alone(model: Recurrent) -> None:
    whole, ragged = built(model), built(model, ragged=True)
    found = ragged(padded(series()))
    for index, length in enumerate(LENGTHS):
        alone = whole(series()[index : index + 1, :length])
        torch.testing.assert_close(found[index : index + 1], alone, rtol=0, atol=1e-12)
    torch.testing.assert_close(ragged(padded(series(), filling=9.0)), found, rtol=0, atol=0)


def test_a_ragged_network_runs_on_meta() -> None:
    with torch.device("meta"):
        network = LSTM().build(facts(ragged=True))
        assert network(torch.zeros(2, 7, 4)).shape == (2, 4)


def test_the_forget_gates_start_open_and_the_other_gates_as_torch_draws_them() -> None:
    layers = LSTM(width=8, depth=2).layers(3)
    for name, parameter in layers.named_parameters():
        if name.startswith("bias"):
            forget = parameter[8:16]
            assert torch.equal(forget, torch.full((8,), 1.0 if "_ih_" in name else 0.0))
            assert parameter[:8].any()
            assert parameter[16:].abs().max() <= 8**-0.5
    assert isinstance(RNN(activation="relu").layers(3), nn.RNN)


def test_dropout_acts_between_layers_and_before_the_head_in_training_alone() -> None:
    for model in (GRU(dropout=0.5), GRU(dropout=0.5, depth=2)):
        network = built(model)
        assert network.recurrent.dropout == (0.5 if model.depth > 1 else 0.0)
        assert torch.equal(network(series()), network(series()))
        network.train()
        assert not torch.equal(network(series()), network(series()))


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        *[(kind, "depth", 0) for kind in KINDS],
        (LSTM, "width", 0),
        (GRU, "bidirectional", 2),
        (RNN, "dropout", 1.0),
        (RNN, "activation", "gelu"),
        (LSTM, "forget_bias", float("nan")),
    ],
)
def test_a_bad_setting_is_refused_by_name(kind: type[Model], name: str, value: Any) -> None:
    with pytest.raises(UserError, match=rf"^{name}: got "):
        kind(**{name: value})


def test_what_is_no_series_is_refused() -> None:
    with pytest.raises(UserError, match=r"^inputs: got \(1, 8, 8\)"):
        GRU().build(replace(facts(), inputs=(1, 8, 8)))
