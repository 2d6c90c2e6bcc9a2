"""Capability: which strategy works with which model, found out by trying it on the meta device."""

# mypy: disable-error-code="type-abstract"

from collections.abc import Iterator
from functools import lru_cache

import torch
from rich.console import Console
from rich.table import Table

import harness.data
import harness.models
import harness.strategies
from harness.anatomy.example import example_input
from harness.discovery import discover
from harness.groups import prepare
from harness.phase_runner import PhaseRunner
from harness.recipe import Data, Facts, Model, Strategy
from harness.settings import UserError


@lru_cache(maxsize=256)
def probe(model: Model, facts: Facts, strategy: Strategy) -> int:
    """Return how many numbers the strategy trains in such a model, in its largest phase.

    It is built, adapted, and run forward and back in every phase, on the meta device.

    Raises UserError if the strategy cannot work with the model, or leaves something that should
    train without a gradient.
    """
    with torch.device("meta"):
        prepared = prepare(model.build(facts), strategy)
        phases = range(len(prepared.plan.phases))
        runner = PhaseRunner(prepared, borders=tuple(phases), steps_per_epoch=1)
        for step in phases:
            runner.enter(step)
            torch.autograd.backward(prepared.network(example_input(facts)).sum())
            runner.prove_gradients()
    return max(prepared.trainable(phase) for phase in phases)


def working(model: Model, facts: Facts) -> list[str]:
    """Return the names of the strategies that work with the model at their default settings."""
    return [
        type(strategy).__name__ for strategy in strategies() if not refusal(model, facts, strategy)
    ]


def refusal(model: Model, facts: Facts, strategy: Strategy) -> str:
    """Return why the strategy does not work with the model, or nothing if it does."""
    try:
        probe(model, facts, strategy)
    except UserError as error:
        return str(error)
    return ""


def strategies() -> list[Strategy]:
    """Return every strategy of the harness at its default settings."""
    return [kind() for kind in discover(Strategy, harness.strategies)]


def print_matrix(console: Console) -> None:
    """Print for every model and strategy how many numbers train, and why where it is refused."""
    pairs = list(_models())
    table = Table(box=None, pad_edge=False)
    table.add_column("strategy")
    for model, _ in pairs:
        table.add_column(type(model).__name__, justify="right")
    reasons: dict[str, int] = {}
    for strategy in strategies():
        cells = [_cell(model, facts, strategy, reasons) for model, facts in pairs]
        table.add_row(type(strategy).__name__, *cells)
    console.print(table)
    for reason, number in reasons.items():
        console.print(f"[{number}] {reason}", highlight=False, markup=False, soft_wrap=True)


def _cell(model: Model, facts: Facts, strategy: Strategy, reasons: dict[str, int]) -> str:
    reason = refusal(model, facts, strategy)
    if reason:
        return f"\\[{reasons.setdefault(reason, len(reasons) + 1)}]"
    return f"{probe(model, facts, strategy):,}"


def _models() -> Iterator[tuple[Model, Facts]]:
    """Yield every model at its default settings, with the first dataset that it takes."""
    every = {kind.__name__: kind().facts() for kind in discover(Data, harness.data)}
    for kind in discover(Model, harness.models):
        for name, facts in every.items():
            try:
                kind().require(facts, name)
                with torch.device("meta"):
                    kind().build(facts)
            except UserError:
                continue
            yield kind(), facts
            break
