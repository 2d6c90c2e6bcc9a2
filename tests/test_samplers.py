"""Samplers: the same even points in every cell; a trial's draws depend on seed and number alone."""

import math
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from harness.design import Slot, search_slots
from harness.recipe import Recipe
from harness.samplers import (
    DIMENSIONS,
    EveryPoint,
    PointSampler,
    budget_of,
    from_unit,
    pruner_for,
    sampler_for,
    sobol_point,
)
from harness.study import Study

POINTS = 16
unit = st.floats(0, 1, exclude_max=True)


def space(**_: object) -> Recipe:
    raise AssertionError("not called here")


def study(**settings: Any) -> Study:
    defaults: dict[str, Any] = {"question": "Is it?", "space": space}
    return Study(**(defaults | settings))


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """Draw of each kind, one of them conditional."""
    trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    trial.suggest_int("width", 1, 64, log=True)
    trial.suggest_float("dropout", 0.0, 0.3, step=0.1)
    if trial.suggest_categorical("norm", ["none", "batch"]) == "batch":
        trial.suggest_int("groups", 2, 8, step=3)
    return dict(trial.params)


def draw(sampler: optuna.samplers.BaseSampler, point: int = 0) -> dict[str, Any]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    search = optuna.create_study(sampler=sampler)
    slot = Slot(role="search", cell={}, point=point, seed=0, epochs=None)
    search.enqueue_trial({}, slot.attributes())
    return suggest(search.ask())


def test_every_cell_gets_the_same_points() -> None:
    designed = study(scientific={"depth": (1, 2, 4)}, trials_per_cell=4)
    drawn = [draw(sampler_for(designed, 0), point=s.point) for s in search_slots(designed)]
    for begun in range(0, 12, 3):
        assert drawn[begun] == drawn[begun + 1] == drawn[begun + 2]
    assert len({params["lr"] for params in drawn}) == 4


def test_a_point_is_a_function_of_seed_and_index_whatever_the_trial_number() -> None:
    assert draw(PointSampler(3), point=5) == draw(PointSampler(3), point=5)
    assert draw(PointSampler(3), point=5) != draw(PointSampler(4), point=5)
    assert draw(PointSampler(3), point=5) != draw(PointSampler(3), point=6)
    designed = study(scientific={"depth": (1,)})
    assert draw(sampler_for(designed, 0), point=5) == draw(sampler_for(designed, 17), point=5)


def test_points_of_one_seed_stay_what_they_were() -> None:
    assert sobol_point(0, 3)[:3] == pytest.approx((0.0999319227, 0.4398446996, 0.2649355764))
    assert len(sobol_point(0, 0)) == DIMENSIONS


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_sixteen_points_hit_each_of_sixteen_bins_once_in_every_dimension(seed: int) -> None:
    points = [sobol_point(seed, index) for index in range(POINTS)]
    for coordinates in zip(*points, strict=True):
        assert sorted(int(u * POINTS) for u in coordinates) == list(range(POINTS))


@pytest.mark.parametrize("seed", [0, 1])
def test_points_are_even_in_the_plane_too(seed: int) -> None:
    points = [sobol_point(seed, index) for index in range(POINTS)]
    assert {(int(p[0] * 4), int(p[1] * 4)) for p in points} == {
        (row, column) for row in range(4) for column in range(4)
    }


def inside(value: Any, distribution: BaseDistribution) -> bool:
    """What Optuna itself asks of a value when a trial is enqueued with it."""
    return bool(distribution._contains(distribution.to_internal_repr(value)))


@given(unit, st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_a_float_lies_inside(u: float, low: float, extent: float) -> None:
    distribution = FloatDistribution(low, low + extent)
    assert inside(from_unit(u, distribution), distribution)


@given(unit, st.floats(1e-9, 1e6), st.floats(1, 1e6))
def test_a_float_on_a_log_scale_lies_inside(u: float, low: float, factor: float) -> None:
    distribution = FloatDistribution(low, low * factor, log=True)
    assert inside(from_unit(u, distribution), distribution)


@given(unit, st.integers(-20, 20), st.integers(0, 40), st.sampled_from([0.1, 0.25, 0.3, 1.0, 7.5]))
def test_a_float_with_a_step_is_on_the_grid(u: float, low: int, steps: int, step: float) -> None:
    high = round(low / 10 + steps * step, 6)  # as a user writes it: 0.3, not 0.30000000000000004
    distribution = FloatDistribution(low / 10, high, step=step)
    assert inside(from_unit(u, distribution), distribution)


@given(unit, st.integers(-1000, 1000), st.integers(0, 2000), st.integers(1, 50))
def test_an_int_is_on_the_grid(u: float, low: int, extent: int, step: int) -> None:
    distribution = IntDistribution(low, low + extent // step * step, step=step)
    value = from_unit(u, distribution)
    assert isinstance(value, int)
    assert inside(value, distribution)


@given(unit, st.integers(1, 1000), st.integers(0, 100_000))
def test_an_int_on_a_log_scale_lies_inside(u: float, low: int, extent: int) -> None:
    distribution = IntDistribution(low, low + extent, log=True)
    value = from_unit(u, distribution)
    assert isinstance(value, int)
    assert inside(value, distribution)


@given(unit, st.lists(st.sampled_from(["a", "b", 1, None, True]), min_size=1, unique_by=str))
def test_a_choice_is_one_of_them(u: float, choices: list[Any]) -> None:
    assert from_unit(u, CategoricalDistribution(choices)) in choices


def test_quantiles_are_uniform_log_uniform_or_equal() -> None:
    assert from_unit(0.5, FloatDistribution(2, 4)) == 3
    assert from_unit(0.5, FloatDistribution(1e-4, 1e-2, log=True)) == pytest.approx(1e-3)
    grid = [(index + 0.5) / 12 for index in range(12)]
    ints = [from_unit(u, IntDistribution(1, 3)) for u in grid]
    assert ints == [1] * 4 + [2] * 4 + [3] * 4
    steps = [from_unit(u, FloatDistribution(0, 0.3, step=0.1)) for u in grid]
    assert steps == pytest.approx([0.0] * 3 + [0.1] * 3 + [0.2] * 3 + [0.3] * 3)
    choices = [from_unit(u, CategoricalDistribution(["a", "b"])) for u in grid]
    assert choices == ["a"] * 6 + ["b"] * 6
    logs = [from_unit(u, IntDistribution(1, 100, log=True)) for u in (0.0, 0.999999)]
    assert logs == [1, 100]


@pytest.mark.parametrize("name", ["tpe", "nsga2", "gp", "random"])
def test_a_trial_draws_by_the_studys_seed_and_its_number_alone(name: str) -> None:
    searches = [study(sampler=name), study(sampler=name), study(sampler=name, seed=1)]
    first, again, other = (draw(sampler_for(search, 3)) for search in searches)
    assert first == again
    assert first != other
    assert first != draw(sampler_for(searches[0], 4))


def test_a_quasi_random_search_spends_one_sequence() -> None:
    search = study(sampler="qmc")
    drawn = [draw(sampler_for(search, number), point=number)["lr"] for number in range(POINTS)]
    bins = [int((math.log10(lr) + 4) / 3 * POINTS) for lr in drawn]
    assert sorted(bins) == list(range(POINTS))


def test_a_users_own_sampler_is_made_from_the_trials_seed() -> None:
    seeds: list[int] = []

    def own(seed: int) -> optuna.samplers.BaseSampler:
        seeds.append(seed)
        return optuna.samplers.RandomSampler(seed=seed)

    search = study(sampler=own)
    draws = [draw(sampler_for(search, number)) for number in (0, 1, 0)]
    assert draws[0] == draws[2] != draws[1]
    assert seeds[0] == seeds[2] != seeds[1]


def test_a_designed_study_is_sampled_by_its_points_whatever_it_names() -> None:
    designed = study(scientific={"depth": (1,)}, sampler="random")
    assert isinstance(sampler_for(designed, 3), PointSampler)


def test_a_grid_tries_every_point_once_and_no_more() -> None:
    search = study(sampler="grid", grid={"a": (1, 2, 3), "b": ("x", "y")}, trials=50)
    assert budget_of(search) == 6
    assert budget_of(study(sampler="grid", grid={"a": (1, 2, 3)}, trials=2)) == 2
    assert budget_of(study(trials=7)) == 7
    optuna_study = optuna.create_study(sampler=sampler_for(search, 0))
    seen = set()
    for number in range(6):
        optuna_study.sampler = sampler_for(search, number)
        trial = optuna_study.ask()
        seen.add((trial.suggest_int("a", 1, 3), trial.suggest_categorical("b", ["x", "y"])))
        optuna_study.tell(trial, 0.0)
    assert len(seen) == 6
    assert isinstance(optuna_study.sampler, EveryPoint)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("none", optuna.pruners.NopPruner),
        ("median", optuna.pruners.MedianPruner),
        ("hyperband", optuna.pruners.HyperbandPruner),
        ("halving", optuna.pruners.SuccessiveHalvingPruner),
    ],
)
def test_the_pruner_is_the_one_named(name: str, kind: type[optuna.pruners.BasePruner]) -> None:
    assert type(pruner_for(study(pruner=name))) is kind
    own = optuna.pruners.ThresholdPruner(upper=1.0)
    assert pruner_for(study(pruner=own)) is own
