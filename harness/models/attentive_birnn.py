"""AttentiveBiRNN: word embeddings, recurrent layers in both directions, additive attention."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from harness.facts import PADDING
from harness.models.recurrent import GRU, LSTM, RNN, Recurrent
from harness.models.tokens import require_tokens
from harness.recipe import Facts, Inputs, Model
from harness.settings import require_choice, require_range, require_whole

CELLS: dict[str, type[Recurrent]] = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


class AttentiveNetwork(nn.Module):
    """Embedding, recurrent layers, a weighted mean of their outputs, and a head."""

    def __init__(
        self,
        tokens: nn.Embedding,
        recurrent: nn.RNNBase,
        outputs: int,
        *,
        ragged: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        width = recurrent.hidden_size
        self.tokens, self.recurrent, self.ragged = tokens, recurrent, ragged
        self.attention = nn.Sequential(
            OrderedDict(
                hidden=nn.Linear(2 * width, width),
                activation=nn.Tanh(),
                score=nn.Linear(width, 1, bias=False),
            )
        )
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.head = nn.Linear(2 * width, outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens (batch, time) to (batch, outputs); padding changes nothing."""
        hidden = self._states(tokens)
        scores = self.attention(hidden).squeeze(-1)
        if self.ragged:
            scores = scores.masked_fill(tokens == PADDING, -torch.inf)
        weights = scores.softmax(dim=1)[..., None]
        result: Tensor = self.head(self.dropout((weights * hidden).sum(dim=1)))
        return result

    def _states(self, tokens: Tensor) -> Tensor:
        embedded = self.dropout(self.tokens(tokens))
        if not self.ragged or tokens.is_meta:  # how long a text is, only its tokens say
            states: Tensor = self.recurrent(embedded)[0]
            return states
        lengths = (tokens != PADDING).sum(dim=1).cpu()
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        output, _ = self.recurrent(packed)
        return pad_packed_sequence(output, batch_first=True, total_length=tokens.shape[1])[0]


@dataclass(frozen=True, kw_only=True)
class AttentiveBiRNN(Model):
    """Settings of a bidirectional recurrent net with attention over its outputs (Zhou 2016).

    Maps tokens (batch, time) to (batch, outputs). Each place's outputs h (both directions) score
    vᵀtanh(Wh + b) (Bahdanau 2015, arXiv:1409.0473), and the head sees their mean weighted by the
    softmax of the scores. `depth` counts recurrent layers of `width` units a direction; words have
    `embedding` numbers (None: `width`). Dropout is on the embedding, between layers and before the
    head.

    With vocabulary V, e numbers a word, width w, depth L, G gates (`rnn` 1, `gru` 3, `lstm` 4) and
    o outputs there are V·e + 2·G·w·((e + w + 2) + (L − 1)·(3·w + 2)) + 2·w² + 2·w + 2·w·o + o
    parameters.

    Raises UserError if a setting is out of its range.
    """

    reads: ClassVar[Inputs] = "tokens"

    depth: int = 1
    width: int = 64
    embedding: int | None = None
    cell: Literal["rnn", "lstm", "gru"] = "gru"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require_whole("depth", self.depth)
        require_whole("width", self.width)
        if self.embedding is not None:
            require_whole("embedding", self.embedding)
        require_choice("cell", self.cell, CELLS)
        require_range("dropout", self.dropout, low=0, high=0.999999)

    def build(self, facts: Facts) -> AttentiveNetwork:
        """Return the network; raise UserError unless the data are texts with a class or values.

        Its parts are called tokens, recurrent, attention, head.
        """
        _, vocabulary = require_tokens(facts, targets=("classes", "values"))
        size = self.embedding or self.width
        cell = CELLS[self.cell](
            depth=self.depth, width=self.width, bidirectional=True, dropout=self.dropout
        )
        return AttentiveNetwork(
            nn.Embedding(vocabulary, size, padding_idx=PADDING if facts.ragged else None),
            cell.layers(size),
            facts.outputs,
            ragged=facts.ragged,
            dropout=self.dropout,
        )
