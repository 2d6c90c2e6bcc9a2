"""Fits: how loss falls with size, E + Σ Aᵢ/sizeᵢ^αᵢ, with intervals and an honest forecast.

Huber's loss of log-residuals (Hoffmann et al. 2022), summed and not averaged, from many starts, to
a tight tolerance, and with full refits in the bootstrap: what Besiroglu et al. 2024 found missing.
All starts of all refits are solved at once, by the Levenberg-Marquardt method with Huber's weights:
`scipy.optimize` takes one problem at a time, and a report has thousands.
"""

import itertools
from dataclasses import dataclass

import numpy
import numpy.typing

from harness.settings import UserError
from harness.statistics.intervals import CONFIDENCE, Array, Interval

SMALLEST_SIZES = 4
"""Three sizes determine three numbers exactly and leave nothing to check them by."""
SMALLEST_HUBER = 1e-3
"""Where Huber's loss turns linear, in log loss (Hoffmann et al. 2022)."""
HUBER = 1.345
"""The same in standard deviations of the seeds, where known: 95 % efficient (Huber 1964)."""
REFITS = 100
EXPONENTS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0)
FLOORS = (0.02, 0.1, 0.5, 2.0)
"""Starts: exponents, and by how much the log of E is below the least log loss."""
KEPT = 5
"""Starts that each refit descends from: those of the least loss."""
ROUGH, FINE = 20, 300
"""Iterations of those, and of the best one of each refit."""
TOLERANCE = 1e-13
LARGEST_EXPONENT = 5.0
LOWEST_FLOOR = 12.0


@dataclass(frozen=True, kw_only=True)
class Law:
    """E + Σ Aᵢ/sizeᵢ^αᵢ; E is 0 in a plain power law."""

    constant: float
    coefficients: tuple[float, ...]
    exponents: tuple[float, ...]

    def __call__(self, sizes: Array) -> Array:
        """Return the loss at (n, k) sizes, (n,)."""
        parts = numpy.array(self.coefficients) * sizes ** -numpy.array(self.exponents)
        return numpy.asarray(self.constant + parts.sum(axis=-1))


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A law with bootstrap intervals of E and of each exponent; A is too weakly identified.

    `forecast` is how far the law of all other sizes, drawn on, is off the largest: log of predicted
    ÷ measured, NaN below five sizes.
    """

    law: Law
    constant: Interval
    exponents: tuple[Interval, ...]
    forecast: float


def fit(
    losses: Array,
    sizes: Array,
    groups: numpy.typing.ArrayLike,
    *,
    saturating: bool = True,
    refits: int = REFITS,
) -> Fit:
    """Fit losses, (n,) > 0, to (n, k) sizes > 0; resamples whole `groups`, (n,), as seeds are.

    Raises:
        UserError: one of the sizes has fewer than four distinct values.
    """
    distinct = min(len(numpy.unique(column)) for column in sizes.T)
    if distinct < SMALLEST_SIZES:
        do = "add a size"
        raise UserError("sizes to fit", got=distinct, allowed=f"{SMALLEST_SIZES} or more", do=do)
    problem = _Problem.of(losses, sizes, saturating=saturating)
    names, member = numpy.unique(groups, return_inverse=True)
    draws = numpy.random.default_rng(0).multinomial(
        len(names), numpy.full(len(names), 1 / len(names)), refits
    )
    weights = numpy.concatenate([numpy.ones((1, len(losses))), draws[:, member]])
    law, *refitted = problem.solve(weights)
    largest = sizes[:, 0] == sizes[:, 0].max()
    forecast = numpy.nan
    if distinct > SMALLEST_SIZES:
        others = _Problem.of(losses[~largest], sizes[~largest], saturating=saturating)
        predicted = others.solve(numpy.ones((1, int((~largest).sum()))))[0](sizes[largest])
        forecast = float(numpy.mean(numpy.log(predicted) - numpy.log(losses[largest])))
    return Fit(
        law=law,
        constant=_interval(law.constant, [one.constant for one in refitted]),
        exponents=tuple(
            _interval(exponent, [one.exponents[i] for one in refitted])
            for i, exponent in enumerate(law.exponents)
        ),
        forecast=forecast,
    )


def compute_optimal_exponent(parameters: float, data: float) -> float:
    """Return a in N ∝ compute^a from the exponents of N and D: β/(α + β) (Hoffmann et al. 2022).

    Vectors: Hoffmann's .34 and .28 give .4516; Besiroglu's .3478 and .3658 give .5126.
    """
    return data / (parameters + data)


@dataclass(frozen=True)
class _Problem:
    """log loss y, centred log sizes x, (n, k); θ = (log E, log A₁, α₁, …), E if saturating."""

    y: Array
    x: Array
    centre: Array
    huber: float
    saturating: bool

    @classmethod
    def of(cls, losses: Array, sizes: Array, *, saturating: bool) -> "_Problem":
        y, x = numpy.log(losses), numpy.log(sizes)
        _, member = numpy.unique(sizes, axis=0, return_inverse=True)
        member = member.ravel()
        middles = numpy.array([numpy.median(y[member == m]) for m in range(member.max() + 1)])
        spread = 1.4826 * float(numpy.median(numpy.abs(y - middles[member])))
        centre = x.mean(axis=0)
        return cls(y, x - centre, centre, max(SMALLEST_HUBER, HUBER * spread), saturating)

    def solve(self, weights: Array) -> list[Law]:
        """Return the best law of all starts for each row of (refits, n) weights."""
        starts = self._starts()
        refits = len(weights)
        first = weights @ self._loss(self._residual(starts)[0]).T
        chosen = numpy.argsort(first, axis=1)[:, :KEPT].ravel()
        theta, value = self._descend(starts[chosen], weights.repeat(KEPT, axis=0), ROUGH)
        best = value.reshape(refits, KEPT).argmin(axis=1) + KEPT * numpy.arange(refits)
        theta, _ = self._descend(theta[best], weights, FINE)
        return [self._law(row) for row in theta]

    def _starts(self) -> Array:
        sizes = self.x.shape[1]
        middle, least = float(numpy.median(self.y)), float(self.y.min())
        rows = []
        for floor in FLOORS if self.saturating else (LOWEST_FLOOR,):
            rest = numpy.log(max(numpy.exp(middle) - numpy.exp(least - floor), 1e-9) / sizes)
            for exponents in itertools.product(EXPONENTS, repeat=sizes):
                start = [value for exponent in exponents for value in (rest, exponent)]
                rows.append([least - floor, *start] if self.saturating else start)
        return numpy.array(rows)

    def _descend(self, theta: Array, weights: Array, iterations: int) -> tuple[Array, Array]:
        damping = numpy.full(len(theta), 1e-2)
        residual, slopes = self._residual(theta)
        value = (weights * self._loss(residual)).sum(axis=-1)
        for _ in range(iterations):
            pull = weights / numpy.maximum(numpy.abs(residual) / self.huber, 1.0)
            pulled = numpy.swapaxes(slopes * pull[..., None], 1, 2)
            curvature, gradient = pulled @ slopes, (pulled @ residual[..., None])[..., 0]
            diagonal = numpy.einsum("bpp->bp", curvature)
            diagonal += damping[:, None] * diagonal + 1e-12
            step = numpy.linalg.solve(curvature, -gradient[..., None])[..., 0]
            trial = self._inside(theta + step)
            new_residual, new_slopes = self._residual(trial)
            new = (weights * self._loss(new_residual)).sum(axis=-1)
            better = new <= value
            gain = numpy.where(better, value - new, 0.0)
            theta = numpy.where(better[:, None], trial, theta)
            residual = numpy.where(better[:, None], new_residual, residual)
            slopes = numpy.where(better[:, None, None], new_slopes, slopes)
            value = numpy.where(better, new, value)
            damping = numpy.clip(numpy.where(better, damping / 5, damping * 4), 1e-12, 1e8)
            if bool(numpy.all(numpy.where(better, gain <= TOLERANCE * value, damping > 1e6))):
                break
        return theta, value

    def _residual(self, theta: Array) -> tuple[Array, Array]:
        """Return prediction − y, (b, n), and its slopes by θ, (b, n, p)."""
        first = int(self.saturating)
        logs, exponents = theta[:, None, first::2], theta[:, None, first + 1 :: 2]
        parts = logs - exponents * self.x
        if self.saturating:
            floor = numpy.broadcast_to(theta[:, None, :1], (*parts.shape[:2], 1))
            parts = numpy.concatenate([floor, parts], axis=-1)
        total = numpy.logaddexp.reduce(parts, axis=-1)
        share = numpy.exp(parts - total[..., None])
        slopes = numpy.empty((*total.shape, theta.shape[1]))
        slopes[..., :first] = share[..., :first]
        slopes[..., first::2] = share[..., first:]
        slopes[..., first + 1 :: 2] = -share[..., first:] * self.x
        return total - self.y, slopes

    def _loss(self, residual: Array) -> Array:
        size = numpy.abs(residual)
        return numpy.where(size <= self.huber, size**2 / 2, self.huber * (size - self.huber / 2))

    def _inside(self, theta: Array) -> Array:
        first = int(self.saturating)
        bounded = theta.copy()
        if self.saturating:
            least = self.y.min()
            bounded[:, 0] = numpy.clip(theta[:, 0], least - LOWEST_FLOOR, least + 1)
        bounded[:, first + 1 :: 2] = numpy.clip(theta[:, first + 1 :: 2], 0.0, LARGEST_EXPONENT)
        return bounded

    def _law(self, theta: Array) -> Law:
        first = int(self.saturating)
        exponents = theta[first + 1 :: 2]
        coefficients = numpy.exp(theta[first::2] + exponents * self.centre)
        return Law(
            constant=float(numpy.exp(theta[0])) if self.saturating else 0.0,
            coefficients=tuple(coefficients.tolist()),
            exponents=tuple(exponents.tolist()),
        )


def _interval(value: float, refitted: list[float]) -> Interval:
    ends = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
    low, high = numpy.quantile(refitted, ends)
    return Interval(value, float(low), float(high), len(refitted))
