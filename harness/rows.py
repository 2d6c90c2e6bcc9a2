"""Rows: what runs owe MLflow, as rows of its own tables, for many runs in one transaction.

MLflow's client takes eleven transactions and 54 ms of CPU for a short trial, these rows one and
3 ms (NOTES.md). The tables are MLflow's own objects, so a column that is renamed raises; a test
compares all of them with what the client writes, value by value.
"""

import math
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from mlflow.store.tracking.dbmodels.models import (
    SqlDataset,
    SqlInput,
    SqlLatestMetric,
    SqlMetric,
    SqlParam,
    SqlRun,
    SqlTag,
)
from mlflow.utils.validation import _validate_metric_name, _validate_param_name
from sqlalchemy import Connection, Engine, Table, bindparam, or_, select, tuple_, update
from sqlalchemy.dialects.sqlite import Insert, insert

Row = dict[str, Any]
LONGEST_PARAM, LONGEST_TAG = 6000, 8000
"""What MLflow's client cuts values to."""
MOST_RUNS = 500
"""In one query: SQLite allows so many parameters everywhere."""
LARGEST = 1.7976931348623157e308
"""What MLflow stores infinity as."""


@dataclass(frozen=True, kw_only=True)
class Owed:
    """What one run owes the database; whatever is empty is not written."""

    run_id: str
    created: Row | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[Row] = ()
    dataset: Row | None = None
    ended: Row | None = None
    debts: int = 0
    """How many of the run's debts this is made of."""
    epochs: int = 0
    """Up to where the run's history is in it."""


def created(run_id: str, experiment: str, name: str, artifacts: str, when: float) -> Row:
    """Return the row of a new run, RUNNING since `when` (seconds), with its artifacts' URI."""
    return {
        "run_uuid": run_id,
        "experiment_id": int(experiment),
        "name": name,
        "artifact_uri": artifacts,
        "source_type": "UNKNOWN",
        "source_name": "",
        "source_version": "",
        "entry_point_name": "",
        "user_id": "unknown",
        "status": "RUNNING",
        "start_time": round(when * 1000),
        "lifecycle_stage": "active",
    }


def metric(run_id: str, name: str, value: float, step: int, when: float) -> Row:
    """Return the row of one point, as MLflow stores what is not a finite number."""
    require_name(_validate_metric_name, name)
    kept = 0.0 if math.isnan(value) else max(-LARGEST, min(LARGEST, value))
    return {
        "run_uuid": run_id,
        "key": name,
        "value": kept,
        "timestamp": round(when * 1000),
        "step": step,
        "is_nan": math.isnan(value),
    }


def dataset(name: str, digest: str, source: str, profile: str) -> Row:
    """Return the row of a dataset but for its experiment."""
    return {
        "name": name,
        "digest": digest[:36],
        "dataset_source_type": "code",
        "dataset_source": source,
        "dataset_profile": profile,
    }


def ended(status: str, when: float | None) -> Row:
    """Return the columns of a run that has ended at `when` (seconds), or goes on (None)."""
    return {"status": status, "end_time": None if when is None else round(when * 1000)}


def params(values: Mapping[str, object]) -> dict[str, str]:
    """Return values as text, cut as MLflow's client cuts them; raise on a name it refuses."""
    for name in values:
        require_name(_validate_param_name, name)
    return {name: str(value)[:LONGEST_PARAM] for name, value in values.items()}


@lru_cache(maxsize=4096)
def require_name(validate: Callable[[str], None], name: str) -> None:
    """Raise MLflow's own error if it refuses a name; each is asked for once."""
    validate(name)


def write(engine: Engine, experiment: str, owed: Sequence[Owed]) -> None:
    """Write all that is owed, or nothing. What is there already stays, but tags are set anew."""
    with engine.begin() as connection:
        _execute(connection, RUNS, [o.created for o in owed if o.created])
        _write_datasets(connection, int(experiment), [o for o in owed if o.dataset])
        _execute(connection, PARAMS, _pairs((o.run_id, o.params) for o in owed))
        points = [point for o in owed for point in o.metrics]
        _execute(connection, METRICS, points)
        _execute(connection, LATEST, _latest(points))
        cut = [(o.run_id, {k: v[:LONGEST_TAG] for k, v in o.tags.items()}) for o in owed]
        _execute(connection, TAGS, _pairs(cut))
        _execute(connection, ENDS, [o.ended | {"run": o.run_id} for o in owed if o.ended])


def points(
    engine: Engine, run_ids: Sequence[str], metrics: Sequence[str]
) -> Iterator[tuple[str, str, int, float]]:
    """Yield (run, metric, step, value) of every point; "train/" stands for all that begin so."""
    table = _table(SqlMetric).c
    columns = (table.run_uuid, table.key, table.step, table.value, table.is_nan)
    prefixes = [table.key.startswith(name, autoescape=True) for name in metrics if name[-1] == "/"]
    wanted = or_(table.key.in_(metrics), *prefixes)
    with engine.connect() as connection:
        for start in range(0, len(run_ids), MOST_RUNS):
            runs = table.run_uuid.in_(run_ids[start : start + MOST_RUNS])
            found = select(*columns).where(runs, wanted).order_by(table.run_uuid, table.step)
            for run, key, step, value, is_nan in connection.execute(found):
                yield run, key, step, math.nan if is_nan else value


def _write_datasets(connection: Connection, experiment: int, owed: Sequence[Owed]) -> None:
    for one in owed:
        assert one.dataset is not None
        row = one.dataset | {"experiment_id": experiment, "dataset_uuid": uuid.uuid4().hex}
        connection.execute(DATASETS, row)
        wanted = [row[column] for column in ("experiment_id", "name", "digest")]
        used = {"source_type": "DATASET", "destination_type": "RUN", "destination_id": one.run_id}
        source = connection.execute(DATASET, dict(zip("end", wanted, strict=True))).scalar_one()
        connection.execute(INPUTS, used | {"source_id": source, "input_uuid": uuid.uuid4().hex})


def _pairs(runs: Iterable[tuple[str, Mapping[str, str]]]) -> list[Row]:
    return [
        {"run_uuid": run, "key": name, "value": value}
        for run, values in runs
        for name, value in values.items()
    ]


def _latest(points: Sequence[Row]) -> list[Row]:
    latest: dict[tuple[str, str], Row] = {}
    for point in points:
        key = (point["run_uuid"], point["key"])
        if key not in latest or _order(point) > _order(latest[key]):
            latest[key] = point
    return list(latest.values())


def _order(point: Row) -> tuple[int, int, float]:
    return (point["step"], point["timestamp"], point["value"])


def _execute(connection: Connection, statement: Any, rows: list[Row]) -> None:
    if rows:
        connection.execute(statement, rows)


def _table(model: Any) -> Table:
    table: Table = model.__table__
    return table


def _insert(model: Any) -> Insert:
    return insert(_table(model)).on_conflict_do_nothing()


def _upsert_tags() -> Insert:
    new = insert(_table(SqlTag))
    return new.on_conflict_do_update(
        index_elements=["run_uuid", "key"], set_={"value": new.excluded.value}
    )


def _upsert_latest() -> Insert:
    table = _table(SqlLatestMetric)
    new = insert(table)
    order = ("step", "timestamp", "value")
    newer = tuple_(*(new.excluded[c] for c in order)) > tuple_(*(table.c[c] for c in order))
    return new.on_conflict_do_update(
        index_elements=["run_uuid", "key"],
        set_={column: new.excluded[column] for column in (*order, "is_nan")},
        where=newer,
    )


_datasets, _runs = _table(SqlDataset).c, _table(SqlRun)
RUNS, PARAMS, METRICS = _insert(SqlRun), _insert(SqlParam), _insert(SqlMetric)
DATASETS, INPUTS = _insert(SqlDataset), _insert(SqlInput)
TAGS, LATEST = _upsert_tags(), _upsert_latest()
DATASET = select(_datasets.dataset_uuid).where(
    _datasets.experiment_id == bindparam("e"),
    _datasets.name == bindparam("n"),
    _datasets.digest == bindparam("d"),
)
ENDS = update(_runs).where(_runs.c.run_uuid == bindparam("run"))
