"""Shakespeare: his collected works as one text of 5,057,321 characters, 84 of them distinct.

42 works in the order of their file names, from the package `shakespeare` 0.6 (Open Knowledge
Foundation), whose texts are Project Gutenberg's; in the public domain, and carried here.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from harness.data.sources import read_carried
from harness.data.windows import Characters, Sizes, encode

FILE = "shakespeare.txt.gz"
SHA256 = "04decea0dd965df5e6cfc4a538b0c62623aaa3bfd848ac7fad6734e59c96624d"
TRAIN, VALIDATION, TEST = 4_551_589, 252_866, 252_866
"""Characters of each part, in this order in the text: 90, 5 and 5 %."""


@dataclass(frozen=True, kw_only=True)
class Shakespeare(Characters):
    """Windows of `context` characters as tokens (context,), and the characters that follow each."""

    whole: ClassVar[Sizes] = (TRAIN, VALIDATION, TEST)

    def text(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the tokens of each part."""
        return _text()

    def digest(self) -> str:
        """Return the sha256 of the whole text."""
        self.check()
        return SHA256


def works() -> str:
    """Return the whole text; raise UserError if the file is missing or damaged."""
    return read_carried(FILE, SHA256).decode()


@lru_cache(maxsize=1)
def _text() -> tuple[Tensor, Tensor, Tensor]:
    train, validation, test = torch.split(encode(works()), [TRAIN, VALIDATION, TEST])
    return train, validation, test
