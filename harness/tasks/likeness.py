"""Likeness: how near the features of generated images are to those of real ones."""

import torch
from torch import Tensor
from torchmetrics import Metric

MOST = 2_000
"""Images compared one by one at most, the first: 2,000 take .1 s."""
NEAREST = 5
"""Neighbours that a real image's neighbourhood reaches to (Naeem 2020, §5.1)."""


class Likeness(Metric):
    """Something of real and generated features (n, features), by Adversarial's outputs."""

    higher_is_better = True
    full_state_update = False
    real: list[Tensor]
    fake: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("real", [], dist_reduce_fx="cat")
        self.add_state("fake", [], dist_reduce_fx="cat")

    def update(self, output: Tensor, _targets: Tensor) -> None:
        """Add outputs: two scores, then features of the image and of a generated one."""
        real, fake = output[:, 2:].detach().double().chunk(2, dim=1)
        self.real.append(real)
        self.fake.append(fake)

    def compute(self) -> Tensor:
        """Return it."""
        return self.of(torch.cat(self.real), torch.cat(self.fake))

    def of(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return it, of all features."""
        raise NotImplementedError


class Frechet(Likeness):
    """Fréchet distance of the normal distributions with their means and covariances.

    |m − n|² + tr(C + D − 2·(C·D)^½) (Dowson & Landau 1982; Heusel 2017, arXiv:1706.08500, in the
    features of a network of their own: distances of other features do not compare).
    """

    higher_is_better = False

    def of(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return it, from 0."""
        one, other = real.T.cov(), fake.T.cov()
        roots: Tensor = torch.linalg.eigvals(one @ other).real.clamp_min(0).sqrt()
        apart = (real.mean(dim=0) - fake.mean(dim=0)).square().sum()
        return (apart + one.trace() + other.trace() - 2 * roots.sum()).clamp_min(0)


class Diversity(Likeness):
    """Standard deviation of generated features over that of real ones: 0 if all are the same."""

    def of(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return it, from 0."""
        return (fake.var(dim=0).sum() / real.var(dim=0).sum().clamp_min(1e-12)).sqrt()


class Coverage(Likeness):
    """Share of real images with a generated one in their neighbourhood: low if kinds are missing.

    A neighbourhood reaches to the fifth nearest real one (Naeem 2020, arXiv:2002.09797, eq. 8).
    """

    def of(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return it, from 0 to 1."""
        real, fake = real[:MOST], fake[:MOST]
        nearest = min(NEAREST, len(real) - 1)
        reach = torch.cdist(real, real).kthvalue(nearest + 1, dim=1).values
        covered: Tensor = torch.cdist(real, fake).min(dim=1).values <= reach
        return covered.double().mean()
