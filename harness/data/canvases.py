"""Canvases: one to three pieces of Fashion-MNIST on black, with their exact masks and boxes.

Synthetic: the pieces are real, the scenes are not. Each lies somewhere on 56×56 pixels, at its
full size or at half, and touches no other. A pixel belongs to a piece if it is not black there.
Pieces of the official training part make up training and validation, those of the test part the
test set, so that no piece is in two parts.
"""

from abc import ABC
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.data import standardise
from harness.data.batches import Split
from harness.data.content import Content
from harness.data.fashion_mnist import FashionMNIST
from harness.data.in_memory import InMemory, Sizes
from harness.data.randomness import Stream, numpy_generator
from harness.data.standardise import Scale, Standardisation

SIDE, ITEM, MOST, CLASSES = 56, 28, 3, 10
DEVELOPMENT, TEST, VALIDATION = 5_500, 1_000, 500
TRIES = 20
"""Places that are tried for a piece before it is left out."""
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Scenes:
    """Images (n, 1, 56, 56), the class + 1 of each pixel (n, 56, 56), and boxes (n, 3, 5)."""

    images: Tensor
    masks: Tensor
    boxes: Tensor
    """class + 1, left, top, right and bottom of the pixels that are in it; 0 if there is none."""


@dataclass(frozen=True, kw_only=True)
class Canvases(InMemory, ABC):
    """Images (1, 56, 56), standardised as a whole, and not augmented: targets would move too."""

    def scale(self, inputs: Tensor) -> Scale:
        """Return the mean and the deviation over all pixels."""
        return standardise.overall(inputs)

    def augmentation(self, scale: Standardisation) -> None:
        """Return None."""


@dataclass(frozen=True, kw_only=True)
class ItemMasks(Canvases):
    """The class of each pixel: 0 for black, else that of its piece + 1."""

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(1, SIDE, SIDE),
        outputs=CLASSES + 1,
        development=DEVELOPMENT,
        test=TEST,
        validation=VALIDATION,
        targets="pixels",
    )

    def load(self) -> Content:
        """Return images with values from 0 to 255, and their masks."""
        return Content(*(Split(part.images, part.masks) for part in _scenes()))


@dataclass(frozen=True, kw_only=True)
class ItemBoxes(Canvases):
    """A box for each piece: (3, 5) of class + 1, left, top, right, bottom; 0 if there are fewer."""

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(1, SIDE, SIDE),
        outputs=CLASSES,
        development=DEVELOPMENT,
        test=TEST,
        validation=VALIDATION,
        targets="boxes",
        objects=MOST,
    )

    def load(self) -> Content:
        """Return images with values from 0 to 255, and their boxes."""
        return Content(*(Split(part.images, part.boxes) for part in _scenes()))


@lru_cache(maxsize=1)
def _scenes() -> tuple[Scenes, Scenes]:
    pieces = FashionMNIST().load()
    return (
        _compose(pieces.development, DEVELOPMENT, part=0),
        _compose(pieces.test, TEST, part=1),
    )


def _compose(pieces: Split, count: int, *, part: int) -> Scenes:
    """Return `count` scenes, a function of the arguments alone."""
    random = numpy_generator(0, Stream.TEST, part)
    images = np.zeros((count, SIDE, SIDE), dtype=np.uint8)
    masks, boxes = np.zeros_like(images), np.zeros((count, MOST, 5), dtype=np.int64)
    items, classes = pieces.inputs[:, 0].numpy(), pieces.targets.numpy()
    for scene in range(count):
        taken: list[tuple[int, int, int]] = []
        for number in range(random.randint(1, MOST + 1)):
            chosen = random.randint(len(items))
            item = items[chosen] if random.randint(2) else _halved(items[chosen])
            place = _free_place(len(item), taken, random)
            if place is not None:
                taken.append((*place, len(item)))
                name = classes[chosen] + 1
                boxes[scene, number] = name, *_paste(item, place, name, images[scene], masks[scene])
    return Scenes(*(torch.from_numpy(each) for each in (images[:, None], masks, boxes)))


def _halved(item: Pixels) -> Pixels:
    """Return the piece at half its size, each pixel the mean of four."""
    fours = item.reshape(ITEM // 2, 2, ITEM // 2, 2)
    halved: Pixels = fours.mean(axis=(1, 3)).round().astype(np.uint8)
    return halved


def _free_place(
    size: int, taken: list[tuple[int, int, int]], random: np.random.RandomState
) -> tuple[int, int] | None:
    """Return the top and left of a square that touches none of those taken, or None."""
    for _ in range(TRIES):
        top, left = random.randint(SIDE - size + 1, size=2)
        if all(
            top >= other_top + side
            or other_top >= top + size
            or left >= other_left + side
            or other_left >= left + size
            for other_top, other_left, side in taken
        ):
            return int(top), int(left)
    return None


def _paste(
    item: Pixels, place: tuple[int, int], name: int, image: Pixels, mask: Pixels
) -> tuple[int, int, int, int]:
    """Put a piece into image and mask; return left, top, right and bottom of its pixels."""
    top, left = place
    window = slice(top, top + len(item)), slice(left, left + len(item))
    image[window], mask[window] = item, name * (item > 0)
    rows, columns = (np.flatnonzero((item > 0).any(axis=axis)) for axis in (1, 0))
    return left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1
