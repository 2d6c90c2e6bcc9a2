"""Translation: a text for a text, learned token by token, judged by what is written alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torchmetrics import Metric
from torchmetrics.text import BLEUScore, CharErrorRate

from harness.facts import END, PADDING
from harness.models.transformer import TransformerNetwork
from harness.models.translate import translate
from harness.recipe import Facts, Task
from harness.settings import UserError, require_whole
from harness.tasks.share import Share


class TokenAccuracy(Share):
    """Share of tokens that are the likeliest after the true beginning; padding does not count."""

    def update(self, output: Tensor, targets: Tensor) -> None:
        """Add outputs of Translate (batch, time, 3) and targets (batch, time)."""
        counts = targets != PADDING
        self.right += ((output[..., 1] == targets) & counts).sum()
        self.count += counts.sum()


class ExactMatch(Share):
    """Share of texts that were written without a fault; one less this is the word error rate."""

    def update(self, output: Tensor, targets: Tensor) -> None:
        """Add outputs of Translate (batch, time, 3) and targets (batch, time)."""
        self.right += (output[..., 2] == targets).all(dim=1).sum()
        self.count += len(targets)


class TokenErrorRate(CharErrorRate):
    """Edits that make what was written right, a token of the true text (Levenshtein)."""

    def update(self, output: Tensor, targets: Tensor) -> None:  # type: ignore[override]
        """Add outputs of Translate (batch, time, 3) and targets (batch, time)."""
        texts = [["".join(map(chr, each)) for each in _texts(t)] for t in (output[..., 2], targets)]
        super().update(*texts)


class Bleu(BLEUScore):
    """BLEU of one to four tokens (Papineni 2002), one true translation each."""

    def update(self, output: Tensor, targets: Tensor) -> None:  # type: ignore[override]
        """Add outputs of Translate (batch, time, 3) and targets (batch, time)."""
        written, true = (
            [" ".join(map(str, each)) for each in _texts(t)] for t in (output[..., 2], targets)
        )
        super().update(written, [[each] for each in true])


def _texts(tokens: Tensor) -> list[list[int]]:
    """Return each text's tokens, without its end."""
    return [[token for token in row if token > END] for row in tokens.long().tolist()]


@dataclass(frozen=True, kw_only=True)
class Translate(Task):
    """Logits (batch, time, vocabulary) against a translation's tokens (batch, time).

    Its output is, for every token, the loss, the likeliest token after the true beginning, and the
    token that the network writes by itself, by a search of `beams` beams (1: greedy). In training,
    where nobody reads it, the last is not searched for but the one before again.
    """

    headline = "token_error_rate"

    beams: int = 1

    def __post_init__(self) -> None:
        require_whole("beams", self.beams)

    def require(self, facts: Facts) -> None:
        """Raise UserError unless the targets are translations."""
        if facts.targets != "translation":
            do = "use a dataset of texts and their translations, or another task"
            raise UserError("targets", got=facts.targets, allowed="translation", do=do)

    def predict(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """Return (batch, time, 3): losses in nats, 0 at padding, and two kinds of tokens."""
        assert isinstance(network, TransformerNetwork)
        pairs, targets = batch
        logits = network(pairs)
        losses = cross_entropy(
            logits.transpose(1, 2), targets, ignore_index=PADDING, reduction="none"
        )
        likeliest = written = logits.argmax(dim=-1)
        if not network.training:
            texts, length = pairs[:, : network.source], targets.shape[1]
            written = translate(network, texts, length=length, beams=self.beams)
        return torch.stack([losses, likeliest.to(losses), written.to(losses)], dim=-1)

    def loss(self, output: Tensor, batch: Sequence[Tensor], *, training: bool) -> Tensor:
        """Return the mean loss a token in nats: the mean over texts of the mean over each."""
        del training
        counts = (batch[-1] != PADDING).sum(dim=1)
        return (output[..., 0].sum(dim=1) / counts).mean()

    def metrics(self, facts: Facts) -> dict[str, Metric]:
        """Return token accuracy, the share of faultless texts, edits a token, and BLEU."""
        del facts
        return {
            "token_accuracy": TokenAccuracy(),
            "exact_match": ExactMatch(),
            "token_error_rate": TokenErrorRate(),
            "bleu": Bleu(),
        }
