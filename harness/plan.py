"""Plan: what a study will do and what it will cost, from one step of each cell."""

import time
from dataclasses import dataclass

import torch
from rich.console import Console
from rich.table import Table

from harness.checks import Sample, check
from harness.fresh import network_of
from harness.groups import prepare
from harness.optimizer import build_optimizer
from harness.phase_tree import phase_tree
from harness.preview import anatomy_of
from harness.recipe import Recipe
from harness.resolution import resolution
from harness.results import stored_record
from harness.samplers import budget_of
from harness.study import Study, label, load, store
from harness.weight_files import REPEATED

STEP_SECONDS = 0.0005
TRIAL_SECONDS = 0.15
"""What Lightning adds to a step, tracking and storing to a trial (2026-11-22, one CPU core)."""
COPIES = 5
"""Weights, two moments of Adam and the best weights in the checkpoint; the best weights again."""


EACH = ("GFLOPs a trial", "seconds a trial", "MB a trial")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one trial of a cell will take."""

    parameters: int
    flops: float
    """Of training, by matrix products and convolutions; 1 multiply-accumulate is 2 FLOPs."""
    seconds: float
    bytes: int


def print_plan(name: str, console: Console, budget: dict[str, int]) -> None:
    """Print cells, trials, parameters, cost, and what the seeds can show; trains nothing."""
    study = load(name, budget)
    first = {label(sample.cell): sample for sample in reversed(check(study))}
    trials = study.trials_per_cell + study.seeds if study.scientific else budget_of(study)
    table = Table(box=None, pad_edge=False)
    for column in ("cell", "trials", "parameters", *EACH):
        table.add_column(column, justify="left" if column == "cell" else "right")
    seconds = size = 0.0
    for cell in map(label, study.cells()):
        cost = cost_of(first[cell])
        seconds += trials * cost.seconds
        size += trials * cost.bytes
        flops, megabytes = f"{cost.flops / 1e9:,.3g}", f"{cost.bytes / 1e6:,.2f}"
        seconds_each = f"{cost.seconds:.1f}"
        table.add_row(cell, str(trials), f"{cost.parameters:,}", flops, seconds_each, megabytes)
    console.print(study.question, highlight=False)
    console.print(table)
    for sample in {each.recipe.strategy: each for each in first.values()}.values():
        console.print(phase_tree(sample.recipe), soft_wrap=True)
    console.print(_total(study, trials, seconds, size), highlight=False)
    for line in resolution(study, stored_record(study, store())) if study.scientific else ():
        console.print(line, highlight=False)


def cost_of(sample: Sample) -> Cost:
    """Return what a trial of the sampled cell takes, from the fastest of three steps.

    A step without gradients takes a third of one: forward against forward and twice as much back.
    """
    recipe = sample.recipe
    batches = recipe.data.build(seed=recipe.seed, batch_size=recipe.batch_size).train_dataloader()
    steps = batches.effective_batches * recipe.epochs
    step = step_seconds(recipe, batches)
    facts = recipe.data.facts()
    evaluated = facts.validation * recipe.epochs + facts.test
    evaluation = evaluated / min(facts.train, recipe.batch_size or facts.train) * step / 3
    work = anatomy_of(recipe).flops
    each = (work.forward + work.backward) / work.examples
    return Cost(
        parameters=sample.counts.trainable,
        flops=each * facts.train * recipe.epochs,
        seconds=steps * (step + STEP_SECONDS) + evaluation + TRIAL_SECONDS,
        bytes=4 * _stored(recipe, sample.counts.total, sample.counts.trainable),
    )


def _stored(recipe: Recipe, total: int, trained: int) -> int:
    """Return how many numbers a run leaves; what a large start gives back is not repeated."""
    if recipe.start is None:
        return COPIES * total
    given = total - trained
    return COPIES * trained + (given if 4 * given <= REPEATED else 0)


def step_seconds(recipe: Recipe, batches: object) -> float:
    """Return the seconds of one optimizer step on the CPU, the fastest of three."""
    torch.set_num_threads(1)
    prepared = prepare(network_of(recipe), recipe.strategy)
    network = prepared.network
    groups = {group.name: group.members.values() for group in prepared.groups}
    optimizer = build_optimizer(recipe, groups)
    batch = next(iter(batches))  # type: ignore[call-overload]
    times = []
    for _ in range(4):
        began = time.perf_counter()
        optimizer.zero_grad()
        loss = recipe.task.loss(recipe.task.predict(network, batch), batch, training=True)
        torch.autograd.backward(loss)
        optimizer.step()
        times.append(time.perf_counter() - began)
    return min(times[1:])


def _total(study: Study, trials: int, seconds: float, size: float) -> str:
    cells = len(study.cells())
    return (
        f"{cells} cells × {trials} trials = {cells * trials} trials; at most about "
        f"{seconds / 60:.1f} minutes on one core and {size / 1e6:,.0f} MB in the store"
    )
