"""ChangedDigits: the digits, changed in one known way, as a second task for what learned them."""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal

import torch
from torch import Tensor

from harness.data.batches import Split
from harness.data.content import Content
from harness.data.digits import Digits
from harness.data.images import Images
from harness.data.in_memory import Sizes
from harness.settings import require_choice, require_range

BLACK, WHITE = 0, Digits.white
DEVIATION = 6.0
"""Of all pixels of the digits (6.01); noise is measured in it."""
CHANGES = ("permuted", "flipped", "noisy")


@dataclass(frozen=True, kw_only=True)
class ChangedDigits(Images):
    """Inputs (1, 8, 8); the same examples as Digits, and the same test set.

    - `permuted`: the pixels in another order, one for all (Goodfellow 2013, arXiv:1312.6211)
    - `flipped`: class 9 − y for y, a change of the labels alone
    - `noisy`: Gaussian noise of `deviations` standard deviations of all pixels, cut at black and
      white; 4/3 are half the way from black to white
    """

    sizes: ClassVar[Sizes] = Digits.sizes
    white: ClassVar[int] = Digits.white

    change: Literal["permuted", "flipped", "noisy"] = "permuted"
    deviations: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice("change", self.change, CHANGES)
        require_range("deviations", self.deviations, low=0, exclusive=True)

    def load(self) -> Content:
        """Return images with values from 0 to 16."""
        return _content(self.change, self.deviations)


@cache
def _content(change: str, deviations: float) -> Content:
    whole = Digits().load()
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(64, generator=generator)

    def changed(split: Split) -> Split:
        if change == "flipped":
            return Split(split.inputs, 9 - split.targets)
        if change == "permuted":
            pixels = split.inputs.flatten(1)[:, order].reshape(split.inputs.shape)
            return Split(pixels, split.targets)
        return Split(_noisy(split.inputs, deviations, generator), split.targets)

    return Content(changed(whole.development), changed(whole.test))


def _noisy(images: Tensor, deviations: float, generator: torch.Generator) -> Tensor:
    noise = torch.randn(images.shape, generator=generator) * DEVIATION * deviations
    return (images + noise).round().clamp(BLACK, WHITE).to(torch.uint8)
