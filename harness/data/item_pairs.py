"""Item pairs: two pieces of Fashion-MNIST side by side, and a caption such as "bag beside coat".

Synthetic: the pieces are real, the pairs are not. Of the 100 captions 20 occur in the test set
alone, each class twice on either side: to name such a pair, a network must have learned from other
captions what their words mean. Pieces of the official training part make up training and
validation, those of the test part the test set.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from harness.data.batches import Split
from harness.data.content import Content
from harness.data.fashion_mnist import FashionMNIST
from harness.data.images import Images
from harness.data.in_memory import Sizes
from harness.data.randomness import Stream, torch_generator

NAMES = (
    *("shirt-without-collar", "trousers", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "boot"),
)
CLASSES = len(NAMES)
CAPTIONS = tuple(f"{left} beside {right}" for left in NAMES for right in NAMES)
DEVELOPMENT, TEST, VALIDATION = 12_000, 2_000, 1_000


@dataclass(frozen=True, kw_only=True)
class ItemPairs(Images):
    """Inputs (1, 28, 56); the class is the caption's number, and `facts().labels` what it says."""

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(1, 28, 56),
        outputs=len(CAPTIONS),
        development=DEVELOPMENT,
        test=TEST,
        validation=VALIDATION,
        labels=CAPTIONS,
    )

    def load(self) -> Content:
        """Return pairs with values from 0 to 255."""
        return _content()


def only_in_test() -> Tensor:
    """Return (100,), True for the captions that no training and no validation image has."""
    left, right = torch.arange(CLASSES)[:, None], torch.arange(CLASSES)
    return ((left + right) % 5 == 0).flatten()


@lru_cache(maxsize=1)
def _content() -> Content:
    pieces = FashionMNIST().load()
    return Content(
        _paired(pieces.development, ~only_in_test(), DEVELOPMENT, part=0),
        _paired(pieces.test, only_in_test(), TEST, part=1),
    )


def _paired(pieces: Split, allowed: Tensor, count: int, *, part: int) -> Split:
    """Return `count` pairs whose captions are allowed, a function of the arguments alone."""
    generator = torch_generator(0, Stream.TEST, part)
    # A fifth of all pairs has a caption of the test set: of so many more than enough are left.
    chosen = torch.randint(len(pieces), (2, 10 * count), generator=generator)
    names = CLASSES * pieces.targets[chosen[0]] + pieces.targets[chosen[1]]
    kept = torch.nonzero(allowed[names])[:count, 0]
    images = torch.cat([pieces.inputs[side[kept]] for side in chosen], dim=-1)
    return Split(images, names[kept])
