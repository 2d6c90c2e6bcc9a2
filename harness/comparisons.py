"""Comparisons: what the claims of a study came to, and the other levels, as an exploration."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy
import pandas

from harness.claims import Contrast
from harness.record import Record
from harness.statistics.differences import (
    Paired,
    equivalence_p,
    holm,
    paired_difference,
    probability_better,
    sign_flip_p,
    wilcoxon_p,
)
from harness.statistics.intervals import SMALLEST_INTERVAL, Array, bootstrap_interval, mean_interval
from harness.statistics.power import SIGNIFICANCE, SMALLEST_CLAIM
from harness.study import label


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Level a − level b at equal other values, paired by seed, and what may be said of it."""

    contrast: Contrast
    metric: str
    planned: bool
    """Claimed by the study; all else is exploration."""
    seen: int
    """How many trials had ended when it was claimed; 0 for a claim that was made before."""
    paired: Paired
    larger_is_better: bool
    p: float
    """That the difference is zero, or for an expected equality not inside the margin."""
    family: int = 1
    """How many p-values `p` is corrected together with (Holm)."""

    @property
    def gains(self) -> Array:
        """The differences, positive where a is better than b."""
        return self.paired.differences if self.larger_is_better else -self.paired.differences

    @property
    def gain(self) -> float:
        """Their mean, NaN if there are none."""
        return self.paired.mean if self.larger_is_better else -self.paired.mean

    @property
    def verdict(self) -> str:
        """What may be said.

        "too few seeds", "interval only", "exploratory", or of a claim "better", "worse", "equal"
        (within the margin), "not equal" (beyond it), "cannot tell".
        """
        if self.paired.n < SMALLEST_INTERVAL:
            return "too few seeds"
        if not self.planned:
            return "exploratory"
        if self.paired.n < SMALLEST_CLAIM:
            return "interval only"
        if self.contrast.margin is not None:
            return self._equality()
        if self.p >= SIGNIFICANCE:
            return "cannot tell"
        return "better" if self.gain > 0 else "worse"

    def _equality(self) -> str:
        if self.p < SIGNIFICANCE:
            return "equal"
        beyond = 2 * (1 - equivalence_p(self.paired.differences, self.contrast.margin or 0.0))
        return "not equal" if self.family * beyond < SIGNIFICANCE else "cannot tell"

    @property
    def expected(self) -> bool:
        """Whether the verdict does not contradict what the claim expected."""
        shown = self.verdict in ("better", "worse", "not equal")
        return not shown or self.contrast.expect in ("different", self.verdict)


def comparisons(record: Record) -> list[Comparison]:
    """Return the study's claims, then every other level against its reference.

    Holm corrects the claims together, and the exploration apart from them.
    """
    planned = record.study.planned()
    pairs = {(label(each.first), label(each.second), each.metric) for each in planned}
    others = [
        each
        for each in record.study.by_level()
        if (label(each.first), label(each.second), each.metric) not in pairs
    ]
    return [
        *_corrected([_compared(record, each, planned=True) for each in planned]),
        *_corrected([_compared(record, each, planned=False) for each in others]),
    ]


def _corrected(family: Sequence[Comparison]) -> list[Comparison]:
    corrected = holm(numpy.array([one.p for one in family]))
    return [
        replace(one, p=float(p), family=len(family))
        for one, p in zip(family, corrected, strict=True)
    ]


def _compared(record: Record, contrast: Contrast, *, planned: bool) -> Comparison:
    metric = contrast.metric or record.answer_metric
    first, second = (
        _by_seed(record, label(cell), metric) for cell in (contrast.first, contrast.second)
    )
    paired = paired_difference(first, second)
    p = paired.p
    if contrast.margin is not None and paired.n > 1:
        p = float(equivalence_p(paired.differences, contrast.margin))
    return Comparison(
        contrast=contrast,
        metric=metric,
        planned=planned,
        seen=record.seen(contrast) if planned else 0,
        paired=paired,
        larger_is_better=record.larger_is_better(metric),
        p=p,
    )


def _by_seed(record: Record, cell: str, metric: str) -> dict[int, float]:
    rows = record.confirmed(cell, metric)
    return {
        int(seed): float(value) for seed, value in zip(rows["seed"], rows["value"], strict=True)
    }


def cell_table(record: Record, compared: list[Comparison]) -> pandas.DataFrame:
    """Return one row for each cell: parameters, seeds, mean, difference to the reference, verdict.

    All in the unit of the metric: "mean" over confirm seeds and "difference" (level −
    reference), each with "… low" and "… high", "best search" of the first objective.
    """
    objective = record.study.objectives[0]
    references = {label(each.first): label(each.second) for each in record.study.by_level()}
    by_cell = {
        label(one.contrast.first): one
        for one in reversed(compared)
        if references.get(label(one.contrast.first)) == label(one.contrast.second)
        and one.metric == record.answer_metric
    }
    rows = []
    for cell in record.cells():
        best = record.ranked(cell)
        seeds = mean_interval(record.confirmed(cell)["value"].to_list())
        row: dict[str, object] = {
            "cell": cell,
            "params/trainable": record.trainable(cell),
            "best search": float(best[objective].iloc[0]) if len(best) else math.nan,
            "n": seeds.n,
            "mean": seeds.mean,
            "mean low": seeds.low,
            "mean high": seeds.high,
        }
        rows.append(row | _compared_columns(by_cell.get(cell)))
    return pandas.DataFrame(rows)


def _compared_columns(one: Comparison | None) -> dict[str, object]:
    names = ("difference", "difference low", "difference high", "pairs", "P(better)", "p_holm")
    if one is None:
        return {**dict.fromkeys(names, math.nan), "verdict": "reference"}
    paired = one.paired
    better = probability_better(one.gains).mean
    values = (paired.mean, paired.low, paired.high, paired.n, better, one.p)
    return {**dict(zip(names, values, strict=True)), "verdict": one.verdict}


def evidence_table(compared: list[Comparison]) -> pandas.DataFrame:
    """Return one row for each comparison, by every test: those that assume less beside the t test.

    In the unit of the metric: a − b with its t interval and its bootstrap interval, P(a is
    better) with Wilson's interval, and p by t (equivalence: the two one-sided tests), by flipped
    signs and by Wilcoxon, uncorrected, then the first by Holm.
    """
    return pandas.DataFrame([_evidence(one) for one in compared if one.paired.n > 1])


def _evidence(one: Comparison) -> dict[str, object]:
    contrast, differences = one.contrast, one.paired.differences
    bootstrap = bootstrap_interval(differences.tolist())
    better = probability_better(one.gains)
    at = " ".join(f"{name}={value}" for name, value in contrast.held.items())
    tested = one.paired.p
    if contrast.margin is not None:
        tested = float(equivalence_p(differences, contrast.margin))
    return {
        "a − b": f"{contrast.compare}={contrast.a} − {contrast.compare}={contrast.b}",
        "at": at or "all",
        "metric": one.metric,
        "claim": _claimed(one),
        "pairs": one.paired.n,
        "difference": one.paired.mean,
        "difference low": one.paired.low,
        "difference high": one.paired.high,
        "bootstrap": bootstrap.mean,
        "bootstrap low": bootstrap.low,
        "bootstrap high": bootstrap.high,
        "P(better)": better.mean,
        "P(better) low": better.low,
        "P(better) high": better.high,
        "p (t)": tested,
        "p (signs flipped)": float(sign_flip_p(differences)),
        "p (Wilcoxon)": float(wilcoxon_p(differences)),
        "p_holm": one.p,
        "verdict": one.verdict,
    }


def _claimed(one: Comparison) -> str:
    if not one.planned:
        return "none: exploratory"
    margin = one.contrast.margin
    said = one.contrast.expect if margin is None else f"equal within {margin:g}"
    return f"{said}, after {one.seen} trials" if one.seen else said
