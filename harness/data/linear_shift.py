"""Linear shift: targets linear in a few hidden features, and a test set out of distribution.

The setting of the theory of linear probing and fine-tuning in Kumar et al. 2022 (arXiv:2202.10054,
section 3): y = v·B·x, with 20 inputs, 6 features B·x of orthonormal rows, and inputs that lie in a
random plane of 10 dimensions when a target is learned, in all 20 when it is tested. No noise. What
the source teaches is good but not perfect: its features are those of the target, a little turned.
"""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import torch
from torch import Tensor

from harness.data.batches import Split
from harness.data.content import Content
from harness.data.in_memory import InMemory, Sizes
from harness.data.standardise import Standardisation, Unchanged

INPUTS, FEATURES, PLANE = 20, 6, 10
TURN = 0.02
"""Deviation of what is added to every entry of the target's features, whose own is .22."""
VALIDATION, TEST = 200, 2_000


@dataclass(frozen=True, kw_only=True)
class _Linear(InMemory):
    def scale(self, inputs: Tensor) -> Standardisation:
        """Return what changes nothing: the inputs are standard normal in their plane."""
        del inputs
        return Unchanged()

    def augmentation(self, scale: Standardisation) -> None:
        """Return None: numbers are not augmented."""


@dataclass(frozen=True, kw_only=True)
class LinearSource(_Linear):
    """Inputs (20,) in all directions; targets (6,), the features rotated, to learn B from."""

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(INPUTS,),
        outputs=FEATURES,
        development=1_000 + VALIDATION,
        test=TEST,
        validation=VALIDATION,
        targets="values",
    )

    def load(self) -> Content:
        """Return the examples."""
        return _content()[0]


@dataclass(frozen=True, kw_only=True)
class LinearTarget(_Linear):
    """Inputs (20,) in the plane, in the test set in all directions; targets (1,) of 50 examples."""

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(INPUTS,),
        outputs=1,
        development=50 + VALIDATION,
        test=TEST,
        validation=VALIDATION,
        targets="values",
    )

    def load(self) -> Content:
        """Return the examples."""
        return _content()[1]


@cache
def _content() -> tuple[Content, Content]:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    features = torch.linalg.qr(normal(INPUTS, FEATURES))[0]
    turned = torch.linalg.qr(features + TURN * normal(INPUTS, FEATURES))[0]
    rotation = torch.linalg.qr(normal(FEATURES, FEATURES))[0]
    head = torch.nn.functional.normalize(normal(FEATURES, 1), dim=0)
    plane = torch.linalg.qr(normal(INPUTS, PLANE))[0].T

    def split(inputs: Tensor, weights: Tensor) -> Split:
        return Split(inputs.float(), (inputs @ weights).float())

    source, target = LinearSource.sizes, LinearTarget.sizes
    return (
        Content(
            split(normal(source.development, INPUTS), turned @ rotation),
            split(normal(source.test, INPUTS), turned @ rotation),
        ),
        Content(
            split(normal(target.development, PLANE) @ plane, features @ head),
            split(normal(target.test, INPUTS), features @ head),
        ),
    )
