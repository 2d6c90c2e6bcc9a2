"""One trial's run in MLflow: what is written, once, and how it ends."""

import json
import math
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

import mlflow.entities
from mlflow import MlflowClient

from harness import rows, system
from harness.outbox import Outbox, reaching_the_store
from harness.rows import Owed, Row

StoredRun = mlflow.entities.Run
"""A run as MLflow returns it."""
History = list[dict[str, float]]
Points = dict[tuple[str, int], float]
"""Values by name and step."""
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


class Run:
    """One trial's run. What it is told it owes to the store, and the outbox writes it.

    `stored` holds the points that MLflow had when this process took the run over. A point is
    written once: a replayed one is compared with the stored value instead, which is a determinism
    check for free. No method but `kill` waits for the database; `Outbox.flush` does.
    """

    def __init__(
        self, outbox: Outbox, run_id: str, directory: Path, stored: Points | None = None
    ) -> None:
        self.id, self.directory, self.stored = run_id, directory, stored or {}
        self.differs: list[str] = []
        self._outbox = outbox
        self._lock = threading.Lock()
        self._debts: list[Owed] = []
        self._history: History = []
        self._due = self._written = 0

    @classmethod
    def create(
        cls, outbox: Outbox, experiment: str, place: Path, name: str, tags: Mapping[str, str]
    ) -> "Run":
        """Return a new run of an experiment whose artifacts lie in `place`."""
        run_id = uuid.uuid4().hex
        run = cls(outbox, run_id, place / run_id / "artifacts")
        row = rows.created(run_id, experiment, name, run.directory.as_uri(), time.time())
        run._owe(Owed(run_id=run_id, created=row, tags={**tags, "mlflow.runName": name}))
        return run

    def describe(
        self, params: Mapping[str, object], metrics: Mapping[str, float], tags: Mapping[str, str]
    ) -> None:
        """Log the flat recipe, and facts that hold from the start; what is there stays."""
        points = self._facts(metrics, 0, time.time())
        self._owe(Owed(run_id=self.id, params=rows.params(params), metrics=points, tags=tags))

    def input(self, name: str, digest: str, profile: Mapping[str, int], source: str) -> None:
        """Log the dataset with its digest."""
        settings = json.dumps({"settings": source})
        row = rows.dataset(name, digest, settings, json.dumps(dict(profile)))
        self._owe(Owed(run_id=self.id, dataset=row))

    def record(self, history: History) -> None:
        """Let the epochs of a history be written that are not yet; it lies in the checkpoint."""
        with self._lock:
            before, self._history, self._due = self._due, history, len(history)
        for epoch in range(before, len(history)):
            self._compare(_points(history[epoch], epoch))
        self._outbox.add(self)

    def tag(self, tags: Mapping[str, str]) -> None:
        """Set tags; they may change later."""
        self._owe(Owed(run_id=self.id, tags=tags))

    def attach(self, name: str, content: bytes) -> None:
        """Write a file into the run's directory at once; one of that name is replaced.

        Raises:
            StoreUnavailable: it could not be written.
        """
        with reaching_the_store():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def finish(
        self,
        status: str,
        reason: str,
        history: History,
        metrics: Mapping[str, float],
        files: Mapping[str, bytes],
    ) -> None:
        """Let everything that is left be written, attach `files`, and close the run.

        Raises:
            StoreUnavailable: a file could not be written; the checkpoint still holds it all.
        """
        step, now = max(0, len(history) - 1), time.time()
        self.record(history)
        self._compare({(name, step): value for name, value in metrics.items()})
        tags = {"harness.status": status, "harness.reason": reason[:5000]}
        if self.differs:
            tags["harness.replay_differs"] = ", ".join(self.differs[:20])
        for name, content in files.items():
            self.attach(name, content)
        end = rows.ended(STATUS[status], now)
        points = self._facts(metrics, step, now)
        self._owe(Owed(run_id=self.id, metrics=points, tags=tags, ended=end))

    def kill(self, reason: str) -> None:
        """Close the run as KILLED, at once: it can be resumed."""
        tags = {"harness.status": "killed", "harness.reason": reason}
        self._owe(Owed(run_id=self.id, tags=tags, ended=rows.ended("KILLED", time.time())))
        self._outbox.flush()

    def owes(self) -> Owed:
        """Return all that is not written yet, the due epochs of the history included."""
        with self._lock:
            debts, due = list(self._debts), self._due
        metrics = [point for debt in debts for point in debt.metrics]
        return Owed(
            run_id=self.id,
            created=next((debt.created for debt in debts if debt.created), None),
            params={name: value for debt in debts for name, value in debt.params.items()},
            tags={name: value for debt in debts for name, value in debt.tags.items()},
            metrics=metrics + self._epochs(self._written, due),
            dataset=next((debt.dataset for debt in debts if debt.dataset), None),
            ended=next((debt.ended for debt in reversed(debts) if debt.ended), None),
            debts=len(debts),
            epochs=due,
        )

    def paid(self, owed: Owed) -> None:
        """Forget what was written."""
        with self._lock:
            del self._debts[: owed.debts]
            self._written = owed.epochs

    def _owe(self, owed: Owed) -> None:
        with self._lock:
            self._debts.append(owed)
        self._outbox.add(self)

    def _epochs(self, start: int, stop: int) -> list[Row]:
        points: list[Row] = []
        for epoch in range(start, stop):
            record = self._history[epoch]
            points += self._new(_points(record, epoch), record["time"])
        if points:
            now = {(name, stop - 1): value for name, value in system.sample().items()}
            points += self._new(now, time.time())
        return points

    def _facts(self, values: Mapping[str, float], step: int, when: float) -> list[Row]:
        points = {(name, step): value for name, value in values.items()}
        fresh = self._new(points, when)
        self.stored |= points
        return fresh

    def _new(self, points: Points, when: float) -> list[Row]:
        return [
            rows.metric(self.id, name, float(value), step, when)
            for (name, step), value in points.items()
            if (name, step) not in self.stored
        ]

    def _compare(self, points: Points) -> None:
        for (name, step), value in points.items():
            before = self.stored.get((name, step))
            if before is not None and before != value and not name.startswith(NOT_REPRODUCIBLE):
                self.differs.append(f"{name}@{step}")


def _points(record: Mapping[str, float], epoch: int) -> Points:
    """Return an epoch's values at its number, but "name@step" at that optimizer step."""
    points: Points = {}
    for key, value in record.items():
        name, _, step = key.partition("@")
        if name not in ("time", "step"):
            points[name, int(step or epoch)] = value
    return points


def points_of(api: MlflowClient, run: StoredRun) -> Points:
    """Return every point that MLflow has of a run."""
    points: Points = {}
    for name in run.data.metrics:
        for metric in api.get_metric_history(run.info.run_id, name):
            value = metric.value
            points[name, metric.step] = math.nan if math.isnan(value) else value
    return points
