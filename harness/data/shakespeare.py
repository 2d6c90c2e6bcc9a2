"""Shakespeare: his collected works as one text of 5,057,321 characters, 84 of them distinct.

42 works in the order of their file names, from the package `shakespeare` 0.6 (Open Knowledge
Foundation), whose texts are Project Gutenberg's; in the public domain, and carried here.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from harness.data.batches import Batches, Split, Splits
from harness.data.module import InMemoryModule
from harness.data.sources import read_carried
from harness.recipe import Data, Facts
from harness.settings import UserError, require_whole

FILE = "shakespeare.txt.gz"
SHA256 = "04decea0dd965df5e6cfc4a538b0c62623aaa3bfd848ac7fad6734e59c96624d"
ALPHABET = "\n !\"&'()*,-./0123456789:;?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz{}"
"""Every character of the text, in the order of their codes: the token of each is its place."""
TRAIN, VALIDATION, TEST = 4_551_589, 252_866, 252_866
"""Characters of each part, in this order in the text: 90, 5 and 5 %."""
EVALUATION_TOKENS = 16_384
"""Tokens in a batch of evaluation: its logits stay at 5.5 MB."""


@dataclass(frozen=True, kw_only=True)
class Shakespeare(Data):
    """Windows of `context` characters as tokens (context,), and the characters that follow each.

    Windows do not overlap; what is left at the end of a part is dropped. `characters` keeps only so
    many of the training part and a tenth of that for validation; the test set stays whole.
    The parts are the same for every seed: it decides the order alone.
    """

    alphabet: ClassVar[str] = ALPHABET
    context: int = 64
    characters: int | None = None

    def __post_init__(self) -> None:
        require_whole("context", self.context)
        if self.characters is not None:
            require_whole("characters", self.characters)
            if self.characters > TRAIN:
                do = "lower it, or None for all"
                raise UserError("characters", got=self.characters, allowed=f"≤ {TRAIN}", do=do)
        if min(self._sizes()) <= self.context:
            allowed = f"≤ {min(self._sizes()) - 1}, so that the validation part holds a window"
            raise UserError("context", got=self.context, allowed=allowed, do="or more characters")

    def facts(self) -> Facts:
        """Return the windows in each part without reading the file."""
        train, validation, test = ((size - 1) // self.context for size in self._sizes())
        return Facts(
            inputs=(self.context,),
            outputs=len(ALPHABET),
            targets="tokens",
            vocabulary=len(ALPHABET),
            train=train,
            validation=validation,
            test=test,
        )

    def check(self) -> None:
        """Read the file; raise UserError if it is missing or damaged."""
        _text()

    def digest(self) -> str:
        """Return the sha256 of the whole text."""
        self.check()
        return SHA256

    def build(self, *, seed: int, batch_size: int | None, accumulate: int = 1) -> InMemoryModule:
        """Return the data module; `batch_size` counts windows."""
        starts = (0, TRAIN, TRAIN + VALIDATION)
        spans = (
            _text()[start : start + size] for start, size in zip(starts, self._sizes(), strict=True)
        )
        splits = Splits(*(windows(span, self.context) for span in spans))
        train = Batches(splits.train, batch_size=batch_size, accumulate=accumulate, seed=seed)
        size = max(1, EVALUATION_TOKENS // self.context)
        return InMemoryModule(splits, train, evaluation_size=size)

    def _sizes(self) -> tuple[int, int, int]:
        if self.characters is None:
            return TRAIN, VALIDATION, TEST
        return self.characters, min(self.characters // 10, VALIDATION), TEST


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


@lru_cache(maxsize=1)
def _text() -> Tensor:
    return encode(read_carried(FILE, SHA256).decode())
