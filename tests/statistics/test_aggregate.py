"""The inter-quartile mean ignores the ends, and its interval resamples within strata."""

import math

import numpy
import pytest

from harness.statistics.aggregate import interquartile_mean


def test_it_is_the_mean_of_the_middle_half() -> None:
    values = numpy.array([0.0, 1, 2, 3, 4, 5, 6, 1000])
    assert interquartile_mean([values]).mean == 3.5
    assert interquartile_mean([values[:4], values[4:]]).mean == 3.5


def test_it_varies_within_strata_alone() -> None:
    strata = [numpy.full(5, 1.0), numpy.full(5, 9.0)]
    found = interquartile_mean(strata)
    assert (found.mean, found.low, found.high, found.n) == (5.0, 5.0, 5.0, 10)
    random = numpy.random.default_rng(0)
    found = interquartile_mean([random.normal(0, 1, 50), random.normal(0, 1, 50)])
    assert found.low < found.mean < found.high
    assert found.half_width == pytest.approx(1.96 * 1.09 / 10, rel=0.25)  # 84 % efficient


def test_single_values_have_no_interval() -> None:
    assert math.isnan(interquartile_mean([numpy.array([1.0]), numpy.array([2.0, 3.0])]).low)
