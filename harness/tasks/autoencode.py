"""Autoencoding: images from a few latent units, by the evidence lower bound."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric, Metric

from harness.models.noise import fixed_noise
from harness.models.vae import VAENetwork
from harness.recipe import Facts, Purpose, Task
from harness.settings import UserError, require_range
from harness.tasks.pictures import grid

ACTIVE = 0.01
"""A unit is active if its posterior's mean varies by more over the examples (Burda 2016,
arXiv:1509.00519, §5.2)."""
SHOWN = 64
"""Samples in a picture."""


def rates(output: Tensor) -> Tensor:
    """Return each unit's divergence from the prior in nats, (batch, latent), from an output:

    (mean² + variance − 1 − ln variance) / 2 (Kingma & Welling 2014, arXiv:1312.6114, app. B).
    """
    mean, log_variance = output[:, 1:].chunk(2, dim=1)
    return (mean**2 + log_variance.exp() - 1 - log_variance) / 2


class PerImage(MeanMetric):
    """Mean over the images of something that Autoencode's output says of each."""

    higher_is_better = False  # type: ignore[assignment]

    def update(self, output: Tensor, _targets: Tensor) -> None:  # type: ignore[override]
        """Add outputs of Autoencode."""
        super().update(self.of(output))

    def of(self, output: Tensor) -> Tensor:
        """Return it (batch,)."""
        raise NotImplementedError


class Distortion(PerImage):
    """Squared error summed over an image's numbers and halved: nats but for a constant."""

    def of(self, output: Tensor) -> Tensor:
        """Return it (batch,)."""
        return output[:, 0]


class Rate(PerImage):
    """Divergence of the posterior from the prior: nats that the latent units carry."""

    def of(self, output: Tensor) -> Tensor:
        """Return it (batch,)."""
        return rates(output).sum(dim=1)


class Evidence(PerImage):
    """Evidence lower bound of an image of so many numbers: a density of the standardised ones."""

    higher_is_better = True

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.constant = numbers / 2 * math.log(2 * math.pi)

    def of(self, output: Tensor) -> Tensor:
        """Return it (batch,)."""
        return -(output[:, 0] + self.constant + rates(output).sum(dim=1))


class ActiveUnits(Metric):
    """How many latent units say something about the image."""

    higher_is_better = True
    full_state_update = False
    means: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("means", [], dist_reduce_fx="cat")

    def update(self, output: Tensor, _targets: Tensor) -> None:
        """Add outputs of Autoencode."""
        self.means.append(output[:, 1:].chunk(2, dim=1)[0].detach())

    def compute(self) -> Tensor:
        """Return it, from 0."""
        return (torch.cat(self.means).double().var(dim=0) > ACTIVE).sum().float()


@dataclass(frozen=True, kw_only=True)
class Autoencode(Task):
    """Reconstruction + β · divergence, in nats an image; the images themselves are the target.

    The decoder's output is the mean of a normal distribution with deviation 1 in each standardised
    number. `beta` 1 is the evidence lower bound, more presses the latent units to be few and
    independent (Higgins 2017). A recipe's output has a row (distortion, means, log variances) an
    image.
    """

    purpose: ClassVar[Purpose] = "autoencode"

    beta: float = 1.0
    headline = "elbo"

    def __post_init__(self) -> None:
        require_range("beta", self.beta, low=0)

    def require(self, facts: Facts) -> None:
        """Raise UserError unless the examples are images; what their targets are is no matter."""
        if len(facts.inputs) != 3:
            allowed = "(channels, height, width)"
            raise UserError("inputs", got=facts.inputs, allowed=allowed, do="use image data")

    def predict(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """Return (batch, 1 + 2 · latent): distortion in nats, means and log variances."""
        assert isinstance(network, VAENetwork)
        rebuilt, mean, log_variance = network.rebuild(batch[0])
        distortion = (rebuilt - batch[0]).square().flatten(1).sum(dim=1, keepdim=True) / 2
        return torch.cat([distortion, mean, log_variance], dim=1)

    def loss(self, output: Tensor, batch: Sequence[Tensor], *, training: bool) -> Tensor:
        """Return the mean of distortion + β · divergence, in nats without the constant."""
        del batch, training
        return (output[:, 0] + self.beta * rates(output).sum(dim=1)).mean()

    def metrics(self, facts: Facts) -> dict[str, Metric]:
        """Return the evidence lower bound (whatever β is), its two parts, and active units."""
        return {
            "elbo": Evidence(math.prod(facts.inputs)),
            "distortion": Distortion(),
            "rate": Rate(),
            "active_units": ActiveUnits(),
        }

    def pictures(self, network: nn.Module) -> Mapping[str, bytes]:
        """Return samples of the prior, decoded: from the same noise in every epoch."""
        assert isinstance(network, VAENetwork)
        noise = fixed_noise(SHOWN, network.latent, like=network.posterior.weight)
        return {"samples": grid(network.decode(noise))}

    def remark(self, scores: Mapping[str, float]) -> str:
        """Say so if the decoder has learned to do without the latent units."""
        if scores.get("active_units", 1) > 0:
            return ""
        return "posterior collapse: no latent unit is active"
