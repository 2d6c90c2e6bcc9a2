"""Measures: every metric name a study may use with a recipe, and which direction is better."""

from collections.abc import Mapping
from functools import lru_cache

from harness.course import Watch
from harness.recipe import Facts, Recipe, Task
from harness.settings import UserError
from harness.study import Study

COSTS = ("cost/wall_seconds", "cost/cpu_seconds", "cost/peak_memory_bytes")
COUNTS = ("params/total", "params/trainable", "params/frozen")


def measures(recipe: Recipe) -> dict[str, bool]:
    """Return whether higher is better for every metric that a run of `recipe` will have."""
    scores = {"loss": False} | _directions(recipe.task, recipe.data.facts())
    names = {f"{split}/{n}": up for split in ("val", "test") for n, up in scores.items()}
    if recipe.start is not None:
        # A base from outside has no source task; a claim about one then finds no values.
        known = ("loss", recipe.task.headline)
        names |= {"drift/body": False} | {f"source/{name}": scores[name] for name in known}
    return names | {"train/loss": False} | dict.fromkeys((*COUNTS, *COSTS), False)


@lru_cache(maxsize=64)
def _directions(task: Task, facts: Facts) -> dict[str, bool]:
    metrics = task.metrics(facts)
    return {name: bool(metric.higher_is_better) for name, metric in metrics.items()}


def require_measures(study: Study, known: Mapping[str, bool]) -> None:
    """Raise UserError if the study names a metric that does not exist."""
    tuned = [name for name in known if not name.startswith("test/")]
    for name in study.objectives:
        _require("objective", name, tuned)
    for name in study.metrics:
        _require("metrics", name, [n for n in known if n.startswith("val/")])
    if study.answer is not None:
        _require("answer", study.answer, list(known))
    for claim in study.claims:
        if claim.metric is not None:
            _require("claim metric", claim.metric, list(known))


def watch_of(study: Study, known: Mapping[str, bool]) -> Watch:
    """Return what every training of the study measures in each epoch.

    The best epoch is picked by the first objective on the validation set, else by its loss.
    """
    on_validation = [name for name in study.objectives if name.startswith("val/")]
    monitor = on_validation[0] if on_validation else "val/loss"
    wanted = dict.fromkeys([*on_validation, *study.metrics])
    metrics = tuple(n.removeprefix("val/") for n in wanted if n != "val/loss")
    return Watch(
        monitor=monitor,
        higher_is_better=known[monitor],
        metrics=metrics,
        log_every=study.log_every,
    )


def logged_as(name: str) -> str:
    """Return a result's name in MLflow: val/loss of the best epoch is best/loss there."""
    if name.startswith("val/"):
        return "best/" + name.removeprefix("val/")
    return "best/train_loss" if name == "train/loss" else name


def _require(what: str, name: str, allowed: list[str]) -> None:
    if name not in allowed:
        do = "correct it in the study file"
        raise UserError(what, got=name, allowed=", ".join(sorted(allowed)), do=do)
