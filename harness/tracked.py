"""One trial's run in MLflow: what is written, once, and how it ends."""

import json
import logging
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow.entities
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from harness import system
from harness.store import StoreUnavailable

StoredRun = mlflow.entities.Run
"""A run as MLflow returns it."""
History = list[dict[str, float]]
NOT_REPRODUCIBLE = ("cost/", "system/")
"""Prefixes of metrics that depend on the machine's mood; all others are compared on a replay."""
STATUS = {
    "finished": "FINISHED",
    "pruned": "FINISHED",
    "diverged": "FINISHED",
    "infeasible": "FINISHED",
    "failed": "FAILED",
    "killed": "KILLED",
}


@dataclass
class Run:
    """One trial's run. `stored` holds what MLflow had when this process took the run over.

    A metric's point is written once: a replayed one is compared with the stored value instead,
    which is a determinism check for free.
    """

    client: MlflowClient
    id: str
    stored: dict[tuple[str, int], float]
    differs: list[str] = field(default_factory=list)
    _sent: int = 0

    def describe(
        self, params: Mapping[str, object], metrics: Mapping[str, float], tags: Mapping[str, str]
    ) -> None:
        """Log the flat recipe, and facts that hold from the start; what is there stays."""
        known = set(self.client.get_run(self.id).data.params) if self.stored else set()
        wanted = [Param(k, str(v)[:6000]) for k, v in params.items() if k not in known]
        self._write(self._new(metrics, 0, time.time()), params=wanted, tags=tags)

    def input(self, name: str, digest: str, profile: Mapping[str, int], source: str) -> None:
        """Log the dataset with its digest."""
        dataset = Dataset(
            name=name,
            digest=digest[:36],
            source_type="code",
            source=json.dumps({"settings": source}),
            profile=json.dumps(dict(profile)),
        )
        inputs = [DatasetInput(dataset, [])]
        try:
            self.client.log_inputs(self.id, inputs)
        except MlflowException:
            # Two workers brought a new dataset at once: the one refused finds it the second time.
            with _reaching_the_store():
                self.client.log_inputs(self.id, inputs)

    def record(self, history: History) -> None:
        """Write the epochs not written yet, in one call; a store that is away is tried again later.

        Never raises into a training: `finish` does, when nothing more can be lost.
        """
        points = self._epochs(history)
        try:
            self._write(points)
        except StoreUnavailable as error:
            logging.getLogger(__name__).warning("metrics wait for the store: %s", error)
            return
        self._sent = len(history)

    def tag(self, tags: Mapping[str, str]) -> None:
        """Set tags; they may change later."""
        self._write([], tags=tags)

    def finish(
        self,
        status: str,
        reason: str,
        history: History,
        metrics: Mapping[str, float],
        files: Mapping[str, bytes],
    ) -> None:
        """Write everything that is left, attach `files`, and close the run.

        Raises:
            StoreUnavailable: something could not be written; the checkpoint still holds it all.
        """
        tags = {"harness.status": status, "harness.reason": reason[:5000]}
        step = max(0, len(history) - 1)
        points = self._epochs(history) + self._new(metrics, step, time.time())
        if self.differs:
            tags["harness.replay_differs"] = ", ".join(self.differs[:20])
        self._write(points, tags=tags)
        with _reaching_the_store():
            self._attach(files)
            self.client.set_terminated(self.id, STATUS[status])

    def kill(self, reason: str) -> None:
        """Close the run as KILLED: it can be resumed."""
        self.tag({"harness.status": "killed", "harness.reason": reason})
        self.client.set_terminated(self.id, "KILLED")

    def _epochs(self, history: History) -> list[Metric]:
        points: list[Metric] = []
        for epoch in range(self._sent, len(history)):
            values = {k: v for k, v in history[epoch].items() if k not in ("time", "step")}
            points += self._new(values, epoch, history[epoch]["time"])
        return points + self._new(system.sample(), len(history) - 1, time.time()) if points else []

    def _attach(self, files: Mapping[str, bytes]) -> None:
        with TemporaryDirectory() as directory:
            for name, content in files.items():
                (Path(directory) / name).write_bytes(content)
            self.client.log_artifacts(self.id, directory)

    def _new(self, values: Mapping[str, float], step: int, when: float) -> list[Metric]:
        points = []
        for name, value in values.items():
            before = self.stored.get((name, step))
            if before is None:
                points.append(Metric(name, float(value), round(when * 1000), step))
            elif not name.startswith(NOT_REPRODUCIBLE) and before != value:
                self.differs.append(f"{name}@{step}")
        return points

    def _write(
        self,
        points: list[Metric],
        *,
        params: Iterable[Param] = (),
        tags: Mapping[str, str] | None = None,
    ) -> None:
        labels = [RunTag(name, value) for name, value in (tags or {}).items()]
        for start in range(0, max(1, len(points)), 900):
            part = points[start : start + 900]
            with _reaching_the_store():
                self.client.log_batch(self.id, part, list(params), labels)
            self.stored |= {(point.key, point.step): point.value for point in part}
            params, labels = (), []


@contextmanager
def _reaching_the_store() -> Iterator[None]:
    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise StoreUnavailable(str(error).partition("\n")[0]) from error


def points_of(api: MlflowClient, run: StoredRun) -> dict[tuple[str, int], float]:
    points: dict[tuple[str, int], float] = {}
    for name in run.data.metrics:
        for metric in api.get_metric_history(run.info.run_id, name):
            value = metric.value
            points[name, metric.step] = math.nan if math.isnan(value) else value
    return points
