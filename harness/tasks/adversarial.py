"""Adversarial training: a generator learns to make images that a discriminator takes for real."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torchmetrics import Metric

from harness.learner import Learner
from harness.models.gan import GAN, GANNetwork
from harness.models.noise import fixed_noise
from harness.recipe import Facts, Purpose, Recipe, Task
from harness.settings import UserError, require_choice, require_range, require_whole
from harness.start import Start
from harness.tasks.adversary import AdversaryLearner
from harness.tasks.judge import features_of
from harness.tasks.likeness import Coverage, Diversity, Frechet
from harness.tasks.pictures import grid

SHOWN = 64
"""Samples in a picture."""
SCORES = 2
"""Columns of an output before the features: the score of the image, and of a generated one."""
COLLAPSED = {"diversity": 0.5, "coverage": 0.1}
"""Below either a generator has collapsed. On the digits, judged by pixels, four seeds each: twelve
healthy games (either loss, either norm) end at diversity .88-1.21 and coverage .14-.34 on the test
set, a latent space of one unit at .00-.26 and .00, a learning rate of .05 at .41-.66 and .01-.10,
of which two are told and two, at .07 and .10, are not (2026-11-28)."""


@dataclass(frozen=True, kw_only=True)
class Adversarial(Task):
    """The game of a discriminator's scores (batch, 2) of images and of generated ones.

    - `non_saturating`: each learns by cross-entropy what it wants to be true (Goodfellow 2014, §3)
    - `wgan_gp`: the difference of mean scores, with `penalty` times the squared distance of the
      gradient's norm from 1 between real and generated images (Gulrajani 2017, arXiv:1704.00028)

    The discriminator takes `critic_steps` steps for one of the generator. Quality is measured in
    what the head of `judge` sees, a classifier trained before (`FromRun`), or else in the images
    averaged down. An output has a row (two scores, features of the image, features of a generated
    one) an image.
    """

    purpose: ClassVar[Purpose] = "generate"

    game: Literal["non_saturating", "wgan_gp"] = "non_saturating"
    critic_steps: int = 1
    penalty: float = 10.0
    judge: Start | None = None
    headline = "frechet"

    def __post_init__(self) -> None:
        require_choice("game", self.game, ("non_saturating", "wgan_gp"))
        require_whole("critic_steps", self.critic_steps)
        require_range("penalty", self.penalty, low=0)

    def require(self, facts: Facts) -> None:
        """Raise UserError unless the examples are images; what their targets are is no matter."""
        if len(facts.inputs) != 3:
            allowed = "(channels, height, width)"
            raise UserError("inputs", got=facts.inputs, allowed=allowed, do="use image data")

    def admit(self, recipe: Recipe) -> None:
        """Raise UserError for what a game of two optimizers has no meaning for."""
        refused: dict[str, object] = {"accumulate": recipe.accumulate > 1}
        refused |= {"l1": recipe.l1, "l2": recipe.l2, "precision": recipe.precision == "16-mixed"}
        for what, given in refused.items():
            if given:
                got = getattr(recipe, what)
                do = "leave it out: two networks with an optimizer each know of none"
                raise UserError(what, got=got, allowed="the default", do=do)
        model = recipe.model
        if isinstance(model, GAN) and model.norm == "batch" and self.game == "wgan_gp":
            do = 'set GAN(norm="layer")'
            raise UserError("norm", got="batch", allowed="layer, none: a penalty an image", do=do)

    def learner(self, usual: type[Learner]) -> type[Learner]:
        """Return the module that plays the game."""
        del usual
        return AdversaryLearner

    def predict(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """Return (batch, 2 + 2 · features)."""
        assert isinstance(network, GANNetwork)
        fakes = network.like(batch[0])
        scores = [network.discriminator(batch[0]), network.discriminator(fakes)]
        features = [features_of(images, self.judge) for images in (batch[0], fakes)]
        return torch.cat([*scores, *features], dim=1)

    def loss(self, output: Tensor, batch: Sequence[Tensor], *, training: bool) -> Tensor:
        """Return the discriminator's mean loss, without a penalty on gradients."""
        del batch, training
        return self._loss(output[:, 0], output[:, 1])

    def discriminator_loss(self, network: GANNetwork, images: Tensor, fakes: Tensor) -> Tensor:
        """Return what the discriminator is taught with."""
        real, fake = network.discriminator(images), network.discriminator(fakes)
        loss = self._loss(real, fake)
        if self.game == "non_saturating":
            return loss
        return loss + self.penalty * _slope_penalty(network.discriminator, images, fakes)

    def generator_loss(self, scores: Tensor) -> Tensor:
        """Return what the generator is taught with, of the scores of its images."""
        return softplus(-scores).mean() if self.game == "non_saturating" else -scores.mean()

    def _loss(self, real: Tensor, fake: Tensor) -> Tensor:
        if self.game == "non_saturating":
            return (softplus(-real) + softplus(fake)).mean()
        return (fake - real).mean()

    def metrics(self, facts: Facts) -> dict[str, Metric]:
        """Return the Fréchet distance, and the diversity and the coverage of what is generated."""
        del facts
        return {"frechet": Frechet(), "diversity": Diversity(), "coverage": Coverage()}

    def pictures(self, network: nn.Module) -> Mapping[str, bytes]:
        """Return generated images: from the same noise in every epoch."""
        assert isinstance(network, GANNetwork)
        like = next(network.parameters())
        return {"samples": grid(network.generate(fixed_noise(SHOWN, network.latent, like=like)))}

    def remark(self, scores: Mapping[str, float]) -> str:
        """Say so if the generator makes much the same of any noise, or only some kinds of image."""
        low = {name: scores[name] for name, bar in COLLAPSED.items() if scores[name] < bar}
        if not low:
            return ""
        return "collapsed: " + ", ".join(f"{name} {value:.2f}" for name, value in low.items())


def _slope_penalty(discriminator: nn.Module, images: Tensor, fakes: Tensor) -> Tensor:
    """Return the mean of (|gradient of the score| − 1)² at random places between both."""
    share = torch.rand(len(images), 1, 1, 1, dtype=images.dtype, device=images.device)
    between = (share * images + (1 - share) * fakes).requires_grad_()
    total = discriminator(between).sum()
    (slope,) = torch.autograd.grad(total, between, create_graph=True)
    lengths: Tensor = torch.linalg.vector_norm(slope.flatten(1), dim=1)
    return (lengths - 1).square().mean()
