"""Statistics: intervals, paired differences over seeds, corrections, and what may be claimed.

Every function is pure. SciPy and statsmodels compute; what is here adds the cases that they leave
undefined (no variance, too few values) and the project's rules for a claim.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy
import numpy.typing
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

Array = numpy.typing.NDArray[numpy.float64]

CONFIDENCE = 0.95
ROUNDING = 1e-12
"""Relative spread below which values of float64 arithmetic count as equal."""
SMALLEST_INTERVAL = 3
"""Below three seeds nothing is claimed: the 95 % half-width of two is 9 standard deviations."""
SMALLEST_CLAIM = 10
"""Below ten pairs the interval speaks for itself: .84 sd at 8, .72 sd at 10 seeds."""


@dataclass(frozen=True)
class Interval:
    """A mean of `n` values and its confidence interval, NaN where `n` leaves it undefined."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """Half of high − low, in the unit of the values."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Paired(Interval):
    """A mean of paired differences, its interval, their standard deviation, and the p-value."""

    deviation: float
    p: float


def t_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return mean ± t·s/√n with Student's t quantile of n − 1 degrees (Student 1908).

    Bounds are NaN for one value; everything is NaN for none. Half-widths in standard deviations
    for n = 3, 5, 8, 10, 20, 30: 2.48, 1.24, .84, .72, .47, .37.
    """
    array = numpy.asarray(values, dtype=float)
    n = len(array)
    if n < 2:
        return Interval(float(array[0]) if n else math.nan, math.nan, math.nan, n)
    mean = float(array.mean())
    half = half_width_in_deviations(n, confidence) * _deviation(array)
    return Interval(mean, mean - half, mean + half, n)


def half_width_in_deviations(n: int, confidence: float = CONFIDENCE) -> float:
    """Return the half-width of a t interval of `n` ≥ 2 values, in their standard deviations."""
    return float(stats.t.ppf((1 + confidence) / 2, n - 1)) / math.sqrt(n)


def paired_difference(
    first: Mapping[int, float], second: Mapping[int, float], confidence: float = CONFIDENCE
) -> Paired:
    """Return first − second over the seeds that both have, by `scipy.stats.ttest_rel`.

    Differences that are all equal have no t statistic: their p-value is that of the exact sign
    test, 2^(1−n), and 1 where they are all zero. With fewer than two pairs p is NaN.
    """
    seeds = sorted(set(first) & set(second))
    left = numpy.array([first[seed] for seed in seeds], dtype=float)
    right = numpy.array([second[seed] for seed in seeds], dtype=float)
    differences = _without_rounding(left, right)
    interval = t_interval(list(differences), confidence)
    n = len(seeds)
    deviation = _deviation(differences) if n > 1 else math.nan
    if n < 2:
        p = math.nan
    elif deviation > 0:
        p = float(stats.ttest_rel(left, right).pvalue)
    else:
        p = 1.0 if interval.mean == 0 else 2.0 ** (1 - n)
    return Paired(interval.mean, interval.low, interval.high, n, deviation, p)


def welch_p(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p-value that two unpaired means are equal (Welch 1947).

    NaN where one side has fewer than two values; without variance 1 if the means are equal, and
    otherwise that of the exact permutation test, 2/C(n+m, n).
    """
    left, right = numpy.asarray(first, dtype=float), numpy.asarray(second, dtype=float)
    if min(len(left), len(right)) < 2:
        return math.nan
    if _deviation(left) == _deviation(right) == 0:
        same = bool(left[0] == right[0])
        return 1.0 if same else 2 / math.comb(len(left) + len(right), len(left))
    return float(stats.ttest_ind(left, right, equal_var=False).pvalue)


def bootstrap_interval(
    values: Sequence[float], confidence: float = CONFIDENCE, seed: int = 0
) -> Interval:
    """Return the mean and its BCa bootstrap interval (Efron 1987), 9,999 resamples.

    Bounds are NaN below three values, and equal to the mean where all values are equal.
    """
    array = numpy.asarray(values, dtype=float)
    if len(array) < SMALLEST_INTERVAL:
        return Interval(t_interval(values).mean, math.nan, math.nan, len(array))
    mean = float(array.mean())
    if _deviation(array) == 0:
        return Interval(mean, mean, mean, len(array))
    found = stats.bootstrap(
        (array,), numpy.mean, confidence_level=confidence, rng=numpy.random.default_rng(seed)
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high), len(array))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for all comparisons of the family (Holm 1979).

    A NaN (a comparison still without data) stays NaN and counts as a member of the family, so
    that what is already significant stays so when the rest arrives.
    """
    known = [1.0 if math.isnan(p) else p for p in p_values]
    if not known:
        return []
    corrected = multipletests(known, method="holm")[1]
    pairs = zip(p_values, corrected, strict=True)
    return [math.nan if math.isnan(p) else float(value) for p, value in pairs]


def probability_better(differences: Sequence[float]) -> Interval:
    """Return P(A > B): the share of pairs above zero, ties as half, with Wilson's interval.

    It is the effect size of Bouthillier et al. 2021; the interval is of Wilson 1927.
    """
    array = numpy.asarray(differences, dtype=float)
    n = len(array)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    wins = float((array > 0).sum() + 0.5 * (array == 0).sum())
    low, high = proportion_confint(wins, n, alpha=1 - CONFIDENCE, method="wilson")
    return Interval(wins / n, float(low), float(high), n)


def seeds_needed(
    difference: float, deviation: float, confidence: float = CONFIDENCE, most: int = 1000
) -> int | None:
    """Return how many pairs make the interval's half-width fall below |difference|.

    The smallest n ≥ 3 with t·s/√n < |d|, as if mean and deviation stayed what they are; None
    where that takes more than `most` pairs.
    """
    if difference == 0 or math.isnan(difference) or math.isnan(deviation):
        return None
    sizes = numpy.arange(SMALLEST_INTERVAL, most + 1)
    widths = stats.t.ppf((1 + confidence) / 2, sizes - 1) * deviation / numpy.sqrt(sizes)
    enough = sizes[widths < abs(difference)]
    return int(enough[0]) if len(enough) else None


def expected_best(values: Sequence[float], n: int, *, larger_is_better: bool = True) -> float:
    """Return the expected best of `n` of the `values`, drawn without replacement.

    Σ v_(i)·[C(i,n) − C(i−1,n)]/C(B,n): the unbiased form (Tang et al. 2020) of the expected
    validation performance of Dodge et al. 2019, for values drawn independently. For v = 1..5 and
    n = 2 it is 4.0, where the plug-in form gives 3.8. NaN unless 1 ≤ n ≤ B.
    """
    size = len(values)
    if not 1 <= n <= size:
        return math.nan
    ordered = sorted(values, reverse=not larger_is_better)
    weights = [math.comb(i, n) - math.comb(i - 1, n) for i in range(1, size + 1)]
    total = sum(weight * value for weight, value in zip(weights, ordered, strict=True))
    return total / math.comb(size, n)


def _deviation(array: Array) -> float:
    """Return the sample standard deviation, and exactly 0 where it is only rounding."""
    spread = float(array.std(ddof=1))
    return spread if spread > ROUNDING * float(numpy.abs(array).max()) else 0.0


def _without_rounding(left: Array, right: Array) -> Array:
    """Return left − right, made exactly equal where the differences differ by rounding alone."""
    differences = left - right
    if len(differences) == 0:
        return differences
    scale = max(float(numpy.abs(left).max()), float(numpy.abs(right).max()))
    return (
        differences
        if numpy.ptp(differences) > ROUNDING * scale
        else differences[:1].repeat(len(differences))
    )
