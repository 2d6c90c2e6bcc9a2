"""Resume one run: a killed one to its end, a finished one for more epochs."""

import json
from dataclasses import replace
from pathlib import Path

import torch
from optuna.trial import TrialState
from rich.console import Console

from harness import store
from harness.keeper import Hooks, Interrupted
from harness.measures import measures, watch_of
from harness.recipe import Recipe, recipe_from_json
from harness.search import Search
from harness.settings import UserError
from harness.store import Lease, lease_path, trial_directory
from harness.study import Study, load
from harness.study import store as store_root
from harness.tracking import StoredRun, Tracker, find_run, read_artifact
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
    claim = search.claim_running(number)
    stop = Stop()
    stop.install()
    try:
        result = run_trial(search, tracker, claim, stop)
    except Interrupted:
        console.print("stopped; go on with the same command")
        return stop.exit_status
    console.print(f"trial {number}: {result['status']}: {result['reason']}", highlight=False)
    return 1 if result["status"] == "failed" else 0


def _extend(study: Study, tracker: Tracker, run: StoredRun, more: int, console: Console) -> int:
    recipe = _recipe(tracker.root, run)
    if not more:
        do = "add epochs with EPOCHS=+5"
        status = run.data.tags.get("harness.status", "finished")
        raise UserError("RUN", got=f"{status} run", allowed="an unfinished run", do=do)
    if run.data.tags.get("harness.status") not in ("finished", "killed"):
        do = "choose a finished run"
        got = run.data.tags.get("harness.reason", "")
        raise UserError("RUN to extend", got=got, allowed="a finished run", do=do)
    number = int(run.data.tags["harness.trial"])
    directory = trial_directory(tracker.root, study.name, number)
    lease = Lease.take(lease_path(directory))
    if lease is None:
        do = "wait for it"
        raise UserError("RUN", got=run.info.run_id, allowed="a run nobody trains", do=do)
    longer = replace(recipe, epochs=_epochs(run, recipe) + more)
    return _train_on(study, tracker, number, longer, directory, console)


def _train_on(
    study: Study, tracker: Tracker, number: int, recipe: Recipe, directory: Path, console: Console
) -> int:
    open_run = tracker.open(number, "", {}, fresh=False)
    open_run.tag({"harness.epochs": str(recipe.epochs), "harness.status": "running"})
    stop = Stop()
    stop.install()
    hooks = Hooks(saved=open_run.record, stop=stop)
    try:
        outcome = train(
            recipe, directory=directory, watch=watch_of(study, measures(recipe)), hooks=hooks
        )
    except Interrupted:
        open_run.kill("an extension was stopped by the user")
        console.print("stopped; go on with the same command")
        return stop.exit_status
    reason = f"extended to {recipe.epochs} epochs: {outcome.reason}"
    metrics = {f"best/{k.removeprefix('val/')}": v for k, v in outcome.best.items()}
    open_run.finish(outcome.status, reason, outcome.history, metrics, {})
    console.print(f"trial {number}: {reason}; best epoch {outcome.best_epoch}", highlight=False)
    return 0


def _recipe(root: Path, run: StoredRun) -> Recipe:
    text = read_artifact(root, run, "recipe.json")
    return recipe_from_json(json.loads(text))


def _epochs(run: StoredRun, recipe: Recipe) -> int:
    return int(run.data.tags.get("harness.epochs", recipe.epochs))
