"""Aggregate: the middle of many runs over several settings, with an interval."""

from collections.abc import Sequence

import numpy
from scipy import stats

from harness.statistics.intervals import CONFIDENCE, Array, Interval

TRIMMED = 0.25
"""Cut from either end: what is left is the inter-quartile mean (Agarwal et al. 2021)."""
RESAMPLES = 2_000
"""As many as Agarwal et al. 2021 draw for their intervals."""


def interquartile_mean(strata: Sequence[Array], confidence: float = CONFIDENCE) -> Interval:
    """Return the mean of the middle half of all values, by a percentile bootstrap within strata.

    Each stratum, (n,) values of one setting, is resampled on its own, so that every resample has
    as many values of each setting (Agarwal et al. 2021). Bounds are NaN where a stratum has fewer
    than two values.
    """

    def middle(*samples: Array, axis: int = -1) -> Array:
        joined = numpy.concatenate(samples, axis=axis)
        return numpy.asarray(stats.trim_mean(joined, TRIMMED, axis=axis))

    mean, n = float(middle(*strata)), sum(map(len, strata))
    if min(map(len, strata)) < 2:
        return Interval(mean, numpy.nan, numpy.nan, n)
    found = stats.bootstrap(
        tuple(strata),
        middle,
        vectorized=True,
        method="percentile",
        n_resamples=RESAMPLES,
        confidence_level=confidence,
        rng=numpy.random.default_rng(0),
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high), n)
