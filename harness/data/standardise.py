"""Standardisation: mean and deviation fitted on the training part, applied to every part."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class Standardisation(Protocol):
    """What was fitted on the training part."""

    def apply(self, values: Tensor) -> Tensor:
        """Return the standardised values, of the same shape: float32, or tokens as they are."""

    def undo(self, values: Tensor) -> Tensor:
        """Return what `apply` made these values of, up to rounding."""


class Unchanged:
    """Leaves values as they are: tokens have no scale."""

    def apply(self, values: Tensor) -> Tensor:
        """Return the values."""
        return values

    def undo(self, values: Tensor) -> Tensor:
        """Return the values."""
        return values


UNCHANGED = Unchanged()


@dataclass(frozen=True, eq=False)
class Scale:
    """Maps x to (x − mean) / deviation in float32; what does not vary is only centred."""

    mean: Tensor
    deviation: Tensor

    def apply(self, values: Tensor) -> Tensor:
        """Return the standardised values, of the same shape, in float32."""
        return ((values - self.mean) / self.deviation).float()

    def undo(self, values: Tensor) -> Tensor:
        """Return the values as they were, in float32."""
        return (values * self.deviation + self.mean).float()


def per_column(table: Tensor) -> Scale:
    """Fit a mean and a deviation for each column of (n, columns)."""
    # NumPy, because its sums do not depend on the number of threads.
    numbers = table.numpy().astype(np.float64)
    deviation = numbers.std(axis=0)
    deviation[deviation == 0] = 1
    return Scale(torch.from_numpy(numbers.mean(axis=0)), torch.from_numpy(deviation))


@dataclass(frozen=True, eq=False)
class PresentScale:
    """Standardises the steps of padded series that are there; padding and its mark stay."""

    scale: Scale

    def apply(self, values: Tensor) -> Tensor:
        """Return the standardised values, of the same shape, in float32."""
        present = values[..., -1:]
        scaled = self.scale.apply(values[..., :-1]) * present
        return torch.cat([scaled, present], dim=-1).float()

    def undo(self, values: Tensor) -> Tensor:
        """Return the steps that are there as they were, in float32."""
        present = values[..., -1:]
        steps = self.scale.undo(values[..., :-1]) * present
        return torch.cat([steps, present], dim=-1).float()


def per_channel(series: Tensor) -> Scale:
    """Fit a mean and a deviation for each channel of (n, time, channels) over all steps."""
    return per_column(series.flatten(0, 1))


def per_present_channel(series: Tensor) -> PresentScale:
    """Fit them over the steps at which the last channel is 1; that channel itself stays."""
    steps = series.flatten(0, 1)
    return PresentScale(per_column(steps[steps[:, -1] == 1, :-1]))


def overall(images: Tensor) -> Scale:
    """Fit one mean and one deviation over all pixels of uint8 images of any shape.

    The pixels are counted by value first, which is exact in any order of summation and needs no
    copy in floating point.
    """
    share = torch.bincount(images.flatten(), minlength=256).double() / images.numel()
    value = torch.arange(256, dtype=torch.float64)
    mean = (share * value).sum()
    deviation = (share * (value - mean) ** 2).sum().sqrt()
    return Scale(mean.float(), deviation.float() if deviation > 0 else torch.tensor(1.0))
