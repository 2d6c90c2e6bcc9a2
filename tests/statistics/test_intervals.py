"""Intervals agree with published vectors, and have an answer where there is no variance."""

import math

import numpy
import pytest
from statsmodels.stats.proportion import proportion_confint

from harness.statistics.intervals import (
    bootstrap_interval,
    half_width_in_deviations,
    mean_bounds,
    mean_interval,
    share_interval,
    t_half_width,
    t_interval,
)


@pytest.mark.parametrize(
    ("n", "width"), [(3, 2.48), (5, 1.24), (8, 0.84), (10, 0.72), (20, 0.47), (30, 0.37)]
)
def test_half_width_shrinks_as_published(n: int, width: float) -> None:
    assert half_width_in_deviations(n) == pytest.approx(width, abs=0.006)


def test_many_intervals_at_once_are_the_single_ones() -> None:
    values = numpy.random.default_rng(0).normal(3, 2, (4, 6))
    widths = t_half_width(values)
    assert widths.tolist() == pytest.approx([t_interval(row).half_width for row in values.tolist()])


def test_few_values_have_no_interval() -> None:
    assert math.isnan(t_interval([]).mean)
    alone = t_interval([0.5])
    assert (alone.mean, alone.n) == (0.5, 1)
    assert math.isnan(alone.low)


def test_bootstrap_agrees_with_the_t_interval_on_normal_values() -> None:
    values = numpy.random.default_rng(1).normal(0, 1, 60).tolist()
    bootstrap, student = bootstrap_interval(values), t_interval(values)
    assert bootstrap.half_width == pytest.approx(student.half_width, rel=0.15)
    assert bootstrap_interval([2.0] * 5).half_width == 0
    assert math.isnan(bootstrap_interval([1.0, 2.0]).low)


def test_a_share_has_wilsons_interval() -> None:
    found = share_interval(9, 10)
    assert (found.low, found.high) == pytest.approx(proportion_confint(9, 10, method="wilson"))
    assert math.isnan(share_interval(0, 0).mean)


def test_the_interval_of_a_skewed_mean_is_longer_towards_the_tail_only() -> None:
    values = [0.91, 0.92, 0.93, 0.92, 0.60]
    student, skewed = t_interval(values), mean_interval(values)
    assert skewed.high == pytest.approx(student.high)
    assert skewed.low < student.low
    assert skewed.reach == pytest.approx(skewed.mean - skewed.low)
    symmetric = mean_interval([1.0, 2.0, 3.0])
    assert symmetric.low == pytest.approx(t_interval([1.0, 2.0, 3.0]).low)
    # g = 12/2³ and t = 2.776: the longer side has 1.5·(2·2.776² + 1)/(6·√5) = 1.835 errors more.
    low, high = mean_bounds(numpy.array([0.0, 0.0, 0.0, 0.0, 5.0]))
    assert float(low) == pytest.approx(1 - 2.776, abs=1e-3)
    assert float(high) == pytest.approx(1 + 4.612, abs=2e-3)
    flat = mean_interval([0.5] * 4)
    assert (flat.low, flat.high) == (0.5, 0.5)
    assert math.isnan(mean_interval([0.5]).low)
