"""GAN: a generator of images and a discriminator that tells them from real ones."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from harness.models.image import halved, require_image, upwards
from harness.models.noise import noise_for
from harness.recipe import Facts, Model, Purpose
from harness.settings import require_choice, require_range, require_whole

KERNEL = 5
STD = 0.02
"""Standard deviation of every weight at the start (Radford 2016, §3)."""
LEAK = 0.2
"""Slope below zero in the discriminator (Radford 2016, §3)."""
Shapes = list[tuple[int, ...]]


class GANNetwork(nn.Module):
    """Two networks that play against each other."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module, latent: int) -> None:
        super().__init__()
        self.generator, self.discriminator, self.latent = generator, discriminator, latent

    def forward(self, images: Tensor) -> Tensor:
        """Map images to (batch, 2): the scores of each, and of a generated one; high is real."""
        return torch.cat([self.discriminator(images), self.discriminator(self.like(images))], 1)

    def like(self, images: Tensor) -> Tensor:
        """Return as many generated images: in eval mode the same for the same images."""
        return self.generate(noise_for(images, self.latent, training=self.training))

    def generate(self, noise: Tensor) -> Tensor:
        """Map noise (batch, latent) to images (batch, channels, height, width)."""
        images: Tensor = self.generator(noise)
        return images


@dataclass(frozen=True, kw_only=True)
class GAN(Model):
    """Settings of a DCGAN (Radford et al. 2016, arXiv:1511.06434): images to (batch, 2) scores.

    The discriminator halves the image `depth` times by 5×5 convolutions of stride 2 with width,
    2·width, … channels, norm and leaky ReLU, and ends in one Linear; the generator begins with one
    from `latent` numbers and goes back by transposed convolutions with batch norm and ReLU. `norm`
    is the discriminator's, from its second convolution on: a gradient penalty needs one that looks
    at one image alone, `layer` or `none` (Gulrajani 2017, §4). Dropout is the discriminator's.

    The generator ends linearly, without tanh (as in Karras 2018, arXiv:1710.10196): the images are
    standardised and not between −1 and 1.

    Raises UserError if a setting is out of its range, and at build if the inputs are no images or
    a side is below 2^depth pixels.
    """

    purpose: ClassVar[Purpose] = "generate"

    depth: int = 2
    width: int = 32
    latent: int = 32
    norm: Literal["batch", "layer", "none"] = "batch"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for what in ("depth", "width", "latent"):
            require_whole(what, getattr(self, what))
        require_choice("norm", self.norm, ("batch", "layer", "none"))
        require_range("dropout", self.dropout, low=0, high=0.999999)

    def build(self, facts: Facts) -> GANNetwork:
        """Return the network; its parts are called generator, discriminator.

        Raises UserError if `facts.inputs` is no image or too small.
        """
        do = "use a smaller depth"
        channels, *sides = require_image(facts.inputs, smallest=2**self.depth, do=do)
        widths = [channels, *(self.width * 2**stage for stage in range(self.depth))]
        shapes: Shapes = [(w, *halved(sides, stage)) for stage, w in enumerate(widths)]
        network = GANNetwork(self._generator(shapes), self._discriminator(shapes), self.latent)
        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=STD)
        return network

    def _generator(self, shapes: Shapes) -> nn.Module:
        smallest = shapes[-1]
        first = nn.Linear(self.latent, math.prod(smallest))
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        parts["hidden_0"] = nn.Sequential(first, nn.Unflatten(1, smallest), *_norm(smallest[0]))
        ups = upwards(shapes, KERNEL)
        for number, up in enumerate(ups[:-1], start=1):
            parts[f"hidden_{number}"] = nn.Sequential(up, *_norm(up.out_channels))
        parts["image"] = ups[-1]
        return nn.Sequential(parts)

    def _discriminator(self, shapes: Shapes) -> nn.Module:
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        for number, (before, after) in enumerate(pairwise(shapes), start=1):
            parts[f"hidden_{number}"] = self._down(before[0], after[0], normed=number > 1)
        parts["flatten"] = nn.Flatten()
        parts["head"] = nn.Linear(math.prod(shapes[-1]), 1)
        return nn.Sequential(parts)

    def _down(self, before: int, after: int, *, normed: bool) -> nn.Module:
        parts: list[nn.Module] = [nn.Conv2d(before, after, KERNEL, 2, padding=KERNEL // 2)]
        if normed and self.norm != "none":
            parts.append(nn.BatchNorm2d(after) if self.norm == "batch" else nn.GroupNorm(1, after))
        parts.append(nn.LeakyReLU(LEAK))
        return nn.Sequential(*parts, *([nn.Dropout(self.dropout)] if self.dropout else []))


def _norm(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ReLU()]
