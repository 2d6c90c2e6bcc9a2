"""One trial: its recipe, its training, its run in MLflow, its result in Optuna."""

import json
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import torch
from optuna.trial import FrozenTrial, TrialState
from safetensors.torch import save as safetensors_bytes

from harness import training
from harness.forgetting import traces
from harness.keeper import Hooks, Interrupted
from harness.lineage import origin_tags
from harness.measures import logged_as, measures, watch_of
from harness.outcome import Outcome, is_out_of_memory
from harness.plots.confusion import confusion
from harness.plots.learning_curves import learning_curve
from harness.preview import anatomy_of, metrics_of
from harness.provenance import environment, versions
from harness.recipe import Recipe
from harness.search import RESULT, Claim, Search, is_feasible, suggest
from harness.settings import flat
from harness.store import is_unavailable
from harness.study import Study, label
from harness.tasks.classify import Classify
from harness.tracked import Run
from harness.tracking import NOTE, Tracker

Stop = Callable[[], bool]
Result = dict[str, Any]


def run_trial(search: Search, tracker: Tracker, claim: Claim, stop: Stop) -> Result:
    """Train a claimed trial, track it, tell Optuna, and return its result.

    Whatever the trial's own code raises ends this trial as failed and no other.

    Raises:
        Interrupted: the user asked to stop; the trial stays resumable.
        StoreUnavailable: the disk is full or the database away; the trial stays resumable.
    """
    study = search.study
    number = claim.trial.number
    tags = {
        NOTE: _note(claim),
        "harness.role": claim.slot.role,
        "harness.cell": label(claim.slot.cell),
        "harness.seed": str(claim.slot.seed),
        "harness.status": "running",
        **{f"harness.{name}": version for name, version in versions().items()},
    }
    run = tracker.open(number, _run_name(claim), tags, fresh=not claim.adopted)
    try:
        result = _trained(study, search, claim, run, stop)
    except Interrupted:
        run.kill("stopped by the user; the next `make study` goes on")
        raise
    except Exception as error:
        if is_unavailable(error):
            raise
        result = _failed(run, error)  # any other error of a user's model is this trial's own
    tracker.flush()
    search.tell(claim, {**result, "run_id": run.id})
    return result


def _trained(study: Study, search: Search, claim: Claim, run: Run, stop: Stop) -> Result:
    recipe = suggest(study, claim)
    facts = {"recipe_hash": recipe.hash, "recipe": flat(recipe)}
    anatomy = anatomy_of(recipe)
    known = measures(recipe)
    counts = metrics_of(recipe) | _sizes(recipe)
    tags = {"harness.recipe_hash": recipe.hash} | origin_tags(recipe)
    run.describe(flat(recipe), counts, tags)
    attributes = {"task": recipe.task.headline, "higher_is_better": _by_name(known)}
    if not is_feasible(claim):
        reason = "a constraint is violated: not trained"
        run.finish("infeasible", reason, [], {}, _recipe_file(recipe))
        return {**facts, **attributes, "status": "infeasible", "reason": reason, "metrics": counts}
    same = _same_as(search.seen, claim, recipe)
    if same is not None:
        return _reuse(run, same, recipe)
    data = recipe.data
    sizes = data.facts()
    profile = {"train": sizes.train, "validation": sizes.validation, "test": sizes.test}
    run.input(type(data).__name__, data.digest(), profile, json.dumps(data.to_json()))
    outcome = training.train(
        recipe,
        directory=claim.directory,
        watch=watch_of(study, known),
        hooks=_hooks(study, claim, run, stop),
        test=claim.slot.role == "confirm",
    )
    metrics = _metrics(outcome) | traces(recipe, outcome.weights)
    if outcome.micro_batches != recipe.accumulate:
        run.tag({"harness.out_of_memory": f"trained in {outcome.micro_batches} micro-batches"})
    files = _recipe_file(recipe) | _files(study, recipe, outcome, anatomy.to_frame().to_csv())
    logged = {logged_as(name): value for name, value in metrics.items()}
    run.finish(outcome.status, outcome.reason, outcome.history, logged, files)
    return {
        **facts,
        **attributes,
        "status": outcome.status,
        "reason": outcome.reason,
        "metrics": counts | metrics,
    }


def _hooks(study: Study, claim: Claim, run: Run, stop: Stop) -> Hooks:
    if study.pruner == "none":
        return Hooks(saved=run.record, stop=stop)
    storage = claim.trial.study._storage
    reported = set(storage.get_trial(claim.trial._trial_id).intermediate_values)

    def prune(epoch: int, value: float) -> bool:
        if epoch not in reported:
            claim.trial.report(value, epoch)
        return claim.trial.should_prune()

    return Hooks(saved=run.record, prune=prune, stop=stop)


def _metrics(outcome: Outcome) -> dict[str, float]:
    best = {"best/epoch": float(outcome.best_epoch)} if outcome.best else {}
    return {**outcome.best, **outcome.test, **best, **outcome.costs}


def _sizes(recipe: Recipe) -> dict[str, float]:
    values = flat(recipe.model, "model/")
    numbers = {k: v for k, v in values.items() if isinstance(v, int | float)}
    return {k: float(v) for k, v in numbers.items() if not isinstance(v, bool)}


def _by_name(known: Mapping[str, bool]) -> dict[str, bool]:
    return {name.partition("/")[2]: up for name, up in known.items() if name.startswith("val/")}


def _recipe_file(recipe: Recipe) -> dict[str, bytes]:
    return {"recipe.json": json.dumps(recipe.to_json(), indent=1).encode()}


def _files(study: Study, recipe: Recipe, outcome: Outcome, layers: str) -> dict[str, bytes]:
    assert study.source is not None
    files = {
        "layers.csv": layers.encode(),
        study.source.name: study.source.read_bytes(),
        "environment.txt": environment().encode(),
    }
    if outcome.history:
        files["learning_curve.svg"] = learning_curve(outcome.history)
    if outcome.weights:
        files["best.safetensors"] = safetensors_bytes(dict(outcome.weights))
    if isinstance(recipe.task, Classify) and outcome.output is not None:
        assert outcome.target is not None
        classes = recipe.data.facts().outputs
        pairs = outcome.target * classes + outcome.output.argmax(1)
        matrix = torch.bincount(pairs, minlength=classes**2).reshape(classes, classes).numpy()
        files["confusion.svg"] = confusion(matrix, range(classes))
    return files


def _same_as(trials: list[FrozenTrial], claim: Claim, recipe: Recipe) -> FrozenTrial | None:
    """Return the finished trial of the same recipe and seed, if this phase had one."""
    for trial in trials:
        result = trial.user_attrs.get(RESULT, {})
        same = trial.user_attrs.get("seed") == recipe.seed
        if (
            same
            and trial.state == TrialState.COMPLETE
            and trial.number < claim.trial.number
            and trial.user_attrs["role"] == claim.slot.role
            and result.get("recipe_hash") == recipe.hash
        ):
            return trial
    return None


def _reuse(run: Run, trial: FrozenTrial, recipe: Recipe) -> Result:
    result: Result = dict(trial.user_attrs[RESULT])
    reason = f"same recipe and seed as trial {trial.number}: its result is used"
    run.tag({"harness.same_as": str(result["run_id"])})
    metrics = {logged_as(name): value for name, value in result["metrics"].items()}
    run.finish("finished", reason, [], metrics, _recipe_file(recipe))
    return {**result, "reason": reason, "same_as": trial.number}


def _failed(run: Run, error: Exception) -> Result:
    kind = "out of memory" if is_out_of_memory(error) else type(error).__name__
    reason = f"{kind}: {str(error).partition(chr(10))[0]}"
    trace = "".join(traceback.format_exception(error)).encode()
    run.finish("failed", reason, [], {}, {"traceback.txt": trace})
    return {"status": "failed", "reason": reason, "metrics": {}}


def _note(claim: Claim) -> str:
    """Return what a run is for, in plain words, as the MLflow UI shows it."""
    slot = claim.slot
    if slot.role == "confirm":
        return (
            f"The best recipe of {label(slot.cell)}, trained anew on the fresh seed {slot.seed} "
            "and evaluated on the test set: it counts for the answer."
        )
    if slot.role == "search":
        return (
            f"Tuning trial {slot.point + 1} of {label(slot.cell)}: the best of them is trained "
            "anew on fresh seeds, and this one counts for nothing else."
        )
    return f"Trial {claim.trial.number} of the search."


def _run_name(claim: Claim) -> str:
    slot = claim.slot
    last = f"seed {slot.seed}" if slot.role == "confirm" else f"point {slot.point}"
    return f"{claim.trial.number:04d} {slot.role} {label(slot.cell)} {last}"
