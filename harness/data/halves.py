"""Halves: the first or the last five classes of an image dataset, to pretrain and to fine-tune on.

The classes of the last five are numbered from 0 too.
"""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from torch import Tensor

from harness.data import digits, fashion_mnist
from harness.data.batches import Split
from harness.data.content import Content
from harness.data.images import Images
from harness.data.in_memory import Sizes

HALF = 5


@dataclass(frozen=True, kw_only=True)
class FashionFirst(Images):
    """Fashion-MNIST of T-shirt, trouser, pullover, dress and coat; inputs (1, 28, 28)."""

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(1, 28, 28), outputs=HALF, development=30_000, test=5_000, validation=2_500
    )

    def load(self) -> Content:
        """Return images with values from 0 to 255."""
        return _half("fashion", last=False)


@dataclass(frozen=True, kw_only=True)
class FashionLast(Images):
    """Fashion-MNIST of sandal, shirt, sneaker, bag and ankle boot; inputs (1, 28, 28)."""

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(1, 28, 28), outputs=HALF, development=30_000, test=5_000, validation=2_500
    )

    def load(self) -> Content:
        """Return images with values from 0 to 255."""
        return _half("fashion", last=True)


@dataclass(frozen=True, kw_only=True)
class DigitsFirst(Images):
    """The digits 0 to 4; inputs (1, 8, 8)."""

    sizes: ClassVar[Sizes] = Sizes(inputs=(1, 8, 8), outputs=HALF, development=722, test=179)

    def load(self) -> Content:
        """Return images with values from 0 to 16."""
        return _half("digits", last=False)


@dataclass(frozen=True, kw_only=True)
class DigitsLast(Images):
    """The digits 5 to 9; inputs (1, 8, 8)."""

    sizes: ClassVar[Sizes] = Sizes(inputs=(1, 8, 8), outputs=HALF, development=716, test=180)

    def load(self) -> Content:
        """Return images with values from 0 to 16."""
        return _half("digits", last=True)


@cache
def _half(name: str, *, last: bool) -> Content:
    whole = {"fashion": fashion_mnist.FashionMNIST, "digits": digits.Digits}[name]().load()
    return Content(_of(whole.development, last=last), _of(whole.test, last=last))


def _of(split: Split, *, last: bool) -> Split:
    chosen: Tensor = (split.targets >= HALF) == last
    return Split(split.inputs[chosen], split.targets[chosen] - HALF * last)
