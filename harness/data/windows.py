"""Windows: a long text as windows of tokens, and the tokens that follow each."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from harness.data.batches import Batches, Split, Splits
from harness.data.module import InMemoryModule
from harness.parts import Data
from harness.recipe import Facts
from harness.settings import UserError, require_whole

ALPHABET = "\n !\"&'()*,-./0123456789:;?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz{}"
"""The characters of all texts that are read by characters, in the order of their codes: those of
Shakespeare. The token of each is its place, so a network of one author can go on with another."""
EVALUATION_TOKENS = 16_384
"""Tokens in a batch of evaluation: its logits stay at 5.5 MB for characters."""
Sizes = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Windows(Data, ABC):
    """Windows of `context` tokens (context,), and the tokens that follow each.

    Windows do not overlap; what is left at the end of a part is dropped. Training, validation and
    test part lie in this order in the text, the same for every seed: it decides the order alone.
    """

    tokens_known: ClassVar[int]
    """How many tokens there are."""
    letters: ClassVar[float] = 1.0
    """Characters of the test part for each of its tokens."""

    context: int = 64

    def __post_init__(self) -> None:
        require_whole("context", self.context)
        if min(self._sizes()) <= self.context:
            allowed = f"≤ {min(self._sizes()) - 1}, so that the validation part holds a window"
            raise UserError("context", got=self.context, allowed=allowed, do="or more characters")

    @abstractmethod
    def text(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return all tokens of each part; raise UserError if a file is missing or damaged."""

    @abstractmethod
    def _sizes(self) -> Sizes:
        """Return how many tokens of each part are kept, from its beginning on."""

    def facts(self) -> Facts:
        """Return the windows in each part without reading the file."""
        train, validation, test = ((size - 1) // self.context for size in self._sizes())
        return Facts(
            inputs=(self.context,),
            outputs=self.tokens_known,
            targets="tokens",
            vocabulary=self.tokens_known,
            letters=self.letters,
            train=train,
            validation=validation,
            test=test,
        )

    def check(self) -> None:
        """Read the file; raise UserError if it is missing or damaged."""
        self.text()

    def build(self, *, seed: int, batch_size: int | None, accumulate: int = 1) -> InMemoryModule:
        """Return the data module; `batch_size` counts windows."""
        parts = zip(self.text(), self._sizes(), strict=True)
        splits = Splits(*(windows(part[:size], self.context) for part, size in parts))
        train = Batches(splits.train, batch_size=batch_size, accumulate=accumulate, seed=seed)
        size = max(1, EVALUATION_TOKENS // self.context)
        return InMemoryModule(splits, train, evaluation_size=size)


@dataclass(frozen=True, kw_only=True)
class Characters(Windows, ABC):
    """Windows of characters.

    `characters` keeps only so many of the training part and a tenth of that for validation; the
    test set stays whole.
    """

    alphabet: ClassVar[str] = ALPHABET
    tokens_known: ClassVar[int] = len(ALPHABET)
    whole: ClassVar[Sizes]
    """Characters of each part."""

    characters: int | None = None

    def __post_init__(self) -> None:
        if self.characters is not None:
            require_whole("characters", self.characters)
            if self.characters > self.whole[0]:
                allowed, do = f"≤ {self.whole[0]}", "lower it, or None for all"
                raise UserError("characters", got=self.characters, allowed=allowed, do=do)
        super().__post_init__()

    def _sizes(self) -> Sizes:
        train, validation, test = self.whole
        if self.characters is None:
            return self.whole
        return min(self.characters, train), min(self.characters // 10, validation), test


def windows(tokens: Tensor, context: int) -> Split:
    """Return views of the tokens (n, context) and of those one later: no token is copied."""
    both = tokens.unfold(0, context + 1, context)
    return Split(both[:, :-1], both[:, 1:])


def encode(text: str) -> Tensor:
    """Return the tokens of a text (n,); raise UserError if a character has none."""
    if strange := sorted(set(text) - set(ALPHABET)):
        raise UserError("text", got="".join(strange), allowed=ALPHABET, do="leave it out")
    table = np.zeros(128, dtype=np.int64)
    table[np.frombuffer(ALPHABET.encode(), dtype=np.uint8)] = np.arange(len(ALPHABET))
    return torch.from_numpy(table[np.frombuffer(text.encode(), dtype=np.uint8)])
