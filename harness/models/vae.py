"""VAE: a variational autoencoder of images, dense or convolutional."""

import math
from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

from torch import Tensor, nn

from harness.models.activation import ACTIVATIONS, Activation
from harness.models.image import halved, require_image, upwards
from harness.models.initialise import INITS, Init, initialise
from harness.models.noise import noise_for
from harness.recipe import Facts, Model, Purpose
from harness.settings import require_choice, require_range, require_whole

Shape = tuple[int, int, int]


class VAENetwork(nn.Module):
    """An encoder to a normal distribution over latent units, and a decoder from them."""

    def __init__(self, encoder: nn.Module, posterior: nn.Linear, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.posterior, self.decoder = encoder, posterior, decoder
        self.latent = posterior.out_features // 2

    def forward(self, images: Tensor) -> Tensor:
        """Map images to their reconstructions, of the same shape."""
        return self.rebuild(images)[0]

    def rebuild(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return reconstructions, and the mean and log variance (batch, latent) of each posterior.

        One sample of the posterior is decoded: mean + deviation · noise (Kingma & Welling 2014).
        """
        mean, log_variance = self.posterior(self.encoder(images)).chunk(2, dim=1)
        noise = noise_for(images, self.latent, training=self.training)
        rebuilt = self.decode(mean + (log_variance / 2).exp() * noise)
        return rebuilt, mean, log_variance

    def decode(self, latent: Tensor) -> Tensor:
        """Map latent units (batch, latent) to images (batch, channels, height, width)."""
        images: Tensor = self.decoder(latent)
        return images


@dataclass(frozen=True, kw_only=True)
class VAE(Model):
    """Settings of a VAE (Kingma & Welling 2014, arXiv:1312.6114): images to images.

    `latent` units have a normal posterior with a diagonal covariance and a standard normal prior.

    - `dense`: `depth` hidden layers of `width` units on either side
    - `convolutional`: `depth` 3×3 convolutions of stride 2 with width, 2·width, 4·width, …
      channels, and transposed ones back

    The decoder ends linearly: its output is the mean of a normal distribution. Dropout follows
    every hidden layer.

    With p numbers an image, width w, latent z and depth d the dense one has, on the way in,
    (p + 1)·w + (d − 1)·(w + 1)·w + (w + 1)·2·z parameters, and (z + 1)·w + (d − 1)·(w + 1)·w +
    (w + 1)·p on the way out.

    Raises UserError if a setting is out of its range, and at build if the inputs are no images or
    a side is below 2^depth pixels.
    """

    purpose: ClassVar[Purpose] = "autoencode"

    layers: Literal["dense", "convolutional"] = "dense"
    depth: int = 2
    width: int = 64
    latent: int = 16
    activation: Activation = "relu"
    dropout: float = 0.0
    init: Init = "torch"

    def __post_init__(self) -> None:
        require_choice("layers", self.layers, ("dense", "convolutional"))
        for what in ("depth", "width", "latent"):
            require_whole(what, getattr(self, what))
        require_choice("activation", self.activation, ACTIVATIONS)
        require_range("dropout", self.dropout, low=0, high=0.999999)
        require_choice("init", self.init, INITS)

    def build(self, facts: Facts) -> VAENetwork:
        """Return the network; its parts are called encoder, posterior, decoder.

        Raises UserError if `facts.inputs` is no image or too small.
        """
        dense = self.layers == "dense"
        smallest = 1 if dense else 2**self.depth
        shape = require_image(facts.inputs, smallest=smallest, do="use a smaller depth")
        encoder, features, decoder = self._dense(shape) if dense else self._convolutional(shape)
        network = VAENetwork(encoder, nn.Linear(features, 2 * self.latent), decoder)
        initialise(network, self.init)
        return network

    def _dense(self, shape: Shape) -> tuple[nn.Module, int, nn.Module]:
        sizes = [math.prod(shape), *[self.width] * self.depth]
        back = [self.latent, *[self.width] * self.depth]
        encoder = OrderedDict(flatten=nn.Flatten(), **self._numbered(self._linear(sizes)))
        decoder = OrderedDict(**self._numbered(self._linear(back)))
        decoder["head"] = nn.Linear(self.width, math.prod(shape))
        decoder["image"] = nn.Unflatten(1, shape)
        return nn.Sequential(encoder), self.width, nn.Sequential(decoder)

    def _convolutional(self, shape: Shape) -> tuple[nn.Module, int, nn.Module]:
        channels, *sides = shape
        widths = [channels, *(self.width * 2**stage for stage in range(self.depth))]
        shapes = [(w, *halved(sides, stage)) for stage, w in enumerate(widths)]
        features = math.prod(shapes[-1])
        encoder = OrderedDict(self._numbered(self._down(shapes)), flatten=nn.Flatten())
        first = self._hidden(nn.Linear(self.latent, features))
        decoder: OrderedDict[str, nn.Module] = OrderedDict(hidden_0=first)
        decoder["image"] = nn.Unflatten(1, shapes[-1])
        ups = upwards(shapes, kernel=3)
        decoder |= self._numbered([self._hidden(up) for up in ups[:-1]])
        decoder["head"] = ups[-1]
        return nn.Sequential(encoder), features, nn.Sequential(decoder)

    def _linear(self, sizes: list[int]) -> list[nn.Module]:
        return [self._hidden(nn.Linear(*pair)) for pair in pairwise(sizes)]

    def _down(self, shapes: list[tuple[int, ...]]) -> list[nn.Module]:
        return [self._hidden(nn.Conv2d(a[0], b[0], 3, 2, padding=1)) for a, b in pairwise(shapes)]

    def _hidden(self, layer: nn.Module) -> nn.Module:
        parts = [layer, ACTIVATIONS[self.activation]()]
        return nn.Sequential(*parts, *([nn.Dropout(self.dropout)] if self.dropout else []))

    def _numbered(self, layers: list[nn.Module]) -> dict[str, nn.Module]:
        return {f"hidden_{number}": layer for number, layer in enumerate(layers, start=1)}
