"""Resume one run: a killed one to its end, a finished one for more epochs."""

import json
from dataclasses import replace
from pathlib import Path

import torch
from optuna.trial import TrialState
from rich.console import Console

from harness import store
from harness.keeper import Hooks, Interrupted
from harness.measures import logged_as, measures, watch_of
from harness.optimizer import schedule_factor
from harness.recipe import Recipe, recipe_from_json
from harness.search import Search
from harness.settings import UserError
from harness.store import Lease, lease_path, trial_directory
from harness.study import Study, load
from harness.study import store as store_root
from harness.tracked import StoredRun
from harness.tracking import Tracker, find_run, read_artifact
from harness.training import train
from harness.trials import run_trial
from harness.workers import Stop, open_search


def resume_run(run_id: str, more: int, console: Console) -> int:
    """Go on with a run in place, or for `more` epochs if it finished; return the exit status.

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
    return _extend(study, tracker, run, more, console)


def _finish(search: Search, tracker: Tracker, number: int, console: Console) -> int:
    stop = Stop()
    stop.install()
    claim = search.claim_running(number)
    try:
        with claim.lease:
            result = run_trial(search, tracker, claim, stop)
    except Interrupted:
        return _stopped(stop, console)
    console.print(f"trial {number}: {result['status']}: {result['reason']}", highlight=False)
    return 1 if result["status"] == "failed" else 0


def _extend(study: Study, tracker: Tracker, run: StoredRun, more: int, console: Console) -> int:
    status = run.data.tags.get("harness.status", "")
    if not more and not (status == "killed" and "harness.epochs" in run.data.tags):
        do = "add epochs with EPOCHS=+5"
        raise UserError("RUN", got=f"a {status} run", allowed="an unfinished run", do=do)
    if status not in ("finished", "killed"):
        reason = run.data.tags.get("harness.reason", "")
        do = "choose a finished run"
        raise UserError("RUN to extend", got=f"{status}: {reason}", allowed="finished", do=do)
    recipe = recipe_from_json(json.loads(read_artifact(tracker.root, run, "recipe.json")))
    before = int(run.data.tags.get("harness.epochs", recipe.epochs))
    number = int(run.data.tags["harness.trial"])
    directory = trial_directory(tracker.root, study.name, number)
    lease = Lease.take(lease_path(directory))
    if lease is None:
        got = run.info.run_id
        raise UserError("RUN", got=got, allowed="a run nobody trains", do="wait for it")
    with lease:
        if more:
            console.print(_rates(recipe, before, more), highlight=False, soft_wrap=True)
        longer = replace(recipe, epochs=before + more)
        return _train_on(study, tracker, number, longer, directory, console)


def _rates(recipe: Recipe, before: int, more: int) -> str:
    """Say what the learning rate does: a schedule is stretched over the new number of epochs."""
    total = before + more
    factors = [schedule_factor(epoch, recipe=recipe, total=total) for epoch in range(total)]
    ended = recipe.lr * schedule_factor(before, recipe=recipe, total=before)
    rates = ", ".join(f"{recipe.lr * factor:.2g}" for factor in factors[before:][:8])
    return f"{recipe.schedule} schedule over {total} epochs: the rate was {ended:.2g}, now {rates}"


def _train_on(
    study: Study, tracker: Tracker, number: int, recipe: Recipe, directory: Path, console: Console
) -> int:
    run = tracker.open(number, "", {}, fresh=False)
    run.tag({"harness.epochs": str(recipe.epochs), "harness.status": "running"})
    stop = Stop()
    stop.install()
    watch = watch_of(study, measures(recipe))
    hooks = Hooks(saved=run.record, stop=stop)
    try:
        outcome = train(recipe, directory=directory, watch=watch, hooks=hooks)
    except Interrupted:
        run.kill("an extension was stopped by the user")
        return _stopped(stop, console)
    reason = f"extended to {recipe.epochs} epochs: {outcome.reason}"
    metrics = {logged_as(name): value for name, value in outcome.best.items()}
    metrics |= {"best/epoch": float(outcome.best_epoch)}
    run.finish(outcome.status, reason, outcome.history, metrics, {})
    tracker.flush()
    console.print(f"trial {number}: {reason}; best epoch {outcome.best_epoch}", highlight=False)
    return 0


def _stopped(stop: Stop, console: Console) -> int:
    console.print("stopped; `make resume` without EPOCHS, or the same command, goes on")
    return stop.exit_status
