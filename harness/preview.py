"""Preview: what the network of a recipe is, before anything is trained or any file is read."""

import math
from functools import lru_cache

import torch
from torch import Tensor

from harness.anatomy.describe import Anatomy, describe
from harness.anatomy.example import example_input
from harness.anatomy.parameters import Counts, count
from harness.groups import Prepared, prepare
from harness.recipe import Facts, Model, Recipe, Strategy


def anatomy_of(recipe: Recipe) -> Anatomy:
    """Return what the recipe's network is, as its strategy trains it, without any weights.

    Work is of one example, memory of one micro-batch. Recipes that differ only in what changes
    neither share one record.
    """
    facts = recipe.data.facts()
    recipe.task.require(facts)
    optimizer = "momentum" if recipe.momentum else recipe.optimizer
    size = math.ceil((recipe.batch_size or facts.train) / recipe.accumulate)
    return _anatomy(recipe.model, facts, recipe.strategy, optimizer, recipe.precision, size)


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


@lru_cache(maxsize=256)
def _anatomy(
    model: Model, facts: Facts, strategy: Strategy, optimizer: str, precision: str, size: int
) -> Anatomy:
    prepared, example = _on_meta(model, facts, strategy)
    network = prepared.network
    return describe(network, example, optimizer=optimizer, precision=precision, batch_size=size)


def _on_meta(model: Model, facts: Facts, strategy: Strategy) -> tuple[Prepared, Tensor]:
    with torch.device("meta"):
        return prepare(model.build(facts), strategy), example_input(facts, count=1)
