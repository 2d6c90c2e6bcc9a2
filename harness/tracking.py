"""Tracking: one MLflow experiment a study, one parent run, one run a trial beneath it."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from mlflow import MlflowClient
from mlflow.entities import RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.entities import PagedList
from mlflow.utils.file_utils import local_file_uri_to_path
from sqlalchemy import Engine

from harness import rows
from harness.outbox import Outbox
from harness.provenance import code
from harness.settings import UserError
from harness.store import (
    Lease,
    harden,
    lease_path,
    locked,
    mlflow_url,
    trial_directory,
)
from harness.study import Study
from harness.tracked import STATUS, Run, StoredRun, points_of
from harness.views import view_tags

NOTE = "mlflow.note.content"
"""The tag that the MLflow UI shows as the description of a run or an experiment."""


class Tracker:
    """The experiment of one study: its parent run, and a run for each trial beneath it."""

    def __init__(self, root: Path, study: Study) -> None:
        self.root, self.study = root, study
        self.client = client(root)
        with locked(root / "initialise.lock"):
            self.experiment = self._experiment()
            self.parent = self._parent()
        place = self.client.get_experiment(self.experiment).artifact_location
        self.place = _path(place)
        self.outbox = Outbox(partial(rows.write, _engine(self.client), self.experiment))

    def begin(self) -> None:
        """Say that the study is under way, which a command that is then refused must not."""
        self.client.update_run(self.parent, status="RUNNING")

    def open(self, number: int, name: str, tags: Mapping[str, str], *, fresh: bool) -> "Run":
        """Return the trial's run, RUNNING; found by its tags unless the trial is `fresh`.

        Searching before creating is what keeps a kill between the two from leaving a twin.
        """
        found = None if fresh else self._find({"harness.trial": str(number)})
        if found is not None:
            self.client.update_run(found.info.run_id, status="RUNNING")
            stored = points_of(self.client, found)
            directory = _path(found.info.artifact_uri)
            return Run(self.outbox, found.info.run_id, directory, stored)
        tags = {
            **self._common_tags(),
            **tags,
            "harness.trial": str(number),
            "mlflow.parentRunId": self.parent,
        }
        return Run.create(self.outbox, self.experiment, self.place, name, tags)

    def flush(self) -> None:
        """Write all that the runs still owe; to be called before their trials are told.

        Raises:
            StoreUnavailable: it could not be written; the checkpoints still hold it all.
        """
        self.outbox.flush()

    def finish(self, status: str, artifacts: Path, note: str, metric: str) -> None:
        """Attach the report to the parent run, with the answer as its note, and close it.

        `metric` is the one that answers; it leads the views that the UI offers.
        """
        self.flush()
        for name, value in {NOTE: note, **view_tags(self.study, metric)}.items():
            self.client.set_experiment_tag(self.experiment, name, value)
        self.client.log_artifacts(self.parent, str(artifacts))
        self.client.set_tag(self.parent, NOTE, note)
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
            NOTE: self.study.question,
            **view_tags(self.study),
        }
        place = (self.root / "artifacts" / self.study.name).as_uri()
        return str(self.client.create_experiment(self.study.name, place, tags))

    def _parent(self) -> str:
        found = self._find({"harness.role": "study"})
        if found is not None:
            return str(found.info.run_id)
        tags = {
            **self._common_tags(),
            "harness.role": "study",
            NOTE: self.study.question,
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


def client(root: Path) -> MlflowClient:
    """Return a client of the store's MLflow database, made once under a lock."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    with locked(root / "initialise.lock"):
        api = MlflowClient(tracking_uri=mlflow_url(root))
        harden(_engine(api), immediate=False)
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
            reason = "its process died; the next `make study` goes on"
            end = [RunTag("harness.status", "killed"), RunTag("harness.reason", reason)]
            api.log_batch(run.info.run_id, tags=end)
            api.set_terminated(run.info.run_id, "KILLED")
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


def histories(
    root: Path, run_ids: Sequence[str], metrics: Sequence[str]
) -> Iterator[tuple[str, str, int, float]]:
    """Yield (run, metric, epoch, value) of every point of these metrics in these runs.

    Straight from the database: a request for each run takes minutes. "train/" stands for every
    metric that begins so.
    """
    yield from rows.points(_engine(client(root)), run_ids, metrics)


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


def _path(uri: str) -> Path:
    return Path(str(local_file_uri_to_path(uri)))  # type: ignore[no-untyped-call]


def _engine(api: MlflowClient) -> Engine:
    engine: Engine = api._tracking_client.store.engine
    return engine


def _all_experiments(api: MlflowClient) -> list[Any]:
    return list(api.search_experiments(max_results=1000))
