"""Facts: what a model must know of its data before any file is read."""

from dataclasses import dataclass
from typing import Literal

PADDING = 0
"""The token that fills up a text which is shorter than others."""
Inputs = Literal["numbers", "tokens"]
"""What the elements of an example are: real numbers, or indices of a vocabulary."""

Purpose = Literal["predict", "autoencode", "generate"]
"""What a network is for: to answer about an example, to rebuild it, to make more like it."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a model must know of its data before any file is read: shapes and sizes."""

    inputs: tuple[int, ...]
    """Shape of one example, without the batch."""
    outputs: int
    """Number of classes, or of regression targets."""
    targets: Literal["classes", "values", "tokens"] = "classes"
    """What is to be learned: one class index an example, `outputs` real values, or one token (of
    `outputs`) at each place of the input."""
    vocabulary: int | None = None
    """Number of distinct tokens, if the inputs are tokens; None: they are real numbers."""
    ragged: bool = False
    """Whether examples differ in length: texts end with PADDING; of series the last channel is 1
    where a step is there, then 0."""
    train: int
    validation: int
    test: int

    @property
    def holds(self) -> Inputs:
        """What the elements of an example are."""
        return "numbers" if self.vocabulary is None else "tokens"
