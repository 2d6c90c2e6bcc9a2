"""Texts: datasets of rows of tokens, filled up with padding; or of texts and their translations."""

from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from harness.data.batches import Split
from harness.data.in_memory import InMemory
from harness.data.standardise import UNCHANGED, Standardisation
from harness.facts import END, PADDING


@dataclass(frozen=True, kw_only=True)
class Texts(InMemory, ABC):
    """Rows of tokens (n, length): nothing to standardise and nothing to augment."""

    def scale(self, inputs: Tensor) -> Standardisation:
        """Return what changes nothing: tokens have no scale."""
        del inputs
        return UNCHANGED

    def augmentation(self, scale: Standardisation) -> None:
        """Return None: texts are not augmented."""


def translations(
    texts: Sequence[Sequence[int]],
    translated: Sequence[Sequence[int]],
    *,
    source: int,
    target: int,
) -> Split:
    """Return inputs (n, source + target) and targets (n, target) of tokens.

    Targets are the translations, each with END; inputs the texts, then the translations one place
    late, END before the first token: what a decoder sees when it writes each.
    """
    tokens = filled_up(translated, target)
    lengths = torch.tensor([len(each) for each in translated])[:, None]
    late = torch.cat([torch.full_like(lengths, END), tokens[:, :-1]], dim=1)
    ended = tokens.scatter(1, lengths, END)
    return Split(torch.cat([filled_up(texts, source), late], dim=1), ended)


def filled_up(texts: Sequence[Sequence[int]], length: int) -> Tensor:
    """Return (texts, length): the tokens of each text, then padding."""
    lengths = np.array([len(text) for text in texts])
    rows = np.full((len(texts), length), PADDING, dtype=np.int64)
    rows[np.arange(length) < lengths[:, None]] = np.fromiter(chain.from_iterable(texts), np.int64)
    return torch.from_numpy(rows)
