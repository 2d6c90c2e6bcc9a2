"""Masked Shakespeare: his works with some characters hidden, to be filled in.

The text and its parts are those of Shakespeare; the 85th token stands for a hidden character.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from harness.data.batches import Batches, Split, Splits
from harness.data.module import InMemoryModule
from harness.data.randomness import Stream, torch_generator
from harness.data.shakespeare import Shakespeare
from harness.data.windows import ALPHABET, EVALUATION_TOKENS
from harness.recipe import Data, Facts
from harness.settings import require_range

MASK = len(ALPHABET)
"""The token of a hidden character."""


@dataclass(frozen=True, kw_only=True)
class MaskedShakespeare(Data):
    """Windows of `context` characters, a `share` of them hidden, and the windows as they are.

    Which are hidden is drawn anew in each epoch (Liu 2019, arXiv:1907.11692, §4.1), but is fixed in
    validation and test. A chosen character is always hidden: to show another one or itself for a
    tenth each, as BERT does, was found to be no better (Wettig 2023, arXiv:2202.08005).
    `characters` as in Shakespeare.
    """

    context: int = 64
    characters: int | None = None
    share: float = 0.15

    def __post_init__(self) -> None:
        self._text()
        require_range("share", self.share, low=0, high=1, exclusive=True)

    def facts(self) -> Facts:
        """Return the windows in each part without reading the file."""
        return replace(self._text().facts(), targets="masked", vocabulary=MASK + 1)

    def check(self) -> None:
        """Read the file; raise UserError if it is missing or damaged."""
        self._text().check()

    def digest(self) -> str:
        """Return the sha256 of the whole text."""
        return self._text().digest()

    def build(self, *, seed: int, batch_size: int | None, accumulate: int = 1) -> InMemoryModule:
        """Return the data module; `batch_size` counts windows."""
        whole = self._text().build(seed=seed, batch_size=None).splits
        hide = hidden(self.share)
        fixed = torch_generator(0, Stream.TEST)
        validation, test = (
            Split(hide(part.inputs, fixed), part.inputs) for part in (whole.validation, whole.test)
        )
        splits = Splits(Split(whole.train.inputs, whole.train.inputs), validation, test)
        train = Batches(
            splits.train, batch_size=batch_size, accumulate=accumulate, seed=seed, augment=hide
        )
        size = max(1, EVALUATION_TOKENS // self.context)
        return InMemoryModule(splits, train, evaluation_size=size)

    def _text(self) -> Shakespeare:
        return Shakespeare(context=self.context, characters=self.characters)


def hidden(share: float) -> Callable[[Tensor, torch.Generator], Tensor]:
    """Return what replaces a `share` of tokens, of any shape, by MASK."""

    def hide(tokens: Tensor, generator: torch.Generator) -> Tensor:
        chosen = torch.rand(tokens.shape, generator=generator) < share
        return tokens.masked_fill(chosen, MASK)

    return hide
