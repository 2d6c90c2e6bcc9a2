"""One trial: its recipe, its training, its run in MLflow, its result in Optuna."""

import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from optuna.trial import FrozenTrial

from harness import training
from harness.anatomy.describe import Anatomy
from harness.assigned import Assigned, is_feasible, run_name, suggest
from harness.course import Watch
from harness.keeper import Hooks
from harness.lineage import BASE, PARENT, origin_tags
from harness.measures import logged_as, measures, watch_of
from harness.outcome import Outcome, is_out_of_memory
from harness.plots.confusion import confusion
from harness.plots.learning_curves import learning_curve
from harness.preview import anatomy_of, metrics_of
from harness.provenance import environment, versions
from harness.pruning import is_audited, judge_of, pruned_metrics
from harness.recipe import Recipe
from harness.search import Search
from harness.settings import flat
from harness.study import Study, label
from harness.tasks.classify import Classify
from harness.traces import traces
from harness.tracked import Run
from harness.tracking import NOTE, Tracker
from harness.tried import RESULT
from harness.weight_files import attach_weights

CORRECT = "test_correct.txt"
"""A 1 for each test example whose class was found, else a 0, in the test set's order."""
Stop = Callable[[], bool]
Result = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A trial that is to be trained: its recipe, its run, and what is known of its network."""

    assigned: Assigned
    run: Run
    recipe: Recipe
    anatomy: Anatomy
    watch: Watch
    facts: Result
    """What its result says whatever its training comes to."""

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.assigned.trial.number

    @property
    def counts(self) -> dict[str, float]:
        """What is counted before training."""
        return metrics_of(self.recipe) | _sizes(self.recipe)


def open_run(tracker: Tracker, assigned: Assigned) -> Run:
    """Return the trial's run in MLflow."""
    tags = {
        NOTE: _note(assigned),
        "harness.role": assigned.slot.role,
        "harness.cell": label(assigned.slot.cell),
        "harness.seed": str(assigned.slot.seed),
        "harness.status": "running",
        **{f"harness.{name}": version for name, version in versions().items()},
    }
    return tracker.open(assigned.trial.number, run_name(assigned), tags, fresh=not assigned.adopted)


def prepare(study: Study, assigned: Assigned, run: Run) -> Ready:
    """Return the trial with its recipe, described in its run."""
    recipe = suggest(study, assigned)
    known, origin = measures(recipe), origin_tags(recipe)
    ready = Ready(
        assigned=assigned,
        run=run,
        recipe=recipe,
        anatomy=anatomy_of(recipe),
        watch=watch_of(study, known),
        facts={
            "recipe_hash": recipe.hash,
            "recipe": flat(recipe),
            "task": recipe.task.headline,
            "higher_is_better": _by_name(known),
            "base": origin.get(BASE, ""),
            "parent": origin.get(PARENT, ""),
        },
    )
    tags = {"harness.recipe_hash": recipe.hash} | origin
    run.describe(flat(recipe), ready.counts, tags)
    return ready


def without_training(search: Search, ready: Ready) -> Result | None:
    """Return the result of a trial that need not be trained, else None."""
    if not is_feasible(ready.assigned):
        reason = "a constraint is violated: not trained"
        ready.run.finish("infeasible", reason, [], {}, _recipe_file(ready.recipe))
        return ready.facts | {"status": "infeasible", "reason": reason, "metrics": ready.counts}
    same = search.same_as(ready.assigned, ready.recipe)
    return None if same is None else _reuse(ready.run, same, ready.recipe)


def log_input(ready: Ready) -> None:
    """Log the dataset."""
    data, sizes = ready.recipe.data, ready.recipe.data.facts()
    profile = {"train": sizes.train, "validation": sizes.validation, "test": sizes.test}
    ready.run.input(type(data).__name__, data.digest(), profile, json.dumps(data.to_json()))


def train_alone(study: Study, ready: Ready, stop: Stop) -> Outcome:
    """Train the trial the ordinary way."""
    outcome = training.train(
        ready.recipe,
        directory=ready.assigned.directory,
        watch=ready.watch,
        hooks=hooks_of(study, ready, stop),
        test=ready.assigned.slot.role == "confirm",
    )
    if outcome.micro_batches != ready.recipe.accumulate:
        text = f"trained in {outcome.micro_batches} micro-batches"
        ready.run.tag({"harness.out_of_memory": text})
    return outcome


def finish(study: Study, ready: Ready, outcome: Outcome, fused: str) -> Result:
    """Write what a training came to into its run, and return its result.

    `fused` says how many trained as one, or why it trained by itself.
    """
    metrics = _metrics(outcome) | traces(ready.recipe, outcome.weights)
    table = ready.anatomy.to_frame().to_csv()
    files = _recipe_file(ready.recipe) | _files(study, ready.recipe, outcome, table)
    logged = {logged_as(name): value for name, value in metrics.items()}
    ready.run.tag({"harness.fused": fused})
    attach_weights(ready.run, ready.recipe, outcome)
    ready.run.finish(outcome.status, outcome.reason, outcome.history, logged, files)
    return {
        **ready.facts,
        "status": outcome.status,
        "reason": outcome.reason,
        "fused": fused,
        "metrics": ready.counts | metrics,
    }


def hooks_of(study: Study, ready: Ready, stop: Stop) -> Hooks:
    """Return what a trial's training tells and asks: its run, Optuna's pruner, the user."""
    run, number = ready.run, ready.number
    judge = judge_of([ready.assigned.trial])
    return Hooks(
        saved=run.record,
        prune=lambda epoch, value: bool(judge(epoch, {0: value})),
        audit=is_audited(study, number),
        drawn=run.attach,
        stop=stop,
    )


def _metrics(outcome: Outcome) -> dict[str, float]:
    best = {"best/epoch": float(outcome.best_epoch)} if outcome.best else {}
    return {**outcome.best, **outcome.test, **best, **pruned_metrics(outcome), **outcome.costs}


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
    if isinstance(recipe.task, Classify) and outcome.output is not None:
        assert outcome.target is not None
        classes = recipe.data.facts().outputs
        pairs = outcome.target * classes + outcome.output.argmax(1)
        matrix = torch.bincount(pairs, minlength=classes**2).reshape(classes, classes).numpy()
        files["confusion.svg"] = confusion(matrix, range(classes))
    if isinstance(recipe.task, Classify) and outcome.tested is not None:
        assert outcome.test_target is not None
        right = outcome.tested.argmax(1).eq(outcome.test_target).int().tolist()
        files[CORRECT] = "".join(map(str, right)).encode()
    return files


def _reuse(run: Run, trial: FrozenTrial, recipe: Recipe) -> Result:
    result: Result = dict(trial.user_attrs[RESULT])
    reason = f"same recipe and seed as trial {trial.number}: its result is used"
    run.tag({"harness.same_as": str(result["run_id"])})
    metrics = {logged_as(name): value for name, value in result["metrics"].items()}
    run.finish("finished", reason, [], metrics, _recipe_file(recipe))
    return {**result, "reason": reason, "same_as": trial.number}


def failed(run: Run, error: Exception) -> Result:
    """Write an error of the trial's own code into its run, and return its result."""
    kind = "out of memory" if is_out_of_memory(error) else type(error).__name__
    reason = f"{kind}: {str(error).partition(chr(10))[0]}"
    trace = "".join(traceback.format_exception(error)).encode()
    run.finish("failed", reason, [], {}, {"traceback.txt": trace})
    return {"status": "failed", "reason": reason, "metrics": {}}


def _note(assigned: Assigned) -> str:
    """Return what a run is for, in plain words, as the MLflow UI shows it."""
    slot = assigned.slot
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
    return f"Trial {assigned.trial.number} of the search."
