"""Views: what the MLflow UI shows of a study first; named column sets that lie in its tags."""

import json
from collections.abc import Mapping, Sequence

from harness.measures import logged_as
from harness.study import Study

UI = "http://127.0.0.1:5000"
"""Where `make ui` serves."""
VIEW = "mlflow.sharedViewState."
"""MLflow 3.17 keeps a saved view in an experiment's tag of this name and the view's key."""
PRIMARY = "mlflow.experiment.primaryMetric.name"
"""The metric whose chart comes first in MLflow's chart view."""
TRIALS, CELLS = "trials", "cells"
"""The keys of the two views, which an address names: …/runs?viewStateShareKey=trials."""
SIZES = ("params/trainable", "best/epoch", "cost/wall_seconds")


NAME = "attributes.`Run Name`"
WIDTHS = {NAME: 340, "tags.`harness.status`": 90, "tags.`harness.cell`": 240}
"""Pixels of the columns that need other than MLflow's 100."""


def address(experiment: str) -> str:
    """Return where the first view of an experiment is, after the address of the UI."""
    view = f"viewStateShareKey={TRIALS}&workflowType=machine_learning"
    return f"/#/experiments/{experiment}/runs?{view}"


def view_tags(study: Study, answer: str | None = None) -> dict[str, str]:
    """Return the experiment's tags: two saved views, and the metric that charts begin with.

    `answer` is the metric that answers the study, if it is known. The first view lists the trials
    under the study's run, the second the means over seeds of each cell, which unfold.
    """
    measured = dict.fromkeys([*([answer] if answer else []), *study.objectives, *study.metrics])
    metrics = list(dict.fromkeys([*map(logged_as, measured), *SIZES]))
    tags = {PRIMARY: metrics[0], VIEW + TRIALS: _view("Trials", metrics, {})}
    if study.scientific:
        by_cell = {"mode": "tag", "groupByData": "harness.cell"}
        groups = {"aggregateFunction": "average", "groupByKeys": [by_cell]}
        confirmed = {"searchFilter": "tags.harness.role = 'confirm'", "groupBy": groups}
        tags[VIEW + CELLS] = _view("Cells, mean over seeds", metrics, confirmed)
    return tags


def _view(name: str, metrics: Sequence[str], more: Mapping[str, object]) -> str:
    columns = ["tags.`harness.status`", *(f"metrics.`{metric}`" for metric in metrics)]
    columns += ["params.`lr`", "tags.`harness.cell`", "tags.`harness.seed`"]
    order = [NAME, *columns]
    state = {
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "selectedColumns": columns,
        "columnOrder": order,
        "columnWidths": {column: WIDTHS.get(column, 100) for column in order},
        **more,
    }
    envelope = {"name": name, "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)}
    return json.dumps(envelope)
