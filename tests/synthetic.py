"""Synthetic records: what a study's trials would be if the truth were known."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy
import pandas

from harness.claims import Cell, Registration
from harness.curves import Histories, frame_of, no_histories
from harness.recipe import Recipe
from harness.record import Bounds, Record
from harness.study import Study, label

BOUNDS = {"lr": Bounds(1e-4, 1e-1, True), "dropout": Bounds(0.0, 0.4, False)}
HEADLINE: dict[str, Any] = {
    "headline": "accuracy",
    "higher_is_better": {"accuracy": True, "loss": False},
}


def space(**_: object) -> Recipe:
    """Stand in for a study's space, which a record never calls."""
    raise AssertionError("a report needs no recipe")


def design(
    depths: tuple[int, ...] = (1, 2, 4),
    budgets: tuple[int, ...] = (2000, 8000),
    seeds: int = 10,
    **settings: Any,
) -> Study:
    """Return a designed study of depth within budgets."""
    scientific = {"depth": depths, "budget": budgets}
    defaults: dict[str, Any] = {
        "question": "Is it better to be deep or wide?",
        "scientific": scientific,
        "trials_per_cell": 6,
        "name": "depth_vs_params",
    }
    return Study(space=space, seeds=seeds, **(defaults | settings))


def record(
    study: Study | None = None,
    effect: Mapping[object, float] | None = None,
    seed: int = 0,
    noise: float = 0.01,
    histories: Histories = no_histories,
) -> Record:
    """Return a finished record whose cells differ in accuracy by `effect[compared level]`.

    Seeds have an effect of their own, common to all cells, so that pairing matters.
    """
    study = study or design()
    random = numpy.random.default_rng(seed)
    common = random.normal(0, 0.02, study.seeds)
    rows: list[dict[str, Any]] = []
    for cell in study.cells():
        gain = (effect or {}).get(cell.get(str(study.compared)), 0.0)
        role = "search" if study.scientific else "trial"
        searched = study.trials_per_cell if study.scientific else study.trials
        found = [_trial(cell, role, 0, random, gain, noise) for _ in range(searched)]
        rows += found
        if study.scientific:
            best = min(found, key=lambda row: row["val/loss"])
            for number in range(study.seeds):
                row = _trial(cell, "confirm", 1000 + number, random, gain, noise, common[number])
                rows.append(row | {"recipe_hash": best["recipe_hash"]})
    frame = pandas.DataFrame(rows)
    frame.insert(0, "trial", range(len(frame)))
    frame["run_id"] = [f"run{trial:04}" for trial in frame["trial"]]
    frame.attrs.update(HEADLINE)
    before = Registration().extended([one.key for one in study.planned()], study.seeds, 0)
    return Record(study, frame, BOUNDS, address, histories, before)


def address(run_id: str) -> str:
    """Return the address of a run."""
    return f"http://127.0.0.1:5000/#/runs/{run_id}"


def curves(runs: Sequence[str], metrics: Sequence[str]) -> pandas.DataFrame:
    """Return three epochs of each run and metric, a little worse than those of the run before.

    Of metrics that begin with a prefix there are two, as of a network of two layers.
    """
    layers = ("1 input", "2 head")
    named = [
        [f"{name}{layer}" for layer in layers] if name[-1] == "/" else [name] for name in metrics
    ]
    return frame_of(
        (run, metric, epoch, 1 / (epoch + 1) + 0.001 * int(run.removeprefix("run")))
        for run in runs
        for metric in itertools.chain(*named)
        for epoch in range(3)
    )


def _trial(
    cell: Cell,
    role: str,
    seed: int,
    random: numpy.random.Generator,
    gain: float,
    noise: float,
    common: float = 0.0,
) -> dict[str, Any]:
    rate = 10 ** random.uniform(-4, -1)
    accuracy = 0.8 + gain + common + random.normal(0, noise)
    accuracy -= 0.03 * (math.log10(rate) + 2.5) ** 2 if role != "confirm" else 0
    wanted = float(cell.get("budget", 5000))
    total = round(wanted * random.uniform(0.99, 1.01))
    confirm = role == "confirm"
    return {
        "role": role,
        "cell": label(cell),
        **{f"cell/{name}": value for name, value in cell.items()},
        "seed": seed,
        "status": "finished",
        "reason": "",
        "recipe_hash": f"{random.integers(1 << 60):016x}",
        "same_as": math.nan,
        "suggested/lr": math.nan if confirm else rate,
        "suggested/dropout": math.nan if confirm else random.uniform(0.03, 0.37),
        "recipe/lr": rate,
        "recipe/model": "MLP",
        "recipe/model.depth": cell.get("depth", 2),
        "recipe/seed": seed,
        "val/accuracy": accuracy,
        "val/loss": 1.6 - accuracy - 0.03 * math.log10(wanted),
        "train/loss": 1.4 - accuracy - 0.04 * math.log10(wanted),
        "test/accuracy": accuracy - 0.01 if confirm else math.nan,
        "test/loss": 1.62 - accuracy if confirm else math.nan,
        "params/total": total,
        "params/trainable": total,
        "params/frozen": 0,
        "params/by_type/Linear": total * 0.9,
        "params/by_type/LayerNorm": total * 0.1,
        "best/epoch": 7,
        "cost/wall_seconds": wanted / 1000 * random.uniform(0.9, 1.1),
        "cost/cpu_seconds": wanted / 900,
        "cost/peak_memory_bytes": 2e8,
    }
