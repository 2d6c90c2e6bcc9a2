"""Digits: 1,797 handwritten digits, 8×8 grey, 10 classes (UCI, bundled with scikit-learn).

A support vector machine reaches an accuracy of .97 to .99.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from sklearn.datasets import load_digits

from harness.data.batches import Split
from harness.data.content import Content, draw_test
from harness.data.images import Images
from harness.data.in_memory import Sizes


@dataclass(frozen=True, kw_only=True)
class Digits(Images):
    """Inputs (1, 8, 8); the test set is a fixed stratified 20 %."""

    sizes: ClassVar[Sizes] = Sizes(inputs=(1, 8, 8), outputs=10, development=1438, test=359)

    white: ClassVar[int] = 16

    def load(self) -> Content:
        """Return images with values from 0 to 16."""
        return _content()


@lru_cache(maxsize=1)
def _content() -> Content:
    pixels, labels = load_digits(return_X_y=True)
    images = torch.from_numpy(pixels).to(torch.uint8).reshape(-1, 1, 8, 8)
    return draw_test(Split(images, torch.from_numpy(labels).long()))
