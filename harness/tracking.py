"""Tracking: the only module that imports mlflow. One experiment a study, one run a trial."""

import json
import logging
import math
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow.entities
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.entities import PagedList
from sqlalchemy.exc import SQLAlchemyError

from harness import system
from harness.provenance import code
from harness.settings import UserError
from harness.store import (
    Lease,
    StoreUnavailable,
    harden,
    lease_path,
    locked,
    mlflow_url,
    trial_directory,
)
from harness.study import Study

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


class Tracker:
    """The experiment of one study: its parent run, and a run for each trial beneath it."""

    def __init__(self, root: Path, study: Study) -> None:
        self.root, self.study = root, study
        self.client = client(root)
        with locked(root / "initialise.lock"):
            self.experiment = self._experiment()
            self.parent = self._parent()

    def open(self, number: int, name: str, tags: Mapping[str, str], *, fresh: bool) -> "Run":
        """Return the trial's run, RUNNING; found by its tags unless the trial is `fresh`.

        Searching before creating is what keeps a kill between the two from leaving a twin.
        """
        found = None if fresh else self._find({"harness.trial": str(number)})
        if found is not None:
            self.client.update_run(found.info.run_id, status="RUNNING")
            return Run(self.client, found.info.run_id, _points(self.client, found))
        tags = {
            **self._common_tags(),
            **tags,
            "harness.trial": str(number),
            "mlflow.parentRunId": self.parent,
            "mlflow.runName": name,
        }
        run = self.client.create_run(self.experiment, tags=tags, run_name=name)
        return Run(self.client, run.info.run_id, {})

    def finish(self, status: str, artifacts: Path, note: str) -> None:
        """Attach the report to the parent run, with the answer as its note, and close it."""
        self.client.log_artifacts(self.parent, str(artifacts))
        self.client.set_tag(self.parent, "mlflow.note.content", note)
        self.client.set_terminated(self.parent, STATUS[status])

    def _experiment(self) -> str:
        found = self.client.get_experiment_by_name(self.study.name)
        if found is not None and found.lifecycle_stage == "deleted":
            do = "restore it in MLflow, or remove it for good with `mlflow gc`"
            raise UserError("experiment", got=self.study.name, allowed="not deleted", do=do)
        if found is not None:
            return str(found.experiment_id)
        tags = {
            "mlflow.experimentKind": "custom_model_development",
            "mlflow.note.content": self.study.question,
        }
        place = (self.root / "artifacts" / self.study.name).as_uri()
        return str(self.client.create_experiment(self.study.name, place, tags))

    def _parent(self) -> str:
        found = self._find({"harness.role": "study"})
        if found is not None:
            self.client.update_run(found.info.run_id, status="RUNNING")
            return str(found.info.run_id)
        tags = {
            **self._common_tags(),
            "harness.role": "study",
            "mlflow.note.content": self.study.question,
        }
        run = self.client.create_run(self.experiment, tags=tags, run_name=self.study.name)
        self._log_code(str(run.info.run_id))
        return str(run.info.run_id)

    def _log_code(self, run_id: str) -> None:
        assert self.study.source is not None
        self.client.log_artifact(run_id, str(self.study.source))
        if diff := code(self.study.source.parent).diff:
            self.client.log_text(run_id, diff, "uncommitted.diff")

    def _common_tags(self) -> dict[str, str]:
        assert self.study.source is not None
        state = code(self.study.source.parent)
        return {
            "harness.study": self.study.name,
            "harness.dirty": str(state.dirty).lower(),
            "mlflow.source.name": self.study.source.name,
            "mlflow.source.type": "LOCAL",
            "mlflow.source.git.commit": state.commit,
        }

    def _find(self, tags: Mapping[str, str]) -> StoredRun | None:
        wanted = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
        runs = self.client.search_runs([self.experiment], wanted, max_results=1)
        return runs[0] if runs else None


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
        self.client.log_inputs(self.id, [DatasetInput(dataset, [])])

    def record(self, history: History) -> None:
        """Write the epochs not written yet, in one call; a store that is away is tried again later.

        Never raises into a training: `finish` does, when nothing more can be lost.
        """
        points: list[Metric] = []
        for epoch in range(self._sent, len(history)):
            values = {k: v for k, v in history[epoch].items() if k not in ("time", "step")}
            points += self._new(values, epoch, history[epoch]["time"])
        if points:
            points += self._new(system.sample(), len(history) - 1, time.time())
        try:
            self._write(points)
        except (MlflowException, SQLAlchemyError, OSError) as error:
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
        self.record(history)
        tags = {"harness.status": status, "harness.reason": reason[:5000]}
        if self.differs:
            tags["harness.replay_differs"] = ", ".join(self.differs[:20])
        try:
            if self._sent < len(history):
                raise StoreUnavailable("the metrics of the last epochs could not be written")
            step = max(0, len(history) - 1)
            self._write(self._new(metrics, step, time.time()), tags=tags)
            self._attach(files)
            self.client.set_terminated(self.id, STATUS[status])
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise StoreUnavailable(str(error).partition("\n")[0]) from error

    def kill(self, reason: str) -> None:
        """Close the run as KILLED: it can be resumed."""
        self.tag({"harness.status": "killed", "harness.reason": reason})
        self.client.set_terminated(self.id, "KILLED")

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
            self.client.log_batch(self.id, part, list(params), labels)
            self.stored |= {(point.key, point.step): point.value for point in part}
            params, labels = (), []


def client(root: Path) -> MlflowClient:
    """Return a client of the store's MLflow database, made once under a lock."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    with locked(root / "initialise.lock"):
        api = MlflowClient(tracking_uri=mlflow_url(root))
        harden(api._tracking_client.store.engine, immediate=False)
    return api


def close_abandoned(root: Path) -> int:
    """Close runs whose process died without a word as KILLED; return how many."""
    api = client(root)
    closed = 0
    for run in search(api, "attributes.status = 'RUNNING'"):
        tags = run.data.tags
        if "harness.trial" not in tags:
            continue
        number = int(tags["harness.trial"])
        directory = trial_directory(root, tags["harness.study"], number)
        lease = Lease.take(lease_path(directory))
        if lease is not None:
            Run(api, run.info.run_id, {}).kill("its process died; the next `make study` goes on")
            lease.release()
            closed += 1
    return closed


def search(api: MlflowClient, wanted: str) -> list[StoredRun]:
    """Return all runs of all experiments that match, page by page."""
    experiments = [e.experiment_id for e in _all_experiments(api)]
    runs: list[StoredRun] = []
    token: str | None = None
    while experiments:
        page: PagedList[StoredRun] = api.search_runs(
            experiments, wanted, max_results=1000, page_token=token
        )
        runs += page
        token = page.token
        if not token:
            break
    return runs


def find_run(root: Path, run_id: str) -> StoredRun:
    """Return a run by its id, or by the beginning of it; raise UserError if there is none."""
    api = client(root)
    try:
        return api.get_run(run_id)
    except MlflowException:
        matching = [run for run in search(api, "") if run.info.run_id.startswith(run_id)]
    if len(matching) != 1:
        do = "copy the id from the MLflow UI"
        allowed = "the id of one run in this store"
        raise UserError("RUN", got=run_id, allowed=allowed, do=do)
    return matching[0]


def read_artifact(root: Path, run: StoredRun, name: str) -> str:
    """Return the text of a run's artifact; raise UserError if it has none of that name."""
    with TemporaryDirectory() as directory:
        try:
            path = client(root).download_artifacts(run.info.run_id, name, directory)
        except (MlflowException, OSError) as error:
            do = "choose a run that this harness trained to its end"
            raise UserError(
                f"{name} of run", got=run.info.run_id, allowed="a file", do=do
            ) from error
        return Path(path).read_text(encoding="utf-8")


def _all_experiments(api: MlflowClient) -> list[Any]:
    return list(api.search_experiments(max_results=1000))


def _points(api: MlflowClient, run: StoredRun) -> dict[tuple[str, int], float]:
    points: dict[tuple[str, int], float] = {}
    for name in run.data.metrics:
        for metric in api.get_metric_history(run.info.run_id, name):
            value = metric.value
            points[name, metric.step] = math.nan if math.isnan(value) else value
    return points
