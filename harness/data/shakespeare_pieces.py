"""Shakespeare in 1,024 pieces of words, learned from the training part of his works.

The text and its parts are those of Shakespeare. A piece stands for 2.4 characters, by which losses
are divided: bits per character compare with those of a model of characters.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from harness.data.byte_pairs import learn, pieces, require_tokenizers
from harness.data.shakespeare import TEST, TRAIN, VALIDATION, works
from harness.data.windows import Sizes, Windows

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PIECES = 1_024
TOKENS: Sizes = (1_935_078, 110_694, 106_364)
"""Tokens of each part."""


@dataclass(frozen=True, kw_only=True)
class ShakespearePieces(Windows):
    """Windows of `context` pieces as tokens (context,), and the pieces that follow each."""

    tokens_known: ClassVar[int] = PIECES
    letters: ClassVar[float] = TEST / TOKENS[2]

    def check(self) -> None:
        """Read the file; raise UserError if it or the library is missing."""
        works()
        require_tokenizers()

    def text(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the tokens of each part."""
        return _text()

    def digest(self) -> str:
        """Return the sha256 of all tokens."""
        return hashlib.sha256(torch.cat(self.text()).numpy().astype("<i8").tobytes()).hexdigest()

    def _sizes(self) -> Sizes:
        return TOKENS


@lru_cache(maxsize=1)
def tokenizer() -> "Tokenizer":
    """Return the tokenizer that is learned from the training part; raise as `check` does."""
    return learn(works()[:TRAIN].splitlines(keepends=True), PIECES)


@lru_cache(maxsize=1)
def _text() -> tuple[Tensor, Tensor, Tensor]:
    whole, end = works(), TRAIN + VALIDATION
    train, validation, test = (
        torch.tensor(list(chain.from_iterable(pieces(tokenizer(), part.splitlines(keepends=True)))))
        for part in (whole[:TRAIN], whole[TRAIN:end], whole[end:])
    )
    return train, validation, test
