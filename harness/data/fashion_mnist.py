"""Fashion-MNIST: 60,000 + 10,000 pieces of clothing, 28×28 grey, 10 classes.

Xiao et al. 2017, arXiv:1708.07747; MIT licence. Two convolutions reach an accuracy of .916 to .925,
a ResNet-18 .949 (the authors' benchmark page).
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from harness.data.batches import Split
from harness.data.content import Content
from harness.data.images import Images
from harness.data.in_memory import Sizes
from harness.data.sources import PublicFile, read

SHA256 = {
    "train-images-idx3": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
SYSTEM = Path("/usr/share/datasets/fashion-mnist")
HOME = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"


@dataclass(frozen=True, kw_only=True)
class FashionMNIST(Images):
    """Inputs (1, 28, 28); the official test set, and 5,000 of the rest for validation."""

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(1, 28, 28), outputs=10, development=60_000, test=10_000, validation=5_000
    )

    classes: ClassVar[tuple[str, ...]] = (
        *("T-shirt", "trouser", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
    )

    def load(self) -> Content:
        """Return images with values from 0 to 255."""
        return _content()


@lru_cache(maxsize=1)
def _content() -> Content:
    return Content(_split("train"), _split("t10k"))


def _split(name: str) -> Split:
    images, labels = _array(f"{name}-images-idx3"), _array(f"{name}-labels-idx1")
    return Split(images[:, None], labels.long())


def _array(name: str) -> Tensor:
    """Read the IDX format: two zeros, type 8 (uint8), the rank; each size as int32; the values."""
    content = read(public_file(name))
    header = 4 + 4 * content[3]
    shape = np.frombuffer(content[4:header], dtype=">i4").tolist()
    values = np.frombuffer(content, dtype=np.uint8, offset=header)
    return torch.from_numpy(values.reshape(shape).copy())


def public_file(name: str) -> PublicFile:
    """Return where the file `name` (a key of SHA256) is found and what it must contain."""
    file = f"{name}-ubyte.gz"
    return PublicFile(
        name=file,
        sha256=SHA256[name],
        system=SYSTEM,
        url=f"{HOME}/{file}",
        install="apt-get install dataset-fashion-mnist",
    )
