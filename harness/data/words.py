"""Words: texts as rows of word tokens, by a vocabulary of the most frequent words."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from harness.facts import PADDING

WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[^\w\s]")
UNKNOWN = PADDING + 1
RESERVED = 2
"""Tokens that stand for no word: padding, and every word outside the vocabulary."""


def split_words(text: str) -> list[str]:
    """Return the lower-case words and single punctuation marks of a text."""
    return WORD.findall(text.lower())


def vocabulary(texts: Sequence[Sequence[str]], size: int) -> dict[str, int]:
    """Return the token of each of the `size` − 2 most frequent words; of equals, the first by name.

    Fewer if there are no more; the most frequent word is token 2.
    """
    counts = Counter(word for text in texts for word in text)
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: RESERVED + rank for rank, word in enumerate(ranked[: size - RESERVED])}


def encode(texts: Sequence[Sequence[str]], tokens: Mapping[str, int], length: int) -> Tensor:
    """Return (texts, length): the tokens of each text's first words, then padding."""
    rows = torch.full((len(texts), length), PADDING)
    for row, text in zip(rows, texts, strict=True):
        known = [tokens.get(word, UNKNOWN) for word in text[:length]]
        row[: len(known)] = torch.tensor(known)
    return rows
