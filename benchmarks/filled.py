"""Filled: a store with so many finished trials, written through the tables of Optuna and MLflow."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from optuna.distributions import FloatDistribution, distribution_to_json
from optuna.storages._rdb import models
from optuna.trial import TrialState
from sqlalchemy import insert

from harness.design import Slot, search_slots
from harness.outbox import Outbox
from harness.rows import Owed
from harness.search import Search
from harness.tracked import Run
from harness.tracking import Tracker
from harness.tried import RESULT

Row = dict[str, Any]


def fill(
    search: Search,
    tracker: Tracker,
    count: int,
    *,
    limits: tuple[float, float],
    metrics: Mapping[str, float],
) -> None:
    """Leave `count` finished trials with their runs in an empty store.

    Each trial has one tuned value, "lr", spread evenly on a logarithmic scale between its limits,
    and these metrics; its objective falls from 2 to 1.
    """
    slots = _slots(search, count)
    runs = _fill_mlflow(tracker, slots, metrics)
    _fill_optuna(search, slots, runs, limits, metrics)


def _slots(search: Search, count: int) -> list[Slot]:
    if search.study.scientific:
        return search_slots(search.study)[:count]
    return [Slot(role="trial", cell={}, point=n, seed=0, epochs=None) for n in range(count)]


def _fill_mlflow(
    tracker: Tracker, slots: Sequence[Slot], metrics: Mapping[str, float]
) -> list[str]:
    owed: list[Owed] = []
    outbox = Outbox(owed.extend)
    runs = [
        Run.create(outbox, tracker.experiment, tracker.place, f"{n}", {"harness.trial": f"{n}"})
        for n in range(len(slots))
    ]
    for run, slot in zip(runs, slots, strict=True):
        run.describe(asdict(slot), {}, {"harness.role": slot.role})
        run.finish("finished", "", [], metrics, {})
    outbox.flush()
    tracker.outbox.write(owed)
    return [run.id for run in runs]


def _fill_optuna(
    search: Search,
    slots: Sequence[Slot],
    runs: Sequence[str],
    limits: tuple[float, float],
    metrics: Mapping[str, float],
) -> None:
    low, high = limits
    numbers = range(len(slots))
    rates = [low * (high / low) ** (n / len(slots)) for n in numbers]
    results = [{"status": "finished", "run_id": run, "metrics": dict(metrics)} for run in runs]
    distribution = distribution_to_json(FloatDistribution(low, high, log=True))
    rows: dict[Any, list[Row]] = {
        models.TrialModel: [_trial(search, n) for n in numbers],
        models.TrialParamModel: [
            {"param_name": "lr", "param_value": rate, "distribution_json": distribution}
            | {"trial_id": n + 1}
            for n, rate in enumerate(rates)
        ],
        models.TrialValueModel: [
            {"trial_id": n + 1, "objective": 0, "value": 2 - n / len(slots), "value_type": "FINITE"}
            for n in numbers
        ],
        models.TrialUserAttributeModel: [
            {"trial_id": n + 1, "key": key, "value_json": json.dumps(value)}
            for n in numbers
            for key, value in (slots[n].attributes() | {RESULT: results[n]}).items()
        ],
    }
    with search.optuna._storage._backend.engine.begin() as connection:  # type: ignore[attr-defined]
        for model, lines in rows.items():
            connection.execute(insert(model), lines)


def _trial(search: Search, number: int) -> Row:
    moment = datetime.now()
    return {
        "trial_id": number + 1,
        "number": number,
        "study_id": search.optuna._study_id,
        "state": TrialState.COMPLETE,
        "datetime_start": moment,
        "datetime_complete": moment,
    }
