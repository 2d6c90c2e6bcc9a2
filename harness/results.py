"""Results: a study's trials as the record that answers, reports and pictures are made from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import pandas
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from harness.claims import Registration
from harness.curves import Histories, no_histories
from harness.record import Bounds, Record
from harness.registration import registration_of
from harness.store import database, optuna_url
from harness.study import Study, label
from harness.tried import RESULT, slot_of
from harness.views import UI

ENOUGH = 20
"""PED-ANOVA compares the best tenth with the rest: it needs at least two trials in that tenth."""
UNFINISHED = {TrialState.RUNNING: "running", TrialState.WAITING: "waiting"}


def record_of(
    study: Study,
    trials: Sequence[FrozenTrial],
    experiment: str,
    registration: Registration,
    histories: Histories = no_histories,
) -> Record:
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
        registration=registration,
        run_url=lambda run_id: f"{UI}/#/experiments/{experiment}/runs/{run_id}",
        histories=histories,
    )


def stored_record(study: Study, root: Path) -> Record | None:
    """Return the record of what a study has in the store, None if nothing; changes nothing."""
    if not database(root).is_file():
        return None
    try:
        found = optuna.load_study(study_name=study.name, storage=optuna_url(root))
    except KeyError:
        return None
    return record_of(study, found.get_trials(deepcopy=False), "", registration_of(found))


def row(trial: FrozenTrial) -> dict[str, Any]:
    """Return one trial as a row of the record's frame."""
    result: dict[str, Any] = trial.user_attrs.get(RESULT, {})
    slot = slot_of(trial.user_attrs)
    return {
        "trial": trial.number,
        "role": slot.role,
        "cell": label(slot.cell),
        **{f"cell/{name}": value for name, value in slot.cell.items()},
        "seed": slot.seed,
        "status": UNFINISHED.get(trial.state) or result.get("status", "failed"),
        "reason": result.get("reason", ""),
        "run_id": result.get("run_id", ""),
        "recipe_hash": result.get("recipe_hash"),
        "same_as": result.get("same_as"),
        "base": result.get("base", ""),
        "parent": result.get("parent", ""),
        "elapsed": trial.duration.total_seconds() if trial.duration else None,
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


def importance(record: Record) -> dict[str, float]:
    """Return each varied value's share in telling the best tenth of tuning trials from the rest.

    Names are the record's columns, cell/… and suggested/…; values that some trials lack are left
    out. Empty below twenty finished trials. By PED-ANOVA (Watanabe 2023), for the first objective.
    """
    rows = record.ranked()
    names = [*record.columns("cell/"), *record.columns("suggested/")]
    varied = [name for name in names if name in rows and rows[name].notna().all()]
    varied = [name for name in varied if rows[name].nunique() > 1]
    if len(rows) < ENOUGH or not varied:
        return {}
    space = {name: _distribution(record, name, rows[name]) for name in varied}
    objective = record.study.objectives[0]
    sign = -1 if record.larger_is_better(objective) else 1
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(storage=optuna.storages.InMemoryStorage())
    study.add_trials(
        optuna.trial.create_trial(
            params={name: row[name] for name in varied}, distributions=space, value=row["objective"]
        )
        for row in rows.assign(objective=sign * rows[objective]).to_dict("records")
    )
    return optuna.importance.get_param_importances(study)


def _distribution(record: Record, name: str, values: pandas.Series) -> BaseDistribution:
    known = record.bounds.get(name.partition("/")[2])
    if name.startswith("suggested/") and known:
        return FloatDistribution(known.low, known.high, log=known.log)
    return CategoricalDistribution(list(dict.fromkeys(values)))
