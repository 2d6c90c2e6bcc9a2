"""Fits recover known laws, say how sure they are, and refuse what cannot be checked."""

import numpy
import pytest
from scipy.optimize import minimize
from scipy.special import huber

from harness.settings import UserError
from harness.statistics.fits import Law, compute_optimal_exponent, fit
from harness.statistics.intervals import Array

HOFFMANN = Law(constant=1.69, coefficients=(406.4, 410.7), exponents=(0.34, 0.28))
BESIROGLU = Law(constant=1.8172, coefficients=(482.01, 2085.43), exponents=(0.3478, 0.3658))
SMALL = Law(constant=0.02, coefficients=(30.0,), exponents=(0.8,))
SIZES = numpy.repeat(numpy.geomspace(1e3, 1e5, 6), 10)[:, None]
SEEDS = numpy.tile(numpy.arange(10), 6)


def measured(seed: int, noise: float = 0.05) -> Array:
    """Return losses of ten seeds at six sizes, by the small law and noise of their logarithm."""
    return SMALL(SIZES) * numpy.exp(numpy.random.default_rng(seed).normal(0, noise, len(SIZES)))


@pytest.mark.parametrize(("law", "optimal"), [(HOFFMANN, 0.4516), (BESIROGLU, 0.5126)])
def test_published_laws_of_two_sizes_are_recovered(law: Law, optimal: float) -> None:
    grid = numpy.meshgrid(numpy.geomspace(1e7, 1e10, 5), numpy.geomspace(1e9, 1e12, 5))
    sizes = numpy.stack([axis.ravel() for axis in grid], axis=1)
    found = fit(law(sizes), sizes, numpy.arange(len(sizes)), refits=2)
    assert found.law.constant == pytest.approx(law.constant, rel=1e-4)
    assert found.law.exponents == pytest.approx(law.exponents, rel=1e-4)
    assert found.law.coefficients == pytest.approx(law.coefficients, rel=1e-2)
    assert compute_optimal_exponent(*found.law.exponents) == pytest.approx(optimal, abs=1e-4)
    assert found.forecast == pytest.approx(0, abs=1e-6)


def test_a_plain_power_law_is_a_line_of_logarithms() -> None:
    losses = 7 * SIZES[:, 0] ** -0.25
    found = fit(losses, SIZES, SEEDS, saturating=False, refits=2).law
    assert found.constant == 0
    assert (*found.coefficients, *found.exponents) == pytest.approx((7.0, 0.25))


def test_the_solver_finds_what_scipy_finds() -> None:
    losses, width = measured(0), 0.05
    centred = numpy.log(SIZES[:, 0]) - numpy.log(SIZES[:, 0]).mean()

    def objective(theta: Array, delta: float) -> float:
        predicted = numpy.logaddexp(theta[0], theta[1] - theta[2] * centred)
        return float(huber(delta, predicted - numpy.log(losses)).sum())

    found = fit(losses, SIZES, SEEDS, refits=2).law
    shift = found.exponents[0] * numpy.log(SIZES[:, 0]).mean()
    theta = numpy.array(
        [numpy.log(found.constant), numpy.log(found.coefficients[0]) - shift, found.exponents[0]]
    )
    least = float(numpy.log(losses.min()))
    starts = [numpy.array([least - gap, -2.0, a]) for gap in (0.1, 1.0) for a in (0.3, 1.0)]
    from_scipy = [
        minimize(objective, start, args=(width,), method="Nelder-Mead", tol=1e-12)
        for start in starts
    ]
    assert objective(theta, width) <= 1.002 * min(one.fun for one in from_scipy)


def test_the_bootstrap_is_as_wide_as_the_truth() -> None:
    fits = [fit(measured(seed), SIZES, SEEDS, refits=60) for seed in range(8)]
    once = [fit(measured(seed), SIZES, SEEDS, refits=1).law for seed in range(100, 200)]
    for of_fit, of_law in (
        ([one.exponents[0] for one in fits], [law.exponents[0] for law in once]),
        ([one.constant for one in fits], [law.constant for law in once]),
    ):
        bootstrap = numpy.median([interval.half_width for interval in of_fit])
        low, high = numpy.quantile(of_law, (0.025, 0.975))
        assert 0.5 < bootstrap / ((high - low) / 2) < 2
        assert low < numpy.median([interval.mean for interval in of_fit]) < high


def test_a_wrong_law_forecasts_badly() -> None:
    plain = fit(measured(1), SIZES, SEEDS, saturating=False, refits=2)
    right = fit(measured(1), SIZES, SEEDS, refits=2)
    assert abs(right.forecast) < 0.15 < abs(plain.forecast)


def test_four_sizes_are_fitted_without_a_forecast_and_three_are_refused() -> None:
    four, three = (SIZES[:, 0] < SIZES[limit, 0] for limit in (40, 30))
    found = fit(measured(0)[four], SIZES[four], SEEDS[four], refits=2)
    assert numpy.isnan(found.forecast)
    with pytest.raises(UserError, match="sizes to fit: got 3"):
        fit(measured(0)[three], SIZES[three], SEEDS[three])
