"""Resume one run: a killed one to its end, a finished one for more epochs."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from optuna.trial import TrialState
from rich.console import Console

from harness import checkpoints, store
from harness.assigned import Reserved, suggest
from harness.blocks import run_block
from harness.identity import CHECKPOINT, identity_of, kept_of, require_same
from harness.keeper import Hooks, Interrupted
from harness.length import POLICIES, Length, length_from
from harness.measures import logged_as, measures, watch_of
from harness.optimizer import cycle_factor
from harness.recipe import Recipe, recipe_from_json
from harness.search import Search
from harness.settings import UserError
from harness.store import Lease, lease_path, trial_directory
from harness.study import Study, load
from harness.study import store as store_root
from harness.tracked import StoredRun
from harness.tracking import Tracker, find_run, read_artifact
from harness.training import train
from harness.weight_files import attach_weights
from harness.workers import Stop, open_search

LENGTH = "harness.length"
"""The tag of a run that was extended: its epochs, and the ends of its schedule's cycles."""


def resume_run(run_id: str, more: int, policy: str, console: Console) -> int:
    """Go on with a run in place, or for `more` epochs if it finished; return the exit status.

    `policy` says what the learning rate does in them (see `Length.extended`).

    Raises:
        UserError: there is no such run, a process is training it, or there is nothing to do.
    """
    root = store_root()
    store.prepare(root)
    run = find_run(root, run_id)
    if "harness.trial" not in run.data.tags:
        do = "give the id of a trial's run; `make study` goes on with a study"
        raise UserError("RUN", got=run_id, allowed="a trial", do=do)
    study = load(run.data.tags["harness.study"])
    number = int(run.data.tags["harness.trial"])
    search, tracker = open_search(study, root)
    torch.set_num_threads(1)
    if search.trials()[number].state == TrialState.RUNNING:
        return _finish(search, tracker, number, console)
    return _extend(study, tracker, run, more, policy, console)


def _finish(search: Search, tracker: Tracker, number: int, console: Console) -> int:
    stop = Stop()
    stop.install()
    block = search.claim_running(number)
    try:
        _require_same(search, block)
    except UserError:
        for reserved in block:
            reserved.lease.release()
        raise
    try:
        result = run_block(search, tracker, block, stop)[number]
    except Interrupted:
        return _stopped(stop, console)
    console.print(f"trial {number}: {result['status']}: {result['reason']}", highlight=False)
    return 1 if result["status"] == "failed" else 0


def _require_same(search: Search, block: Sequence[Reserved]) -> None:
    """Raise UserError, before anything is written, if a checkpoint is another training's."""
    for reserved in block:
        kept = kept_of(checkpoints.load(reserved.directory / CHECKPOINT), 0)
        if kept is not None:
            recipe = suggest(search.study, search.begin(reserved))
            base = recipe.start.base().sha256 if recipe.start else ""
            now = identity_of(recipe, epochs=recipe.epochs, accumulate=1, base=base)
            require_same(kept["identity"], now)


def _extend(
    study: Study, tracker: Tracker, run: StoredRun, more: int, policy: str, console: Console
) -> int:
    status = run.data.tags.get("harness.status", "")
    if not more and not (status == "killed" and LENGTH in run.data.tags):
        do = "add epochs with EPOCHS=+5 SCHEDULE=rescale"
        raise UserError("RUN", got=f"a {status} run", allowed="an unfinished run", do=do)
    if status not in ("finished", "killed"):
        reason = run.data.tags.get("harness.reason", "")
        do = "choose a finished run"
        raise UserError("RUN to extend", got=f"{status}: {reason}", allowed="finished", do=do)
    recipe = recipe_from_json(json.loads(read_artifact(tracker.root, run, "recipe.json")))
    tag = run.data.tags.get(LENGTH)
    length = length_from(tag) if tag else Length.of(recipe.epochs)
    if more:
        length = _longer(recipe, length, more, policy)
    number = int(run.data.tags["harness.trial"])
    directory = trial_directory(tracker.root, study.name, number)
    lease = Lease.take(lease_path(directory))
    if lease is None:
        got = run.info.run_id
        raise UserError("RUN", got=got, allowed="a run nobody trains", do="wait for it")
    with lease:
        if more:
            console.print(f"learning rate in {_rates(recipe, length, more)}", highlight=False)
        return _train_on(study, tracker, number, recipe, length, directory, console)


def _longer(recipe: Recipe, length: Length, more: int, policy: str) -> Length:
    """Return the length with `more` epochs; without a policy raise UserError with the rates."""
    plans = {each: length.extended(more, each) for each in POLICIES}
    if policy not in plans:
        rates = "; ".join(f"{each} ({_rates(recipe, plan, more)})" for each, plan in plans.items())
        do = "say SCHEDULE=one-of-these"
        raise UserError("SCHEDULE", got=policy, allowed=rates, do=do)
    if _rate(recipe, plans[policy], length.epochs) == 0:
        do = "say SCHEDULE=rewarm or SCHEDULE=rescale"
        raise UserError("SCHEDULE", got=policy, allowed="a rate above 0", do=do)
    return plans[policy]


def _rates(recipe: Recipe, length: Length, more: int, most: int = 8) -> str:
    """Return the learning rates at the start of the added epochs, before any factor of a group."""
    first = length.epochs - more
    shown = range(first, min(length.epochs, first + most))
    rates = ", ".join(f"{_rate(recipe, length, epoch):.2g}" for epoch in shown)
    return f"epochs {first} to {length.epochs - 1}: {rates}{', …' if more > most else ''}"


def _rate(recipe: Recipe, length: Length, epoch: int) -> float:
    """Return the rate at an epoch's start, in a hundred steps an epoch: any number serves."""
    return recipe.lr * cycle_factor(100 * epoch, recipe=recipe, ends=length.ends(100))


def _train_on(
    study: Study,
    tracker: Tracker,
    number: int,
    recipe: Recipe,
    length: Length,
    directory: Path,
    console: Console,
) -> int:
    run = tracker.open(number, "", {}, fresh=False)
    run.tag({LENGTH: length.as_text(), "harness.status": "running"})
    stop = Stop()
    stop.install()
    watch = watch_of(study, measures(recipe))
    hooks = Hooks(saved=run.record, drawn=run.attach, stop=stop)
    try:
        outcome = train(recipe, directory=directory, watch=watch, hooks=hooks, length=length)
    except Interrupted:
        run.kill("an extension was stopped by the user")
        return _stopped(stop, console)
    reason = f"extended to {length.epochs} epochs: {outcome.reason}"
    metrics = {logged_as(name): value for name, value in outcome.best.items()}
    metrics |= {"best/epoch": float(outcome.best_epoch)}
    attach_weights(run, recipe, outcome)
    run.finish(outcome.status, reason, outcome.history, metrics, {})
    tracker.flush()
    console.print(f"trial {number}: {reason}; best epoch {outcome.best_epoch}", highlight=False)
    return 0


def _stopped(stop: Stop, console: Console) -> int:
    console.print("stopped; `make resume` without EPOCHS, or the same command, goes on")
    return stop.exit_status
