"""Checks: what can be known to be wrong with a study before anything is trained."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import optuna
import torch
from rich.console import Console

from harness.anatomy.parameters import Counts
from harness.base import begin
from harness.capability import working
from harness.claims import Value
from harness.design import Slot
from harness.groups import UnsuitableError, prepare
from harness.interpolation import Interpolation
from harness.measures import measures, require_measures
from harness.preview import counts_of
from harness.recipe import Recipe
from harness.samplers import sampler_for
from harness.settings import UserError
from harness.study import Study, label, line_in, load, names

SAMPLES = 2
"""Recipes drawn in each cell: enough to run every line of an ordinary `space`."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A recipe of one cell that can be built, and what its network is."""

    cell: dict[str, Value]
    recipe: Recipe
    counts: Counts
    feasible: bool


def check(study: Study, *, files: bool = True) -> list[Sample]:
    """Return sampled recipes of every cell, each built on the meta device.

    Raises:
        UserError: a recipe is refused or cannot be built, a metric does not exist, or, with
            `files`, a dataset's file or the weights to start from are missing or damaged.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    draws = optuna.create_study(sampler=sampler_for(study, 0))
    samples = [
        _sample(study, draws, cell, point) for cell in study.cells() for point in range(SAMPLES)
    ]
    for recipe in {sample.recipe.task: sample.recipe for sample in samples}.values():
        require_measures(study, measures(recipe))
    _require_published(study, samples)
    if files:
        for data in {sample.recipe.data: None for sample in samples}:
            data.check()
    starts = {_what_starts(sample.recipe): sample.recipe for sample in samples}
    for recipe in starts.values():
        if files or recipe.start is None:
            check_start(recipe)
    return samples


def check_start(recipe: Recipe) -> None:
    """Find out on the meta device whether the weights to start from can be used.

    Raises UserError if they are missing or damaged, do not fit the model, or the strategy needs
    others, or some where there are none.
    """
    with torch.device("meta"):
        network = recipe.model.build(recipe.data.facts())
        base = begin(network, recipe)
        prepared = prepare(network, recipe.strategy)
    if prepared.plan.held is not None:
        prepared.plan.held.require(base.recipe if base else None)
    Interpolation.of(prepared.network, prepared.plan.shares, base)


def _what_starts(recipe: Recipe) -> Hashable:
    """Return what decides whether a start can be used; without one it is the strategy alone."""
    fits = (recipe.model, recipe.data.facts()) if recipe.start is not None else None
    return recipe.start, recipe.strategy, fits


def check_all(console: Console) -> None:
    """Check every study of the folder, without its data files; raise UserError at the first."""
    for name in names():
        samples = check(load(name), files=False)
        cells = len({label(sample.cell) for sample in samples})
        console.print(f"{name}: {len(samples)} recipes of {cells} cells build", highlight=False)


def _require_published(study: Study, samples: Sequence[Sample]) -> None:
    """Raise UserError if a level of a published result has not the metric that it is about."""
    known = {level: measures(s.recipe) for s in samples for level in s.cell.values()}
    for result in study.published:
        for level in (*result.of, *result.against):
            if result.metric not in known[level]:
                allowed, do = ", ".join(known[level]), "correct it in the study file"
                what = f"published metric at {level}"
                raise UserError(what, got=result.metric, allowed=allowed, do=do)


def _sample(study: Study, draws: optuna.Study, cell: dict[str, Value], point: int) -> Sample:
    slot = Slot(role="search", cell=cell, point=point, seed=study.seed, epochs=study.epochs)
    trial = draws.ask()
    for name, value in slot.attributes().items():
        trial.set_user_attr(name, value)
    try:
        recipe = study.recipe(trial, cell)
        counts = counts_of(recipe)
    except UnsuitableError as error:
        model, facts = recipe.model, recipe.data.facts()
        works = f"{type(model).__name__} works with {', '.join(working(model, facts))}"
        raise UserError.within(f"{study.name} at {label(cell)}: {works}", error) from error
    except UserError as error:
        raise UserError.within(f"{study.name} at {label(cell)}", error) from error
    except Exception as error:
        assert study.source is not None
        where = f"{study.source.name}:{line_in(study.source, error)} at {label(cell)}"
        got = f"{type(error).__name__}: {error}"
        do = "correct the study's space"
        raise UserError(where, got=got, allowed="a recipe that can be built", do=do) from error
    feasible = all(value <= 0 for value in draws.trials[-1].constraints.values())
    return Sample(cell=cell, recipe=recipe, counts=counts, feasible=feasible)
