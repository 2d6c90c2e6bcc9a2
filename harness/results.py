"""Results: a study's trials as the record that answers, reports and pictures are made from."""

from collections.abc import Sequence
from typing import Any

import pandas
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from harness.record import Bounds, Record
from harness.search import RESULT
from harness.study import Study, label

UI = "http://127.0.0.1:5000"
UNFINISHED = {TrialState.RUNNING: "running", TrialState.WAITING: "waiting"}


def record_of(study: Study, trials: Sequence[FrozenTrial], experiment: str) -> Record:
    """Return the record of a study's trials; `experiment` is its id in MLflow, for the links."""
    frame = pandas.DataFrame([row(trial) for trial in trials])
    results = [t.user_attrs[RESULT] for t in trials if "task" in t.user_attrs.get(RESULT, {})]
    if results:
        frame.attrs["headline"] = results[0]["task"]
        frame.attrs["higher_is_better"] = results[0]["higher_is_better"]
    return Record(
        study=study,
        frame=frame,
        bounds=bounds(trials),
        run_url=lambda run_id: f"{UI}/#/experiments/{experiment}/runs/{run_id}",
    )


def row(trial: FrozenTrial) -> dict[str, Any]:
    """Return one trial as a row of the record's frame."""
    result: dict[str, Any] = trial.user_attrs.get(RESULT, {})
    cell = trial.user_attrs.get("cell", {})
    return {
        "trial": trial.number,
        "role": trial.user_attrs.get("role", "trial"),
        "cell": label(cell),
        **{f"cell/{name}": value for name, value in cell.items()},
        "seed": trial.user_attrs.get("seed", 0),
        "status": UNFINISHED.get(trial.state) or result.get("status", "failed"),
        "reason": result.get("reason", ""),
        "run_id": result.get("run_id", ""),
        "recipe_hash": result.get("recipe_hash", ""),
        "same_as": result.get("same_as"),
        **{f"suggested/{name}": value for name, value in trial.params.items()},
        **{f"recipe/{name}": value for name, value in result.get("recipe", {}).items()},
        **result.get("metrics", {}),
    }


def bounds(trials: Sequence[FrozenTrial]) -> dict[str, Bounds]:
    """Return the range that each number was suggested from."""
    found: dict[str, Bounds] = {}
    for trial in trials:
        for name, distribution in trial.distributions.items():
            if isinstance(distribution, FloatDistribution | IntDistribution):
                low, high = float(distribution.low), float(distribution.high)
                found[name] = Bounds(low=low, high=high, log=distribution.log)
    return found
