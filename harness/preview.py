"""Preview: what the network of a recipe is, before anything is trained or any file is read."""

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from harness.anatomy.example import example_input
from harness.anatomy.parameters import Counts, count
from harness.groups import Prepared, prepare
from harness.recipe import Facts, Model, Recipe, Strategy

if TYPE_CHECKING:
    from harness.anatomy.describe import Anatomy


def anatomy_of(recipe: Recipe) -> "Anatomy":
    """Return what the recipe's network is, as its strategy trains it, without any weights.

    Work is of one example, memory of one micro-batch. Recipes that differ only in what changes
    neither share one record.
    """
    recipe.task.require(recipe.data.facts())
    return _phases(*_what_decides(recipe))[0]


def metrics_of(recipe: Recipe) -> dict[str, float]:
    """Return the anatomy's metrics; if the strategy has several phases, what changes in each.

    That is phase/<number from 0>/params/trainable, …/flops/backward and …/memory/peak.
    """
    whole, *phases = _phases(*_what_decides(recipe))
    found = whole.metrics()
    for number, phase in enumerate(phases):
        metrics = phase.metrics()
        for name in ("params/trainable", "flops/backward", "memory/peak"):
            found[f"phase/{number}/{name}"] = metrics[name]
    return found


def phases_of(recipe: Recipe) -> "tuple[Anatomy, ...]":
    """Return what the recipe's network is in each of its strategy's phases."""
    whole, *phases = _phases(*_what_decides(recipe))
    return tuple(phases) or (whole,)


def counts_of(recipe: Recipe) -> Counts:
    """Return the parameters of the recipe's network, once it has taken an example.

    Raises UserError if data and task, strategy and model, or phases and epochs do not fit.
    """
    facts = recipe.data.facts()
    recipe.task.require(facts)
    prepared, example = _on_meta(recipe.model, facts, recipe.strategy)
    prepared.plan.borders(recipe.epochs)
    with torch.device("meta"), torch.no_grad():
        prepared.network.eval()(example)
    return count(prepared.network)


def _what_decides(recipe: Recipe) -> tuple[Model, Facts, Strategy, str, str, int]:
    facts = recipe.data.facts()
    optimizer = "momentum" if recipe.momentum else recipe.optimizer
    size = math.ceil((recipe.batch_size or facts.train) / recipe.accumulate)
    return recipe.model, facts, recipe.strategy, optimizer, recipe.precision, size


@lru_cache(maxsize=256)
def _phases(
    model: Model, facts: Facts, strategy: Strategy, optimizer: str, precision: str, size: int
) -> "tuple[Anatomy, ...]":
    """Return the anatomy with all that ever trains, and that of each phase if there are several."""
    # Here, because torch's compiler comes with it, which a study that is done has no use for.
    from harness.anatomy.describe import describe

    prepared, example = _on_meta(model, facts, strategy)

    def described() -> "Anatomy":
        return describe(
            prepared.network,
            example,
            optimizer=optimizer,
            precision=precision,
            batch_size=size,
        )

    found = [described()]
    phases = len(prepared.plan.phases)
    for phase in range(phases if phases > 1 else 0):
        for group in prepared.groups:
            for parameter in group.members.values():
                parameter.requires_grad_(group.trains(phase))
        found.append(described())
    return tuple(found)


def _on_meta(model: Model, facts: Facts, strategy: Strategy) -> tuple[Prepared, Tensor]:
    with torch.device("meta"):
        return prepare(model.build(facts), strategy), example_input(facts, count=1)
