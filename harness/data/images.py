"""Images: datasets of uint8 pixels, standardised as a whole, which augmentation can change."""

from abc import ABC
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from harness.data import standardise
from harness.data.augment import UNCHANGED, Augment
from harness.data.batches import Augmentation
from harness.data.in_memory import InMemory
from harness.data.standardise import Scale, Standardisation
from harness.settings import UserError


@dataclass(frozen=True, kw_only=True)
class Images(InMemory, ABC):
    """Images of uint8 (n, channels, height, width), standardised by one mean and deviation."""

    augment: Augment = UNCHANGED

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_augment(self.augment)

    def scale(self, inputs: Tensor) -> Scale:
        """Return the mean and the deviation over all pixels."""
        return standardise.overall(inputs)

    def augmentation(self, scale: Standardisation) -> Augmentation | None:
        """Return the augmentation; what moves in from outside the image is black (raw zero)."""
        if self.augment == UNCHANGED:
            return None
        black = scale.apply(torch.zeros(())).item()
        return partial(self.augment, fill=black)


def _require_augment(got: object) -> None:
    if not isinstance(got, Augment):
        do = "write augment=Augment(shift=2)"
        raise UserError("augment", got=got, allowed="an Augment", do=do)
