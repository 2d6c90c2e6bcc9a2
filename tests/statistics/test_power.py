"""Power: published numbers of pairs, and the rules that tie them together."""

import math

import pytest

from harness.statistics.power import (
    POWER,
    power,
    seeds_for_equivalence,
    seeds_needed,
    smallest_effect,
    smallest_margin,
)


@pytest.mark.parametrize(("effect", "pairs"), [(0.2, 199), (0.5, 34), (0.8, 15), (50.0, 3)])
def test_needed_pairs_are_those_of_the_tables(effect: float, pairs: int) -> None:
    assert seeds_needed(2 * effect, 2.0) == pairs
    assert seeds_needed(-effect, 1.0) == pairs


def test_no_number_of_seeds_shows_a_difference_of_zero() -> None:
    assert seeds_needed(0.0, 1.0) is None
    assert seeds_needed(1e-6, 1.0) is None
    assert seeds_needed(math.nan, 1.0) is None
    assert seeds_needed(0.1, 0.0) == 3


def test_a_correction_asks_for_more_seeds() -> None:
    assert (seeds_needed(0.5, 1.0, alpha=0.05 / 9) or 0) > (seeds_needed(0.5, 1.0) or 0)


@pytest.mark.parametrize("pairs", [3, 5, 10, 34])
def test_the_smallest_effect_is_found_with_the_stated_power(pairs: int) -> None:
    effect = smallest_effect(pairs, alpha=0.01)
    assert power(effect, pairs, alpha=0.01) == pytest.approx(POWER)
    assert power(1.1 * effect, pairs, alpha=0.01) > POWER


def test_ten_pairs_find_one_standard_deviation() -> None:
    assert smallest_effect(10) == pytest.approx(0.996, abs=0.002)
    assert math.isnan(smallest_effect(2))


@pytest.mark.parametrize("pairs", [5, 10, 36])
def test_the_smallest_margin_is_shown_by_as_many_pairs(pairs: int) -> None:
    margin = smallest_margin(pairs)
    assert seeds_for_equivalence(0.0, 1.0, margin * 1.0001) == pairs
    assert math.isnan(smallest_margin(2))


def test_equivalence_needs_room_inside_the_margin() -> None:
    inside = seeds_for_equivalence(0.0, 1.0, margin=0.5)
    beside = seeds_for_equivalence(0.3, 1.0, margin=0.5)
    assert inside == 36
    assert beside is not None
    assert beside > inside
    assert seeds_for_equivalence(0.6, 1.0, margin=0.5) is None
    assert seeds_for_equivalence(0.1, 0.0, margin=0.5) == 3
