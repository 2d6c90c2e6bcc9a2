"""Rows: every table of MLflow holds what its own client would have written."""

import math
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from sqlalchemy import Engine, MetaData, select
from sqlalchemy.exc import OperationalError

from harness import rows, tracking
from harness.rows import Owed
from tests import small

START, END = 1000.5, 2000.25
PARAMS = {"model": "MLP", "long": "x" * 7000, "lr": "0.1"}
TAGS = {"harness.status": "running", "harness.trial": "7"}
DIGEST = "d" * 64
PARTS: tuple[dict[str, list[tuple[float, int, float]]], ...] = (
    {"val/loss": [(0.5, 0, 1001.0), (0.25, 1, 1002.0)], "odd": [(math.nan, 0, 1001.0)]},
    {"val/loss": [(0.75, 2, 1003.0)], "odd": [(math.inf, 1, 1002.0), (-math.inf, 0, 1001.0)]},
    {"val/loss": [(0.1, 1, 1004.0)]},
)
"""Points of three writes, the last of a step before the latest: (value, step, time)."""


def _by_client(api: MlflowClient, experiment: str) -> str:
    run = api.create_run(experiment, round(START * 1000), run_name="a name").info.run_id
    params = [Param(name, value[:6000]) for name, value in PARAMS.items()]
    tags = [RunTag(name, value) for name, value in TAGS.items()]
    dataset = Dataset("Digits", DIGEST[:36], "code", "{}", profile='{"train": 1}')
    for _ in range(2):
        api.log_inputs(run, [DatasetInput(dataset, [])])
    for part in PARTS:
        points = [Metric(n, v, round(t * 1000), s) for n, vs in part.items() for v, s, t in vs]
        api.log_batch(run, points, params, tags)
    api.set_tag(run, "harness.status", "finished")
    api.set_terminated(run, "FINISHED", round(END * 1000))
    return str(run)


def _by_rows(engine: Engine, experiment: str, place: Path) -> str:
    run = "f" * 32
    artifacts = f"{place.as_uri()}/{run}/artifacts"
    created = rows.created(run, experiment, "a name", artifacts, START)
    tags = {**TAGS, "mlflow.runName": "a name"}
    dataset = rows.dataset("Digits", DIGEST, "{}", '{"train": 1}')
    for number, part in enumerate(PARTS):
        points = [rows.metric(run, n, v, s, t) for n, vs in part.items() for v, s, t in vs]
        owed = Owed(
            run_id=run,
            created=None if number else created,
            params=rows.params(PARAMS),
            metrics=points,
            tags=tags,
            dataset=dataset,
        )
        rows.write(engine, experiment, [owed])
    done = Owed(run_id=run, tags={"harness.status": "finished"}, ended=rows.ended("FINISHED", END))
    rows.write(engine, experiment, [done])
    return run


def _everything(engine: Engine, run: str) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables that name a run, its id and random ids made equal."""
    schema = MetaData()
    schema.reflect(engine)
    found: dict[str, list[dict[str, Any]]] = {}
    with engine.connect() as connection:
        for table in schema.sorted_tables:
            lines = [dict(line._mapping) for line in connection.execute(select(table))]
            mine = [line for line in lines if run in line.values()]
            kept = [
                {k: str(v).replace(run, "RUN") for k, v in line.items() if k != "input_uuid"}
                for line in mine
            ]
            found[table.name] = sorted(kept, key=str)
    return {name: lines for name, lines in found.items() if lines}


def test_rows_are_what_the_client_writes_in_every_table(tmp_path: Path) -> None:
    api = tracking.client(small.make_store(tmp_path / "store"))
    engine = api._tracking_client.store.engine
    place = tmp_path / "artifacts"
    experiment = api.create_experiment("x", place.as_uri())
    client, ours = _by_client(api, experiment), _by_rows(engine, experiment, place)
    expected = _everything(engine, client)
    assert set(expected) == {"runs", "params", "tags", "metrics", "latest_metrics", "inputs"}
    assert _everything(engine, ours) == expected
    assert len(expected["metrics"]) == 7
    assert api.get_run(ours).inputs == api.get_run(client).inputs, "one dataset for both"


def test_a_write_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    api = tracking.client(small.make_store(tmp_path / "store"))
    engine = api._tracking_client.store.engine
    experiment = api.create_experiment("x")
    run = rows.created("a" * 32, experiment, "name", "file:///a", START)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE latest_metrics")
    point = rows.metric("a" * 32, "val/loss", 1.0, 0, START)
    with pytest.raises(OperationalError, match="latest_metrics"):
        rows.write(engine, experiment, [Owed(run_id="a" * 32, created=run, metrics=[point])])
    with pytest.raises(MlflowException, match="not found"):
        api.get_run("a" * 32)


def test_a_name_that_mlflow_refuses_is_refused() -> None:
    with pytest.raises(MlflowException, match="Invalid value"):
        rows.metric("a" * 32, "loss²?", 1.0, 0, START)
    with pytest.raises(MlflowException, match="Invalid value"):
        rows.params({"a?b": 1})
