"""Resolution: the smallest difference, and the smallest margin, that a design's seeds can show."""

from collections.abc import Iterator

import numpy

from harness.comparisons import comparisons
from harness.record import Record
from harness.statistics.intervals import SMALLEST_INTERVAL, half_width_in_deviations
from harness.statistics.power import (
    POWER,
    SIGNIFICANCE,
    SMALLEST_CLAIM,
    smallest_effect,
    smallest_margin,
)
from harness.study import Study
from harness.words import in_unit


def resolution(study: Study, stored: Record | None) -> Iterator[str]:
    """Yield what a designed study can show, in standard deviations of its paired differences.

    And in the metric's unit, where `stored` has runs to tell how large those are. The corrected
    level is that of the first of Holm's steps: a later one finds a little less.
    """
    claims, seeds = len(study.planned()), study.seeds
    if seeds < SMALLEST_INTERVAL or not claims:
        yield f"{seeds} seeds and {claims} comparisons show nothing: 3 seeds give an interval."
        return
    alpha = SIGNIFICANCE / claims
    effect, margin = smallest_effect(seeds, alpha), smallest_margin(seeds, alpha)
    half = half_width_in_deviations(seeds)
    few = "" if seeds >= SMALLEST_CLAIM else f" (a claim needs {SMALLEST_CLAIM})"
    yield (
        f"{seeds} paired seeds{few} and {claims} comparison{'s' * (claims > 1)} show, with a power "
        f"of {POWER:.0%}, a difference of {effect:.2f} sd ({smallest_effect(seeds):.2f} if it were "
        f"the only one), or none larger than {margin:.2f} sd; 95 % intervals are ± {half:.2f} sd."
    )
    known = [one for one in comparisons(stored) if one.paired.n > 2] if stored else []
    for metric in dict.fromkeys(one.metric for one in known):
        assert stored is not None
        deviation = float(
            numpy.median([one.paired.deviation for one in known if one.metric == metric])
        )
        said = [in_unit(stored, metric, n * deviation) for n in (1.0, effect, margin, half)]
        yield (
            f"In the stored runs 1 sd of paired differences is {said[0]} (median): a difference of "
            f"{said[1]}, or none larger than {said[2]}; ± {said[3]}."
        )
    if not known:
        yield "1 sd is that of paired differences over seeds: the first runs will tell its size."
