"""Statistics agree with published vectors, and have an answer where there is no variance."""

import itertools
import math

import numpy
import pytest
from scipy import stats

from harness import statistics


@pytest.mark.parametrize(
    ("n", "width"), [(3, 2.48), (5, 1.24), (8, 0.84), (10, 0.72), (20, 0.47), (30, 0.37)]
)
def test_half_width_shrinks_as_published(n: int, width: float) -> None:
    assert statistics.half_width_in_deviations(n) == pytest.approx(width, abs=0.006)


def test_interval_covers_the_mean_as_often_as_it_says() -> None:
    random = numpy.random.default_rng(0)
    draws = [statistics.t_interval(random.normal(3, 2, 6).tolist()) for _ in range(500)]
    assert 0.92 < numpy.mean([one.low < 3 < one.high for one in draws]) < 0.98


def test_few_values_have_no_interval() -> None:
    assert math.isnan(statistics.t_interval([]).mean)
    alone = statistics.t_interval([0.5])
    assert (alone.mean, alone.n) == (0.5, 1)
    assert math.isnan(alone.low)


def test_pairs_are_the_common_seeds_alone() -> None:
    first, second = {1: 0.9, 2: 0.8, 3: 0.85, 9: 0.0}, {1: 0.7, 2: 0.75, 3: 0.7, 8: 1.0}
    paired = statistics.paired_difference(first, second)
    expected = stats.ttest_rel([0.9, 0.8, 0.85], [0.7, 0.75, 0.7])
    bounds = expected.confidence_interval()
    assert paired.n == 3
    assert paired.p == pytest.approx(expected.pvalue)
    assert (paired.low, paired.high) == pytest.approx((bounds.low, bounds.high))


def test_equal_differences_are_decided_by_the_sign_test() -> None:
    first = {seed: 0.1 * seed + 0.3 for seed in range(10)}
    second = {seed: 0.1 * seed for seed in range(10)}
    paired = statistics.paired_difference(first, second)
    assert paired.deviation == 0
    assert paired.half_width == pytest.approx(0)
    assert paired.p == 2**-9
    assert statistics.paired_difference(first, first).p == 1


def test_without_pairs_there_is_no_p() -> None:
    assert math.isnan(statistics.paired_difference({1: 0.1}, {2: 0.2}).p)


def test_holm_corrects_for_the_whole_family() -> None:
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    pending = statistics.holm([0.01, math.nan])
    assert pending[0] == pytest.approx(0.02)
    assert math.isnan(pending[1])
    assert statistics.holm([]) == []


@pytest.mark.parametrize(("difference", "deviation"), [(0.5, 1.0), (0.02, 0.03), (2.0, 1.0)])
def test_needed_seeds_are_the_first_that_suffice(difference: float, deviation: float) -> None:
    needed = statistics.seeds_needed(difference, deviation)
    assert needed is not None
    widths = [statistics.half_width_in_deviations(n) * deviation for n in (needed, needed - 1)]
    assert widths[0] < difference
    assert needed == 3 or widths[1] >= difference


def test_no_number_of_seeds_shows_a_difference_of_zero() -> None:
    assert statistics.seeds_needed(0.0, 1.0) is None
    assert statistics.seeds_needed(1e-6, 1.0) is None


def test_expected_best_is_unbiased_where_the_plug_in_is_not() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    plug_in = numpy.mean([max(pair) for pair in itertools.product(values, repeat=2)])
    assert plug_in == pytest.approx(3.8)
    assert statistics.expected_best(values, 2) == 4.0
    assert statistics.expected_best(values, 2, larger_is_better=False) == 2.0
    assert statistics.expected_best(values, 5) == 5.0
    assert math.isnan(statistics.expected_best(values, 6))


def test_bootstrap_agrees_with_the_t_interval_on_normal_values() -> None:
    values = numpy.random.default_rng(1).normal(0, 1, 60).tolist()
    bootstrap, student = statistics.bootstrap_interval(values), statistics.t_interval(values)
    assert bootstrap.half_width == pytest.approx(student.half_width, rel=0.15)
    assert statistics.bootstrap_interval([2.0] * 5).half_width == 0
    assert math.isnan(statistics.bootstrap_interval([1.0, 2.0]).low)


def test_welch_has_an_answer_without_variance() -> None:
    left, right = [0.1, 0.4, 0.2], [0.6, 0.9, 0.8]
    expected = stats.ttest_ind(left, right, equal_var=False).pvalue
    assert statistics.welch_p(left, right) == pytest.approx(expected)
    assert statistics.welch_p([1.0, 1.0], [1.0, 1.0]) == 1
    assert statistics.welch_p([1.0] * 3, [2.0] * 3) == pytest.approx(0.1)
    assert math.isnan(statistics.welch_p([1.0], [1.0, 2.0]))


def test_probability_better_counts_ties_as_half() -> None:
    found = statistics.probability_better([1.0, 2.0, 0.0, -1.0])
    assert found.mean == 0.625
    assert 0 < found.low < 0.625 < found.high < 1
    assert math.isnan(statistics.probability_better([]).mean)
