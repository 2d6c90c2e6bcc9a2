"""McNemar's exact test against the binomial that it is."""

import pytest
from scipy.stats import binomtest

from harness.statistics.items import paired_items


def test_only_examples_on_which_they_differ_count() -> None:
    first = [True] * 80 + [True] * 15 + [False] * 5
    second = [True] * 80 + [False] * 15 + [True] * 5
    found = paired_items(first, second)
    assert (found.items, found.first_only, found.second_only) == (100, 15, 5)
    assert found.p == pytest.approx(binomtest(5, 20).pvalue)


def test_alike_is_no_difference() -> None:
    assert paired_items([True, False], [True, False]).p == 1.0
