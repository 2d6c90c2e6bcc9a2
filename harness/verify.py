"""Verify: train the first epochs of a stored run again, and name what differs since."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from rich.console import Console

from harness import store
from harness.course import Watch
from harness.keeper import Hooks
from harness.provenance import code, environment
from harness.recipe import Recipe, recipe_from_json
from harness.settings import UserError
from harness.study import load, path_of
from harness.study import store as store_root
from harness.tracked import StoredRun
from harness.tracking import find_run, histories, read_artifact
from harness.training import train

COMPARED = ("train/", "val/")
"""The metrics of a curve; costs depend on the machine's mood."""
STACKED = 0.01
"""By which share a curve may differ from that of the same training in a stack: its sums are added
in another order, and training multiplies the last bit (measured 2026-11-22: up to .6 %)."""
ALONE = ("", "1 at once")
"""What the tag harness.fused says of a run that trained by itself, beside a reason with "no: "."""
Curve = dict[tuple[int, str], float]


@dataclass(frozen=True)
class Difference:
    """A point of the curve that came out otherwise; NaN where one of them has no such point."""

    epoch: int
    metric: str
    stored: float
    found: float


def verify_run(run_id: str, epochs: int, console: Console) -> int:
    """Train a run's first `epochs` again and print whether the curve and its grounds are the same.

    Returns 0 if every point is the same to the bit and so is the data, else 1. Of a run that was
    trained in a stack the points are the same up to a share of STACKED.

    Raises:
        UserError: there is no such run, or it has no curve to compare with.
    """
    root = store_root()
    store.prepare(root)
    run = find_run(root, run_id)
    name = run.data.tags.get("harness.study", "")
    load(name)  # a recipe may name classes of the study's own file
    recipe = recipe_from_json(json.loads(read_artifact(root, run, "recipe.json")))
    stored = _stored(root, run, epochs)
    changes = [*_data(recipe, run), *_code(name, run), *_packages(root, run)]
    for change in changes:
        console.print(f"changed: {change}", highlight=False, markup=False, soft_wrap=True)
    found = _trained(recipe, stored, epochs)
    fused = run.data.tags.get("harness.fused", "")
    exact = fused in ALONE or fused.startswith("no:")
    differences = list(compared(stored, found, share=0.0 if exact else STACKED))
    how = "to the bit" if exact else f"within {STACKED:.0%}, as it trained {fused}"
    console.print(_verdict(stored, differences, how), highlight=False, markup=False, soft_wrap=True)
    same_data = not any(change.startswith("data ") for change in changes)
    return 0 if same_data and not differences else 1


def compared(stored: Curve, found: Curve, *, share: float = 0.0) -> Iterator[Difference]:
    """Yield the points that differ by more than a share, in the order of epochs."""
    for point in sorted(stored):
        there, here = stored[point], found.get(point, math.nan)
        same = math.isclose(there, here, rel_tol=share) if share else there == here
        if not same and not (math.isnan(there) and math.isnan(here) and point in found):
            yield Difference(*point, there, here)


def _stored(root: Path, run: StoredRun, epochs: int) -> Curve:
    metrics = [name for name in run.data.metrics if name.startswith(COMPARED)]
    points = histories(root, [run.info.run_id], metrics)
    curve = {(epoch, metric): value for _, metric, epoch, value in points if epoch < epochs}
    if not curve:
        got = run.data.tags.get("harness.reason", "") or "a run without a curve"
        do = "choose a trial that was trained itself"
        raise UserError("RUN", got=got, allowed="a trained trial", do=do)
    return curve


def _trained(recipe: Recipe, stored: Curve, epochs: int) -> Curve:
    """Train as a worker does: one thread, the same metrics, the whole run's schedule."""
    torch.set_num_threads(1)
    names = sorted({metric for _, metric in stored if metric.startswith("val/")} - {"val/loss"})
    watch = Watch(metrics=tuple(name.removeprefix("val/") for name in names))
    hooks = Hooks(prune=lambda epoch, _value: epoch + 1 >= epochs)
    with TemporaryDirectory() as directory:
        history = train(recipe, directory=Path(directory), watch=watch, hooks=hooks).history
    return {
        (epoch, metric): value
        for epoch, values in enumerate(history)
        for metric, value in values.items()
        if metric.startswith(COMPARED)
    }


def _verdict(stored: Curve, differences: list[Difference], how: str) -> str:
    epochs = len({epoch for epoch, _ in stored})
    if not differences:
        return f"same: {len(stored)} points of the first {epochs} epochs, {how}"
    first = differences[0]
    largest = max(differences, key=lambda one: abs(one.found - one.stored))
    return (
        f"differs: {len(differences)} of {len(stored)} points; first {first.metric} in epoch "
        f"{first.epoch}, stored {first.stored!r}, now {first.found!r}; largest difference "
        f"{abs(largest.found - largest.stored):.3g} ({largest.metric}, epoch {largest.epoch})"
    )


def _data(recipe: Recipe, run: StoredRun) -> Iterator[str]:
    inputs = run.inputs.dataset_inputs if run.inputs else []
    digest = recipe.data.digest()
    for one in inputs:
        if not digest.startswith(one.dataset.digest):
            kind = type(recipe.data).__name__
            yield f"data {kind}: sha256 was {one.dataset.digest}, is {digest[:36]}"


def _code(name: str, run: StoredRun) -> Iterator[str]:
    then, now = run.data.tags.get("mlflow.source.git.commit", ""), code(path_of(name).parent)
    if then != now.commit:
        yield f"code: commit was {then or 'unknown'}, is {now.commit or 'unknown'}"
    for when, dirty in (("then", run.data.tags.get("harness.dirty") == "true"), ("now", now.dirty)):
        if dirty:
            yield f"code: uncommitted changes {when}"


def _packages(root: Path, run: StoredRun) -> Iterator[str]:
    then = _pins(read_artifact(root, run, "environment.txt"))
    now = _pins(environment())
    for package in sorted(then.keys() | now.keys()):
        was, is_ = then.get(package, "not installed"), now.get(package, "not installed")
        if was != is_:
            yield f"package {package}: was {was}, is {is_}"


def _pins(text: str) -> dict[str, str]:
    lines = (line.partition("==") for line in text.splitlines())
    return {name: version for name, _, version in lines}
