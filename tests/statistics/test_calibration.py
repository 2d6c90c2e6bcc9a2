"""Error rates are what the report says they are: simulated studies through the real functions.

A study is an array (studies, levels, seeds), with an effect of the seed common to all levels; its
claims are levels against the first, by `t_p` and `holm`, as `comparisons` makes them.
"""

from typing import Literal, get_args

import numpy
import pytest

from harness.comparisons import comparisons
from harness.statistics.differences import equivalence_p, holm, sign_flip_p, t_p
from harness.statistics.intervals import Array, bootstrap_interval, mean_bounds, t_half_width
from harness.statistics.power import POWER, SIGNIFICANCE, seeds_for_equivalence, seeds_needed
from tests.synthetic import design, record

Kind = Literal["normal", "skewed", "heavy"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SKEW = 0.5
"""Of a log-normal seed effect: a skewness of 1.75, as of losses with a few bad seeds."""
every_kind = pytest.mark.parametrize("kind", KINDS)


def noise(kind: Kind, shape: tuple[int, ...], random: numpy.random.Generator) -> Array:
    """Return noise of mean 0 and standard deviation 1; "heavy" is Student's t of 3 degrees."""
    match kind:
        case "normal":
            return random.normal(size=shape)
        case "skewed":
            mean = numpy.exp(SKEW**2 / 2)
            deviation = mean * numpy.sqrt(numpy.exp(SKEW**2) - 1)
            return numpy.asarray((random.lognormal(0, SKEW, shape) - mean) / deviation)
        case "heavy":
            return numpy.asarray(random.standard_t(3, shape) / numpy.sqrt(3))


def differences(kind: Kind, studies: int, claims: int, seeds: int, seed: int = 0) -> Array:
    """Return level − first level of null studies, (studies, claims, seeds)."""
    random = numpy.random.default_rng(seed)
    levels = noise(kind, (studies, claims + 1, seeds), random)
    levels += 2 * noise(kind, (studies, 1, seeds), random)
    return levels[:, 1:] - levels[:, :1]


def false_claims(kind: Kind, studies: int, claims: int, seeds: int) -> float:
    """Return the share of null studies that claim any difference."""
    corrected = holm(t_p(differences(kind, studies, claims, seeds)))
    return float((corrected < SIGNIFICANCE).any(axis=-1).mean())


def covered(values: Array) -> float:
    """Return how often the t interval of values, (studies, seeds), of mean 0 covers it."""
    return float((numpy.abs(values.mean(axis=-1)) < t_half_width(values)).mean())


def test_the_fast_path_is_that_of_real_studies() -> None:
    given = record(design(depths=(1, 2, 4, 8), budgets=(2000, 8000)), seed=3)
    claimed = comparisons(given)
    values = {
        cell: given.confirmed(cell).sort_values("seed")["value"].to_numpy(dtype=float)
        for cell in given.cells()
    }
    together = numpy.stack(
        [
            values[f"depth={depth} budget={budget}"] - values[f"depth=1 budget={budget}"]
            for depth in (2, 4, 8)
            for budget in (2000, 8000)
        ]
    )
    assert [one.p for one in claimed] == pytest.approx(holm(t_p(together)).tolist())


@every_kind
@pytest.mark.parametrize("claims", [1, 9])
def test_of_a_thousand_null_studies_one_in_twenty_claims(kind: Kind, claims: int) -> None:
    assert false_claims(kind, 1_000, claims, seeds=10) <= 0.05


@every_kind
@pytest.mark.parametrize("seeds", [5, 10, 20])
def test_intervals_of_differences_cover(kind: Kind, seeds: int) -> None:
    assert 0.93 < covered(differences(kind, 4_000, 1, seeds)[:, 0]) < 0.97


@every_kind
@pytest.mark.parametrize("seeds", [5, 10, 20])
def test_intervals_of_a_single_mean_cover(kind: Kind, seeds: int) -> None:
    low, high = mean_bounds(noise(kind, (40_000, seeds), numpy.random.default_rng(0)))
    assert 0.93 < ((low < 0) & (high > 0)).mean() < 0.97


def test_student_s_do_not_where_few_seeds_are_skewed() -> None:
    random = numpy.random.default_rng(0)
    assert all(covered(noise("skewed", (8_000, n), random)) < 0.93 for n in (5, 10))


@every_kind
def test_the_bootstrap_covers_from_ten_seeds_on_and_less_below_so_that_t_decides(
    kind: Kind,
) -> None:
    for seeds, least, most in ((5, 0.88, 0.95), (10, 0.92, 0.97)):
        values = differences(kind, 500, 1, seeds)[:, 0]
        intervals = [bootstrap_interval(row.tolist()) for row in values]
        rate = numpy.mean([one.low < 0 < one.high for one in intervals])
        assert least < rate < most


@pytest.mark.parametrize("effect", [0.7, 1.0, 1.5])
@pytest.mark.parametrize("claims", [1, 9])
def test_the_seeds_asked_for_are_those_of_a_simulation(effect: float, claims: int) -> None:
    random = numpy.random.default_rng(0)
    values = random.normal(effect, 1, (4_000, 60))
    alpha = SIGNIFICANCE / claims
    powers = [(t_p(values[:, :n]) < alpha).mean() for n in range(3, 61)]
    simulated = 3 + next(i for i, one in enumerate(powers) if one >= POWER)
    asked = seeds_needed(effect, 1.0, alpha)
    assert asked is not None
    assert abs(asked - simulated) <= 2


def test_the_seeds_asked_for_an_equivalence_are_those_of_a_simulation() -> None:
    values = numpy.random.default_rng(0).normal(0.1, 1, (4_000, 60))
    powers = [(equivalence_p(values[:, :n], 0.7) < SIGNIFICANCE).mean() for n in range(3, 61)]
    simulated = 3 + next(i for i, one in enumerate(powers) if one >= POWER)
    assert abs((seeds_for_equivalence(0.1, 1.0, 0.7) or 0) - simulated) <= 2


@every_kind
def test_an_equivalence_is_given_where_it_is_true_and_the_data_carry_it(kind: Kind) -> None:
    null = differences(kind, 1_000, 3, seeds=20)
    deviation = numpy.sqrt(2)
    given = holm(equivalence_p(null, 1.2 * deviation)) < SIGNIFICANCE
    assert given.mean() > 0.95
    starved = holm(equivalence_p(null[..., :10], 0.2 * deviation)) < SIGNIFICANCE
    assert starved.any(axis=-1).mean() < 0.05
    wrong = holm(equivalence_p(null + 0.8, 0.8)) < SIGNIFICANCE
    assert wrong.any(axis=-1).mean() <= 0.06


def test_looking_twice_errs_more_often() -> None:
    values = differences("normal", 4_000, 1, seeds=40)[:, 0]
    looks = [t_p(values[:, :n]) < SIGNIFICANCE for n in (10, 20, 40)]
    assert numpy.any(looks, axis=0).mean() > 0.08


@pytest.mark.slow
@every_kind
@pytest.mark.parametrize("claims", [1, 3, 9, 18])
@pytest.mark.parametrize("seeds", [10, 20])
def test_null_studies_of_every_size_claim_rarely(kind: Kind, claims: int, seeds: int) -> None:
    rates = [
        (holm(t_p(differences(kind, 1_000, claims, seeds, seed))) < SIGNIFICANCE).any(-1).mean()
        for seed in range(20)
    ]
    assert numpy.mean(rates) < 0.052
    values = numpy.concatenate([differences(kind, 1_000, 1, seeds, s)[:, 0] for s in range(20)])
    assert 0.945 < covered(values) < 0.97


@pytest.mark.slow
@every_kind
def test_flipped_signs_err_as_rarely(kind: Kind) -> None:
    values = differences(kind, 2_000, 1, seeds=10)[:, 0]
    assert (sign_flip_p(values) < SIGNIFICANCE).mean() < 0.06
