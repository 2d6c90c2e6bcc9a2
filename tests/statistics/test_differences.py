"""Tests of differences agree with SciPy and statsmodels, and decide where those have no answer."""

import math

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from harness.statistics.differences import (
    equivalence_p,
    holm,
    paired_difference,
    probability_better,
    sign_flip_p,
    smallest_p,
    t_p,
    welch_p,
    wilcoxon_p,
)


def test_pairs_are_the_common_seeds_alone() -> None:
    first, second = {1: 0.9, 2: 0.8, 3: 0.85, 9: 0.0}, {1: 0.7, 2: 0.75, 3: 0.7, 8: 1.0}
    paired = paired_difference(first, second)
    expected = stats.ttest_rel([0.9, 0.8, 0.85], [0.7, 0.75, 0.7])
    bounds = expected.confidence_interval()
    assert paired.n == 3
    assert paired.p == pytest.approx(expected.pvalue)
    assert (paired.low, paired.high) == pytest.approx((bounds.low, bounds.high))


def test_equal_differences_are_decided_by_the_sign_test() -> None:
    first = {seed: 0.1 * seed + 0.3 for seed in range(10)}
    second = {seed: 0.1 * seed for seed in range(10)}
    paired = paired_difference(first, second)
    assert paired.deviation == 0
    assert paired.half_width == pytest.approx(0)
    assert paired.p == smallest_p(10) == 2**-9
    assert paired_difference(first, first).p == 1
    assert equivalence_p(paired.differences, 0.4) == 2**-10
    assert equivalence_p(paired.differences, 0.2) == 1


def test_without_pairs_there_is_no_p() -> None:
    assert math.isnan(paired_difference({1: 0.1}, {2: 0.2}).p)


@pytest.mark.parametrize("margin", [0.3, 1.0, 2.5])
def test_equivalence_is_the_two_one_sided_tests(margin: float) -> None:
    values = numpy.random.default_rng(3).normal(0.2, 1, (5, 12))
    expected = [ttost_paired(row, numpy.zeros(12), -margin, margin)[0] for row in values]
    assert equivalence_p(values, margin).tolist() == pytest.approx(expected)


def test_flipped_signs_are_all_visited() -> None:
    differences = numpy.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert sign_flip_p(differences) == 2 / 2**5
    assert sign_flip_p(numpy.array([3.0, 2.0, -1.0])) == 4 / 2**3  # ±(3 + 2 ± 1)
    assert sign_flip_p(numpy.stack([differences, -differences])).tolist() == [2 / 2**5] * 2


def test_five_seeds_cannot_reach_significance_by_ranks() -> None:
    assert wilcoxon_p(numpy.array([0.1, 0.2, 0.3, 0.4, 0.5])) == smallest_p(5) == 0.0625
    assert wilcoxon_p(numpy.zeros(5)) == 1


def test_ranks_without_ties_are_exact() -> None:
    differences = numpy.random.default_rng(0).normal(0.5, 1, 9)
    expected = stats.wilcoxon(differences, method="exact").pvalue
    assert wilcoxon_p(differences) == pytest.approx(expected)


def test_welch_has_an_answer_without_variance() -> None:
    left, right = [0.1, 0.4, 0.2], [0.6, 0.9, 0.8]
    expected = stats.ttest_ind(left, right, equal_var=False).pvalue
    assert welch_p(left, right) == pytest.approx(expected)
    assert welch_p([1.0, 1.0], [1.0, 1.0]) == 1
    assert welch_p([1.0] * 3, [2.0] * 3) == pytest.approx(0.1)
    assert math.isnan(welch_p([1.0], [1.0, 2.0]))


def test_probability_better_counts_ties_as_half() -> None:
    found = probability_better(numpy.array([1.0, 2.0, 0.0, -1.0]))
    assert found.mean == 0.625
    assert 0 < found.low < 0.625 < found.high < 1
    assert math.isnan(probability_better(numpy.array([])).mean)


def test_holm_is_statsmodels_for_every_family() -> None:
    families = numpy.random.default_rng(0).uniform(0, 0.3, (5, 4))
    families[0, :2] = families[0, 2]
    expected = [multipletests(family, method="holm")[1] for family in families]
    assert holm(families) == pytest.approx(numpy.array(expected))


def test_a_comparison_without_data_counts_for_the_family() -> None:
    pending = holm(numpy.array([0.01, math.nan]))
    assert pending[0] == pytest.approx(0.02)
    assert math.isnan(pending[1])
    assert holm(numpy.array([])).tolist() == []


@given(some.integers(2, 12), some.floats(0.5, 20))
def test_a_p_value_does_not_depend_on_the_unit(n: int, unit: float) -> None:
    differences = numpy.random.default_rng(n).normal(0.3, 1, n)
    assert t_p(differences * unit) == pytest.approx(float(t_p(differences)))
    assert t_p(-differences) == pytest.approx(float(t_p(differences)))
