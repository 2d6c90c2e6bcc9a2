"""Stored: what a trial costs besides its training when so many trials are stored already.

The store is filled through the tables of Optuna and MLflow; then a few more trials of the study
run the way `make study` runs them, and a bare loop trains the same recipes on the same data.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from optuna.trial import BaseTrial

from benchmarks.bare import train_bare
from benchmarks.empty import empty_store
from benchmarks.filled import fill
from benchmarks.measure import Clock, now, table
from harness.blocks import run_block
from harness.data.digits import Digits
from harness.fresh import network_of
from harness.models.mlp import MLP
from harness.recipe import Recipe
from harness.search import Search
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.classify import Classify
from harness.tracking import Tracker
from harness.workers import Stop, open_search

WARM_UP, TIMED = 3, 12
LIMITS = (1e-4, 1e-1)
METRICS = dict.fromkeys(("params/total", "params/trainable", "best/loss", "val/loss"), 0.5)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Medians over trials, in ms of CPU: a trial, the bare training in it, and claim and tell."""

    stored: int
    trial: float
    bare: float
    claim: float
    tell: float

    @property
    def harness(self) -> float:
        """What is not training."""
        return self.trial - self.bare


def costs(counts: Sequence[int], sampler: str = "design", timed: int = TIMED) -> list[Cost]:
    """Measure at each number of stored trials, in a store of its own."""
    torch.set_num_threads(1)
    return [_cost(count, sampler, timed) for count in counts]


def stored_table(measured: dict[str, list[Cost]]) -> str:
    """Return ms of CPU for each number of stored trials."""
    head = ("trials stored", "a trial", "bare", "harness", "claim", "tell")
    rows_ = [
        (
            f"{name} {cost.stored:,}",
            *(f"{ms:.0f}" for ms in (cost.trial, cost.bare, cost.harness, cost.claim, cost.tell)),
        )
        for name, costs in measured.items()
        for cost in costs
    ]
    return table("CPU ms a trial, one epoch of a small MLP on digits", head, rows_)


def _cost(count: int, sampler: str, timed: int) -> Cost:
    with empty_store() as root:
        size = count + WARM_UP + timed
        study = designed(size) if sampler == "design" else ordinary(size, sampler)
        search, tracker = open_search(study, root, fuse=1)
        fill(search, tracker, count, limits=LIMITS, metrics=METRICS)
        runs = [_run(search, tracker) for _ in range(WARM_UP + timed)][WARM_UP:]
    claims, trials, tells = zip(*runs, strict=True)
    return Cost(
        stored=count,
        trial=statistics.median(trials),
        bare=statistics.median([_bare(point) for point in range(WARM_UP + timed)][WARM_UP:]),
        claim=statistics.median(claims),
        tell=statistics.median(tells),
    )


def _run(search: Search, tracker: Tracker) -> tuple[float, float, float]:
    began, tells = now(), list[Clock]()
    block = search.claim()
    claimed = now()
    assert isinstance(block, list)
    tell = search.tell

    def timed_tell(*arguments: object) -> None:
        start = now()
        tell(*arguments)  # type: ignore[arg-type]
        tells.append(now() - start)

    search.tell = timed_tell  # type: ignore[method-assign, assignment]
    (result,) = run_block(search, tracker, block, Stop()).values()
    search.tell = tell  # type: ignore[method-assign]
    assert result["status"] == "finished", result
    spent = [claimed - began, now() - began, tells[0]]
    return 1000 * spent[0].cpu, 1000 * spent[1].cpu, 1000 * spent[2].cpu


def _bare(seed: int) -> float:
    recipe = _recipe(1e-3, 2)
    start = now()
    splits = recipe.data.build(seed=seed, batch_size=64).splits  # type: ignore[attr-defined]
    network = network_of(recipe)
    train_bare(network, splits, lr=recipe.lr, weight_decay=0.0, epochs=1, batch=64)
    return 1000 * (now() - start).cpu


def _recipe(lr: float, depth: int) -> Recipe:
    model = MLP(depth=depth, width=32)
    return Recipe(model=model, data=Digits(), task=Classify(), strategy=Full(), lr=lr, epochs=1)


def _space(trial: BaseTrial, *, depth: int = 2) -> Recipe:
    return _recipe(trial.suggest_float("lr", *LIMITS, log=True), depth)


def designed(trials: int) -> Study:
    """Return a designed study of a little more than so many search trials."""
    return Study(
        question="What does a trial cost?",
        space=_space,
        scientific={"depth": (1, 2, 3)},
        trials_per_cell=-(-trials // 3),
        metrics=("val/accuracy",),
        name="stored",
        source=Path(__file__),
    )


def ordinary(trials: int, sampler: str) -> Study:
    """Return an ordinary search of so many trials."""
    study = designed(trials)
    return replace(study, scientific={}, trials=trials, sampler=sampler)  # type: ignore[arg-type]
