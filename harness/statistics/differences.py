"""Differences: are two things different, equivalent, or not to be told apart?

The functions that end in `_p` take paired differences, (…, n ≥ 2), and return two-sided p-values,
(…). Without variance Student's t is undefined: p is then that of the exact sign test, 2^(1−n), and
1 where all differences are zero.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy
from scipy import stats

from harness.statistics.intervals import (
    CONFIDENCE,
    ROUNDING,
    Array,
    Interval,
    deviation,
    share_interval,
    t_interval,
)

RESAMPLES = 9_999
"""Permutations drawn where there are more; up to 13 pairs have fewer, and all are visited."""


@dataclass(frozen=True)
class Paired(Interval):
    """Paired differences (at least an empty array), their mean and interval, and a p-value."""

    differences: Array
    p: float

    @property
    def deviation(self) -> float:
        """Their sample standard deviation, NaN for fewer than two."""
        return float(deviation(self.differences)) if self.n > 1 else math.nan


def paired_difference(
    first: Mapping[int, float], second: Mapping[int, float], confidence: float = CONFIDENCE
) -> Paired:
    """Return first − second over the seeds that both have, with Student's t interval and test.

    With fewer than two pairs p is NaN.
    """
    seeds = sorted(set(first) & set(second))
    left = numpy.array([first[seed] for seed in seeds], dtype=float)
    right = numpy.array([second[seed] for seed in seeds], dtype=float)
    differences = _without_rounding(left, right)
    interval = t_interval(differences.tolist(), confidence)
    p = float(t_p(differences)) if len(seeds) > 1 else math.nan
    return Paired(interval.mean, interval.low, interval.high, len(seeds), differences, p)


def t_p(differences: Array) -> Array:
    """Return p of the paired t test (Student 1908), as `scipy.stats.ttest_rel` where it has one."""
    n = differences.shape[-1]
    error, mean = deviation(differences) / math.sqrt(n), differences.mean(axis=-1)
    t = numpy.abs(mean) / numpy.where(error > 0, error, 1.0)
    without_variance = numpy.where(mean == 0, 1.0, smallest_p(n))
    return numpy.where(error > 0, 2 * stats.t.sf(t, n - 1), without_variance)


def equivalence_p(differences: Array, margin: float) -> Array:
    """Return p that the mean lies outside ±margin: two one-sided t tests (Schuirmann 1987).

    Below .05 "no difference larger than the margin" is shown. Without variance it is the sign
    test's, 2^−n, inside the margin and 1 outside.
    """
    n = differences.shape[-1]
    error, mean = deviation(differences) / math.sqrt(n), numpy.abs(differences.mean(axis=-1))
    t = (margin - mean) / numpy.where(error > 0, error, 1.0)
    without_variance = numpy.where(mean < margin, 0.5**n, 1.0)
    return numpy.where(error > 0, stats.t.sf(t, n - 1), without_variance)


def sign_flip_p(differences: Array) -> Array:
    """Return p of the permutation test that flips signs (Fisher 1935), exact up to 13 pairs.

    It assumes that differences are symmetric around zero, and no distribution.
    """
    found = stats.permutation_test(
        (differences,),
        numpy.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        axis=-1,
        rng=numpy.random.default_rng(0),
    )
    return numpy.asarray(found.pvalue, dtype=float)


def wilcoxon_p(differences: Array) -> Array:
    """Return p of the signed-rank test (Wilcoxon 1945), as exact as flipped signs, ties and all.

    It cannot be less than `smallest_p(n)`: with five pairs never below .05.
    """
    ranks = stats.rankdata(numpy.abs(differences), axis=-1)
    return sign_flip_p(numpy.sign(differences) * ranks)


def smallest_p(n: int) -> float:
    """Return 2^(1−n), the least p that n pairs can give to a two-sided test of signs or ranks."""
    return 2.0 ** (1 - n)


def welch_p(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p-value that two unpaired means are equal (Welch 1947).

    NaN where one side has fewer than two values; without variance 1 if the means are equal, and
    otherwise that of the exact permutation test, 2/C(n+m, n).
    """
    left, right = numpy.asarray(first, dtype=float), numpy.asarray(second, dtype=float)
    if min(len(left), len(right)) < 2:
        return math.nan
    if deviation(left) == deviation(right) == 0:
        same = bool(left[0] == right[0])
        return 1.0 if same else 2 / math.comb(len(left) + len(right), len(left))
    return float(stats.ttest_ind(left, right, equal_var=False).pvalue)


def probability_better(differences: Array) -> Interval:
    """Return P(A > B): the share of pairs above zero, ties as half, with Wilson's interval.

    It is the effect size of Bouthillier et al. 2021.
    """
    wins = float((differences > 0).sum() + 0.5 * (differences == 0).sum())
    return share_interval(wins, len(differences))


def holm(p_values: Array) -> Array:
    """Return p-values, (…, m), corrected for all m comparisons of a family (Holm 1979).

    As statsmodels' `multipletests`, for many families at once. A NaN (a comparison still without
    data) stays NaN and counts as a member of the family, so that what is already significant
    stays so when the rest arrives.
    """
    known = numpy.where(numpy.isnan(p_values), 1.0, p_values)
    order = numpy.argsort(known, axis=-1)
    steps = numpy.take_along_axis(known, order, axis=-1) * numpy.arange(known.shape[-1], 0, -1)
    corrected = numpy.empty_like(known)
    raised = numpy.minimum(numpy.maximum.accumulate(steps, axis=-1), 1.0)
    numpy.put_along_axis(corrected, order, raised, axis=-1)
    return numpy.where(numpy.isnan(p_values), math.nan, corrected)


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
