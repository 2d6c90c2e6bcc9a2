"""Samplers: what is suggested, as a function of the study's seed, the trial and the history."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from scipy.stats import qmc

from harness.study import Study
from harness.tried import slot_of

DIMENSIONS = 64
"""More values than that are not tuned by a handful of points; the 65th would repeat the first."""

INDEPENDENT = ("qmc", "random")
"""Samplers of an ordinary search that draw without a look at other trials."""


class PointSampler(optuna.samplers.BaseSampler):
    """Gives every cell the same scrambled Sobol points (Owen 1998): a fair, even search.

    The point is that of the trial's slot; its coordinates are handed out in the order of
    suggestion, so a conditional space gets quasi-random values too.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def infer_relative_search_space(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return nothing: every value is sampled when it is suggested."""
        del study, trial
        return {}

    def sample_relative(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        """Return nothing."""
        del study, trial, search_space
        return {}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return the point's next coordinate, mapped to the distribution."""
        del study, param_name
        point = sobol_point(self._seed, slot_of(trial.user_attrs).point)
        return from_unit(point[len(trial.params) % DIMENSIONS], param_distribution)


@lru_cache(maxsize=4096)
def sobol_point(seed: int, index: int) -> tuple[float, ...]:
    """Return point `index` of the scrambled Sobol sequence of `seed`, in [0, 1)^DIMENSIONS."""
    sequence = qmc.Sobol(DIMENSIONS, scramble=True, rng=seed)
    if index:
        sequence.fast_forward(index)
    return tuple(float(x) for x in sequence.random(1)[0])


def from_unit(u: float, distribution: BaseDistribution) -> Any:
    """Return the value at quantile `u` in [0, 1) of a uniform, log-uniform or equal choice."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(u * len(distribution.choices))]
    if isinstance(distribution, IntDistribution):
        return _whole(u, distribution)
    assert isinstance(distribution, FloatDistribution)
    low, high = distribution.low, distribution.high
    if distribution.step is not None:
        steps = round((high - low) / distribution.step)
        return min(high, low + distribution.step * int(u * (steps + 1)))
    if distribution.log:
        value = math.exp(math.log(low) + u * (math.log(high) - math.log(low)))
        return min(high, max(low, value))  # exp(log(x)) can miss x by its last bit
    return min(high, low + u * (high - low))


def _whole(u: float, distribution: IntDistribution) -> int:
    low, high, step = distribution.low, distribution.high, distribution.step
    if distribution.log:
        edges = math.log(low - 0.5), math.log(high + 0.5)
        return min(high, max(low, round(math.exp(edges[0] + u * (edges[1] - edges[0])))))
    return low + step * int(u * ((high - low) // step + 1))


class EveryPoint(optuna.samplers.GridSampler):
    """Optuna's grid; the budget ends the search, so it never stops a loop that Optuna runs."""

    def after_trial(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        state: optuna.trial.TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Do nothing."""


def sampler_for(study: Study, number: int) -> optuna.samplers.BaseSampler:
    """Return the sampler of trial `number`, seeded by the study's seed and that number alone.

    A resumed study with one seed for all trials would draw its first points a second time.
    """
    if study.scientific:
        return PointSampler(study.seed)
    seed = int(np.random.SeedSequence((study.seed, number)).generate_state(1)[0])
    if not isinstance(study.sampler, str):
        return study.sampler(seed)
    match study.sampler:
        case "tpe":
            return optuna.samplers.TPESampler(seed=seed)
        case "nsga2":
            return optuna.samplers.NSGAIISampler(seed=seed)
        case "gp":
            return optuna.samplers.GPSampler(seed=seed, deterministic_objective=False)
        case "qmc":
            return PointSampler(study.seed)
        case "random":
            return optuna.samplers.RandomSampler(seed=seed)
        case "grid":
            grid = {name: list(values) for name, values in study.grid.items()}
            return EveryPoint(grid, seed=study.seed)


def independent(study: Study) -> bool:
    """Say whether no trial depends on how another ends, so that their order changes nothing."""
    return bool(study.scientific) or (study.sampler in INDEPENDENT and study.pruner == "none")


def pruner_for(study: Study) -> optuna.pruners.BasePruner:
    """Return the study's pruner; never Optuna's silent default, which stops slow starters."""
    if not isinstance(study.pruner, str):
        return study.pruner
    match study.pruner:
        case "none":
            return optuna.pruners.NopPruner()
        case "median":
            return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)
        case "hyperband":
            return optuna.pruners.HyperbandPruner()
        case "halving":
            return optuna.pruners.SuccessiveHalvingPruner(min_resource=1)


def budget_of(study: Study) -> int:
    """Return how many trials an ordinary search has in all; a grid has no more than its points."""
    if study.sampler != "grid":
        return study.trials
    return min(study.trials, math.prod(len(values) for values in study.grid.values()))
