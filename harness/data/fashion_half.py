"""Fashion-MNIST's first or last five classes: one half to pretrain on, one to fine-tune on."""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal

from torch import Tensor

from harness.data.batches import Split
from harness.data.content import Content
from harness.data.fashion_mnist import FashionMNIST
from harness.data.images import Images
from harness.data.in_memory import Sizes
from harness.settings import require_choice

HALF = 5


@dataclass(frozen=True, kw_only=True)
class FashionHalf(Images):
    """Five classes of Fashion-MNIST, numbered from 0; inputs (1, 28, 28).

    The first: T-shirt, trouser, pullover, dress and coat; the last: sandal, shirt, sneaker, bag
    and ankle boot.
    """

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(1, 28, 28), outputs=HALF, development=30_000, test=5_000, validation=1_000
    )

    half: Literal["first", "last"] = "first"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice("half", self.half, ("first", "last"))

    def load(self) -> Content:
        """Return images with values from 0 to 255."""
        return _half(last=self.half == "last")


@cache
def _half(*, last: bool) -> Content:
    whole = FashionMNIST().load()
    return Content(_of(whole.development, last=last), _of(whole.test, last=last))


def _of(split: Split, *, last: bool) -> Split:
    chosen: Tensor = (split.targets >= HALF) == last
    return Split(split.inputs[chosen], split.targets[chosen] - HALF * last)
