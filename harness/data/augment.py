"""Augmentation of images: random shift, rotation, scale, crop and flip, each example its own."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from harness.settings import Settings, UserError, require_range, require_whole


@dataclass(frozen=True, kw_only=True)
class Augment(Settings):
    """How far each training image is changed at random, anew in every epoch.

    `shift`: up to so many whole pixels along each axis. `rotate`: up to so many degrees either way.
    `scale`: by a factor between 1 − scale and 1 + scale. These three are one bilinear resampling
    (Jaderberg et al. 2015, arXiv:1506.02025). `crop`: so many pixels of padding on every side, then
    a random crop of the old size. `flip`: left to right for half of the images.
    The defaults change nothing.
    """

    shift: int = 0
    rotate: float = 0.0
    scale: float = 0.0
    crop: int = 0
    flip: bool = False

    def __post_init__(self) -> None:
        require_whole("shift", self.shift, low=0)
        require_range("rotate", self.rotate, low=0, high=180)
        require_range("scale", self.scale, low=0, high=0.99)
        require_whole("crop", self.crop, low=0)
        if not isinstance(self.flip, bool):
            raise UserError("flip", got=self.flip, allowed="True, False", do="choose one of them")

    def __call__(self, images: Tensor, generator: torch.Generator, fill: float = 0.0) -> Tensor:
        """Return changed images of the same shape (batch, channels, height, width).

        `generator` is one of the CPU. `fill` is the value of what lies outside an image.
        """
        if self.shift or self.rotate or self.scale:
            images = _resample(images - fill, self._affine(images, generator)) + fill
        if self.crop:
            images = _crop(images, self.crop, generator, fill)
        if self.flip:
            chosen = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
            images = torch.where(chosen.to(images.device), images.flip(-1), images)
        return images

    def _affine(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return (batch, 2, 3) matrices from output to input places, in units of half an image."""
        batch, _, height, width = images.shape
        angle = math.radians(self.rotate) * _symmetric(batch, generator)
        factor = 1 + self.scale * _symmetric(batch, generator)
        size = (batch, 2)
        shift = torch.randint(-self.shift, self.shift + 1, size, generator=generator).double()
        cosine, sine = torch.cos(angle) / factor, torch.sin(angle) / factor
        # A rotation is one in pixels, so that images that are not square keep their right angles.
        across = [cosine, -sine * height / width, 2 * shift[:, 0] / width]
        down = [sine * width / height, cosine, 2 * shift[:, 1] / height]
        return torch.stack([torch.stack(across, 1), torch.stack(down, 1)], 1)


UNCHANGED = Augment()
"""The augmentation that changes nothing."""


def _symmetric(batch: int, generator: torch.Generator) -> Tensor:
    return 2 * torch.rand(batch, generator=generator, dtype=torch.float64) - 1


def _resample(images: Tensor, affine: Tensor) -> Tensor:
    # The places are computed in float64: a shift by whole pixels then moves whole pixels.
    grid = F.affine_grid(affine, list(images.shape), align_corners=False).to(images)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _crop(images: Tensor, pad: int, generator: torch.Generator, fill: float) -> Tensor:
    batch, _, height, width = images.shape
    corner = torch.randint(0, 2 * pad + 1, (2, batch, 1), generator=generator)
    rows = (corner[0] + torch.arange(height))[:, :, None]
    columns = (corner[1] + torch.arange(width))[:, None, :]
    padded = F.pad(images, (pad, pad, pad, pad), value=fill)
    example = torch.arange(batch)[:, None, None]
    return padded[example, :, rows, columns].permute(0, 3, 1, 2).contiguous()
