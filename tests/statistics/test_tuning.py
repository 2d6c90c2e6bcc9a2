"""The expected best of n trials is unbiased, and few trials reach only so far."""

import itertools
import math

import numpy
import pytest

from harness.statistics.tuning import expected_best, share_reached


def test_expected_best_is_unbiased_where_the_plug_in_is_not() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    plug_in = numpy.mean([max(pair) for pair in itertools.product(values, repeat=2)])
    assert plug_in == pytest.approx(3.8)
    assert expected_best(values, 2) == 4.0
    assert expected_best(values, 2, larger_is_better=False) == 2.0
    assert expected_best(values, 5) == 5.0
    assert math.isnan(expected_best(values, 6))


def test_sixty_random_trials_reach_the_best_twentieth() -> None:
    assert share_reached(60) == pytest.approx(0.05, abs=0.002)
    assert share_reached(8) == pytest.approx(0.312, abs=0.001)
    assert share_reached(0) == 1
