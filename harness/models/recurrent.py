"""RNN, LSTM and GRU: recurrent layers over a series, read out at its end."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from harness.models.series import require_series
from harness.recipe import Facts, Model
from harness.settings import require_choice, require_range, require_whole


class RecurrentNetwork(nn.Module):
    """Recurrent layers, and a head over the last state of the last layer, of each direction."""

    def __init__(
        self, recurrent: nn.RNNBase, outputs: int, *, ragged: bool, dropout: float
    ) -> None:
        super().__init__()
        self.recurrent = recurrent
        self.ragged = ragged
        self.directions = 2 if recurrent.bidirectional else 1
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.head = nn.Linear(self.directions * recurrent.hidden_size, outputs)

    def forward(self, series: Tensor) -> Tensor:
        """Map (batch, time, channels) to (batch, outputs); what is padding changes nothing."""
        _, state = self.recurrent(self._packed(series) if self.ragged else series)
        hidden = state[0] if isinstance(state, tuple) else state  # an LSTM's cell state stays in it
        last = torch.cat(list(hidden[-self.directions :]), dim=-1)
        result: Tensor = self.head(self.dropout(last))
        return result

    def _packed(self, series: Tensor) -> object:
        values, present = series[..., :-1], series[..., -1]
        if series.is_meta:  # how long a series is, only its values say
            return values
        lengths = present.sum(dim=1).long().clamp(min=1).cpu()
        return pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)


@dataclass(frozen=True, kw_only=True)
class Recurrent(Model, ABC):
    """Settings of a recurrent net: series (batch, time, channels) to (batch, outputs).

    `depth` counts recurrent layers of `width` units, each in both directions if `bidirectional`
    (Schuster & Paliwal 1997). The head sees the state after the last step that is there: in ragged
    data padding is never run through. `dropout` is between layers and before the head.

    With G gates (1 in an RNN, 4 in an LSTM, 3 in a GRU), D = 2 directions or 1, c channels, width
    w, depth L and o outputs there are
    D·G·w·((c + w + 2) + (L − 1)·(D·w + w + 2)) + D·w·o + o parameters: torch has two biases.

    Raises UserError if a setting is out of its range, and at build if the inputs are no series.
    """

    depth: int = 1
    width: int = 64
    bidirectional: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require_whole("depth", self.depth)
        require_whole("width", self.width)
        require_choice("bidirectional", self.bidirectional, (True, False))
        require_range("dropout", self.dropout, low=0, high=0.999999)

    @abstractmethod
    def layers(self, channels: int) -> nn.RNNBase:
        """Return the recurrent layers, batch first."""

    @property
    def between(self) -> float:
        """Dropout between layers: torch warns of one where there is nothing between."""
        return self.dropout if self.depth > 1 else 0.0

    def build(self, facts: Facts) -> RecurrentNetwork:
        """Return the network; its parts are called recurrent and head.

        Raises UserError if `facts.inputs` is no series.
        """
        _, channels = require_series(facts)
        layers = self.layers(channels)
        return RecurrentNetwork(layers, facts.outputs, ragged=facts.ragged, dropout=self.dropout)


@dataclass(frozen=True, kw_only=True)
class RNN(Recurrent):
    """The simple recurrent net of Elman (1990): h ← activation(Wx + Uh + b)."""

    activation: Literal["tanh", "relu"] = "tanh"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice("activation", self.activation, ("tanh", "relu"))

    def layers(self, channels: int) -> nn.RNNBase:
        """Return the recurrent layers, batch first."""
        return nn.RNN(
            channels,
            self.width,
            self.depth,
            nonlinearity=self.activation,
            batch_first=True,
            dropout=self.between,
            bidirectional=self.bidirectional,
        )


@dataclass(frozen=True, kw_only=True)
class LSTM(Recurrent):
    """Long short-term memory with a forget gate (Hochreiter & Schmidhuber 1997; Gers 2000).

    `forget_bias` is what the forget gate's biases start at, in sum: 1 closes the LSTM's gap to the
    GRU (Jozefowicz 2015, §3.1); everything else starts as torch draws it, U(±1/√width).
    """

    forget_bias: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_range("forget_bias", self.forget_bias)

    def layers(self, channels: int) -> nn.RNNBase:
        """Return the recurrent layers, batch first."""
        layers = nn.LSTM(
            channels,
            self.width,
            self.depth,
            batch_first=True,
            dropout=self.between,
            bidirectional=self.bidirectional,
        )
        forget = slice(self.width, 2 * self.width)  # torch's order of gates: in, forget, cell, out
        with torch.no_grad():
            for name, parameter in layers.named_parameters():
                if name.startswith("bias_"):
                    parameter[forget] = self.forget_bias if name.startswith("bias_ih") else 0.0
        return layers


@dataclass(frozen=True, kw_only=True)
class GRU(Recurrent):
    """Gated recurrent unit (Cho 2014, arXiv:1406.1078), in torch's form: reset after the matrix."""

    def layers(self, channels: int) -> nn.RNNBase:
        """Return the recurrent layers, batch first."""
        return nn.GRU(
            channels,
            self.width,
            self.depth,
            batch_first=True,
            dropout=self.between,
            bidirectional=self.bidirectional,
        )
