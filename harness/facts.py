"""Facts: what a model must know of its data before any file is read."""

from dataclasses import dataclass
from typing import Literal

PADDING = 0
"""The token that fills up a text which is shorter than others."""
END = 1
"""The token that ends a translation, and after which its first one is written."""
Inputs = Literal["numbers", "tokens", "entities"]
"""What the elements of an example are: real numbers, indices of a vocabulary, or first of all
indices of entities such as a user and an item."""
Targets = Literal[
    "classes", "values", "clicks", "tokens", "masked", "translation", "pixels", "boxes"
]
"""What is to be learned of an example: one class index; real values; whether something was chosen
(1.0 or 0.0); a token at each place; the text some of whose places are masked; the text that its own
is translated to; a class for each pixel; a box for each object, (class + 1, left, top, right,
bottom) or zeros."""

Purpose = Literal["predict", "autoencode", "generate", "match"]
"""What a network is for: to answer about an example, to rebuild it, to make more like it, to
find the text that belongs to it."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a model must know of its data before any file is read: shapes and sizes."""

    inputs: tuple[int, ...]
    """Shape of one example, without the batch."""
    outputs: int
    """Number of classes, of regression targets, or of distinct tokens in the targets."""
    targets: Targets = "classes"
    """What is to be learned."""
    vocabulary: int | None = None
    """Number of distinct tokens, if the inputs are tokens; None: they are real numbers."""
    ragged: bool = False
    """Whether examples differ in length: texts end with PADDING; of series the last channel is 1
    where a step is there, then 0."""
    letters: float = 1.0
    """Characters that a token of a text stands for, on average."""
    source: int = 0
    """Of a translation, how many of an example's places are the text itself; at the others stands
    its translation, each token one place late and END first."""
    entities: tuple[int, ...] = ()
    """If the first numbers of an example are indices, from 0, how many each of them may be."""
    features: tuple[int, ...] = ()
    """How many of the numbers after them are known of each entity."""
    labels: tuple[str, ...] = ()
    """What each class is called in words, if the data say."""
    objects: int = 0
    """Most objects in an image, if the targets are boxes."""
    train: int
    validation: int
    test: int

    @property
    def holds(self) -> Inputs:
        """What the elements of an example are."""
        if self.entities:
            return "entities"
        return "numbers" if self.vocabulary is None else "tokens"

    @property
    def target_shape(self) -> tuple[int, ...]:
        """Shape of the target of one example, without the batch."""
        return {
            "classes": (),
            "values": (self.outputs,),
            "clicks": (self.outputs,),
            "tokens": self.inputs,
            "masked": self.inputs,
            "translation": (self.inputs[0] - self.source,),
            "pixels": self.inputs[1:],
            "boxes": (self.objects, 5),
        }[self.targets]
