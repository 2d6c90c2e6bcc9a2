"""Capability: which strategy works with which model, found out by trying it on the meta device."""

# mypy: disable-error-code="type-abstract"

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from rich.console import Console
from rich.markup import escape
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

INTRODUCTION = """# Which strategy works with which model

Numbers that every strategy trains in every model, both at their default settings, in the largest
phase: tried out on the meta device, forward and back (`make docs` writes this page, `make
strategies` prints it). A number in brackets is that of a reason below.
"""


@lru_cache(maxsize=1024)
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


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Every strategy on every model, both at their default settings."""

    models: tuple[str, ...]
    """Each with the dataset that it is built for."""
    cells: dict[str, tuple[str, ...]]
    """By strategy, for each model: how many numbers train, or the [number] of a reason."""
    reasons: tuple[str, ...]
    """Why a pair is refused, numbered from 1."""


def matrix() -> Matrix:
    """Try out every pair and return what came of it."""
    pairs = list(_models())
    reasons: dict[str, int] = {}
    cells = {
        type(strategy).__name__: tuple(
            _cell(model, data.facts(), strategy, reasons) for model, data in pairs
        )
        for strategy in strategies()
    }
    names = tuple(f"{type(model).__name__} on {type(data).__name__}" for model, data in pairs)
    return Matrix(models=names, cells=cells, reasons=tuple(reasons))


def print_matrix(console: Console) -> None:
    """Print for every model and strategy how many numbers train, and why where it is refused."""
    found = matrix()
    table = Table(box=None, pad_edge=False)
    table.add_column("strategy")
    for model in found.models:
        table.add_column(model, justify="right")
    for strategy, cells in found.cells.items():
        table.add_row(strategy, *map(escape, cells))
    console.print(table)
    for number, reason in enumerate(found.reasons, start=1):
        console.print(f"[{number}] {reason}", highlight=False, markup=False, soft_wrap=True)


def page(found: Matrix) -> str:
    """Return the matrix as Markdown: docs/strategies.md."""
    rows = [["", *found.models], ["---", *["---:"] * len(found.models)]]
    rows += [[strategy, *cells] for strategy, cells in found.cells.items()]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    reasons = [f"{number}. {reason}" for number, reason in enumerate(found.reasons, start=1)]
    return "\n".join([INTRODUCTION, *lines, "", *reasons, ""])


def _cell(model: Model, facts: Facts, strategy: Strategy, reasons: dict[str, int]) -> str:
    reason = refusal(model, facts, strategy)
    if reason:
        return f"[{reasons.setdefault(reason, len(reasons) + 1)}]"
    return f"{probe(model, facts, strategy):,}"


def _models() -> Iterator[tuple[Model, Data]]:
    """Yield every model at its default settings, with the first dataset that it takes."""
    every = [kind() for kind in discover(Data, harness.data)]
    for kind in discover(Model, harness.models):
        for data in every:
            try:
                kind().require(data.facts(), type(data).__name__)
                with torch.device("meta"):
                    kind().build(data.facts())
            except UserError:
                continue
            yield kind(), data
            break


if __name__ == "__main__":
    sys.stdout.write(page(matrix()))
