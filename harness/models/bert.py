"""Bert: the encoder of the transformers library, with the mean of its outputs and a head."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor, nn

from harness.facts import PADDING
from harness.models.tokens import mean_of_present, require_tokens
from harness.recipe import Facts, Inputs, Model
from harness.settings import UserError, require_range, require_whole

if TYPE_CHECKING:
    from transformers import BertModel


class BertNetwork(nn.Module):
    """`encoder`, the mean over what is no padding (Reimers & Gurevych 2019), and `head`."""

    def __init__(self, encoder: "BertModel", head: nn.Linear) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens (batch, time) to (batch, outputs)."""
        tokens = _without_common_padding(tokens)
        present = tokens != PADDING
        # Four dimensions, as transformers would look into a mask of two, which meta tensors forbid.
        mask = present[:, None, None, :].expand(-1, -1, tokens.shape[1], -1)
        hidden = self.encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        result: Tensor = self.head(mean_of_present(hidden, present))
        return result


@dataclass(frozen=True, kw_only=True)
class Bert(Model):
    """Settings of BERT (Devlin 2019, arXiv:1810.04805), tokens (batch, time) to (batch, outputs).

    It takes the weights of any BERT that transformers has saved: with the defaults of `MINILM`
    below those of all-MiniLM-L6-v2. `positions` is the longest text, `dropout` is in every block.
    With vocabulary V, P positions, width d, depth L, feed-forward width f and o outputs there are
    (V + P + 2)·d + 2·d + L·(4·(d² + d) + 2·d·f + f + d + 4·d) + d·o + o parameters.

    Raises UserError if a setting is out of its range, and at build without transformers.
    """

    reads: ClassVar[Inputs] = "tokens"

    depth: int = 2
    width: int = 64
    heads: int = 4
    feed_forward_width: int = 256
    positions: int = 512
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for what in ("depth", "width", "heads", "feed_forward_width", "positions"):
            require_whole(what, getattr(self, what))
        require_range("dropout", self.dropout, low=0, high=0.999999)
        if self.width % self.heads:
            do = "choose heads that divide it"
            raise UserError("width", got=self.width, allowed=f"n · {self.heads}", do=do)

    def build(self, facts: Facts) -> BertNetwork:
        """Return the network; raise UserError unless the data are texts with a class or values."""
        length, vocabulary = require_tokens(facts, targets=("classes", "values"))
        if length > self.positions:
            do = "raise positions, or cut the texts"
            raise UserError("length", got=length, allowed=f"≤ {self.positions}", do=do)
        try:
            from transformers import BertConfig, BertModel
        except ImportError as error:
            do = "say pip install -e '.[text]'"
            raise UserError("Bert", got=str(error), allowed="transformers", do=do) from error
        config = BertConfig(
            vocab_size=vocabulary,
            hidden_size=self.width,
            num_hidden_layers=self.depth,
            num_attention_heads=self.heads,
            intermediate_size=self.feed_forward_width,
            max_position_embeddings=self.positions,
            hidden_dropout_prob=self.dropout,
            attention_probs_dropout_prob=self.dropout,
        )
        encoder = BertModel(config, add_pooling_layer=False)
        return BertNetwork(encoder, nn.Linear(self.width, facts.outputs))


MINILM = Bert(depth=6, width=384, heads=12, feed_forward_width=1536)
"""The architecture of all-MiniLM-L6-v2: 22,565,376 parameters under a head (no pooler)."""


def _without_common_padding(tokens: Tensor) -> Tensor:
    """Return the places up to the batch's longest text; on the meta device all of them."""
    if tokens.is_meta:
        return tokens
    return tokens[:, : int((tokens != PADDING).sum(1).max())]
