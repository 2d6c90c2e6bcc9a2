"""Power: how many seeds show a difference, and the smallest that so many seeds can show."""

import math
from bisect import bisect_left
from collections.abc import Callable

from scipy.optimize import brentq
from statsmodels.stats.power import TTestPower

from harness.statistics.intervals import SMALLEST_INTERVAL

SIGNIFICANCE = 0.05
POWER = 0.8
"""How often a test finds what is there (Cohen 1988's convention)."""
SMALLEST_CLAIM = 10
"""Below ten pairs the interval speaks for itself: .84 sd at 8, .72 sd at 10 seeds."""
MOST_SEEDS = 1_000
LARGEST_EFFECT = 100.0
"""In standard deviations; beyond it everything is found."""


def power(effect: float, n: int, alpha: float = SIGNIFICANCE) -> float:
    """Return how often a two-sided paired t test finds a mean of `effect` standard deviations.

    By the noncentral t distribution (Cohen 1988); finding it with the wrong sign does not count.
    """
    found = float(TTestPower().power(effect, n, alpha / 2, alternative="larger"))
    return 1.0 if math.isnan(found) else found  # so far out that SciPy gives up, all is found


def seeds_needed(difference: float, deviation: float, alpha: float = SIGNIFICANCE) -> int | None:
    """Return how many pairs show a true mean `difference` with a power of .8.

    The smallest n ≥ 3, at most 1,000; None where that is not enough. Vectors (two-sided .05):
    .2 sd 199, .5 sd 34, .8 sd 15.
    """
    if difference == 0 or math.isnan(difference) or math.isnan(deviation):
        return None
    if deviation == 0:
        return SMALLEST_INTERVAL
    effect = min(abs(difference) / deviation, LARGEST_EFFECT)
    return _first(lambda n: power(effect, n, alpha))


def seeds_for_equivalence(
    difference: float, deviation: float, margin: float, alpha: float = SIGNIFICANCE
) -> int | None:
    """Return how many pairs show that a mean of `difference` is within ±margin, power .8.

    Of the two one-sided tests, power − 1 is at least the sum of their powers − 2 (Bonferroni's
    inequality, close where the power is high). None if the difference is not inside the margin.
    """
    room = margin - abs(difference)
    if not room > 0 or math.isnan(deviation):
        return None
    if deviation == 0:
        return SMALLEST_INTERVAL
    rooms = (room, margin + abs(difference))
    near, far = (min(each / deviation, LARGEST_EFFECT) for each in rooms)
    return _first(lambda n: power(near, n, 2 * alpha) + power(far, n, 2 * alpha) - 1)


def smallest_effect(n: int, alpha: float = SIGNIFICANCE) -> float:
    """Return the smallest mean that `n` pairs show with a power of .8, in standard deviations.

    NaN below three pairs. Vectors (two-sided .05): 10 pairs .996, 34 pairs .494.
    """
    if n < SMALLEST_INTERVAL:
        return math.nan
    return float(brentq(lambda effect: power(effect, n, alpha) - POWER, 0.0, LARGEST_EFFECT))


def smallest_margin(n: int, alpha: float = SIGNIFICANCE) -> float:
    """Return the smallest margin that `n` pairs show no difference within, in standard deviations.

    With a power of .8 if the truth is no difference at all. NaN below three pairs.
    """
    if n < SMALLEST_INTERVAL:
        return math.nan
    each = (1 + POWER) / 2
    return float(brentq(lambda margin: power(margin, n, 2 * alpha) - each, 0.0, LARGEST_EFFECT))


def _first(power_of: Callable[[int], float]) -> int | None:
    sizes = range(SMALLEST_INTERVAL, MOST_SEEDS + 1)
    found = bisect_left(sizes, POWER, key=power_of)
    return sizes[found] if found < len(sizes) else None
