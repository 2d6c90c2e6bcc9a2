"""A small study for tests of whole runs, and how to read what it left in a store."""

import atexit
import multiprocessing
import os
import shutil
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import optuna
from rich.console import Console
from safetensors.torch import load as safetensors_load

from harness import store, tracking
from harness.design import SLOT
from harness.kinds import MOST
from harness.store import mlflow_url, optuna_url
from harness.tried import RESULT

NAME = "small"
UNEQUAL = ("cost/", "system/")
"""What depends on the machine's mood."""
SOURCE = '''"""A small study.

Cost: seconds. Expected: an answer.
"""

from optuna.trial import BaseTrial

from harness.data.digits import Digits
from harness.models.mlp import MLP
from harness.recipe import Recipe
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.classify import Classify


def space(trial: BaseTrial, *, depth: int) -> Recipe:
    """Return one recipe."""
    return Recipe(
        model=MLP(depth=depth, width=32, dropout=trial.suggest_float("dropout", 0.0, 0.3)),
        data=Digits(limit=LIMIT),
        task=Classify(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 1e-3, 1e-2, log=True),
        epochs=EPOCHS,
        warmup=0.1,
    )


study = Study(
    question="Does a small study end the same however often it is killed?",
    space=space,
    scientific={"depth": (1, 3)},
    objective="val/loss",
    metrics=("val/accuracy",),
    trials_per_cell=2,
    seeds=2,
)
'''


def write_study(folder: Path, *, epochs: int, limit: int = 400, name: str = NAME) -> Path:
    """Write the small study into `folder`/studies and return `folder`."""
    studies = folder / "studies"
    studies.mkdir(parents=True, exist_ok=True)
    text = SOURCE.replace("EPOCHS", str(epochs)).replace("LIMIT", str(limit))
    (studies / f"{name}.py").write_text(text)
    return folder


@cache
def _migrated() -> Path:
    """Return a store with migrated, empty databases, made once a test process."""
    root = Path(tempfile.mkdtemp(prefix="harness-empty-store-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    store.prepare(root)
    tracking.client(root)
    optuna.storages.RDBStorage(store.optuna_url(root)).engine.dispose()
    return root


def make_store(root: Path) -> Path:
    """Make an empty store at `root`; copied, as a fresh MLflow takes 8 s of migrations."""
    root.mkdir(parents=True, exist_ok=True)
    for path in _migrated().glob("*.db*"):
        shutil.copy(path, root / path.name)
    return root


def trials(root: Path, name: str = NAME) -> list[dict[str, Any]]:
    """Return the study's trials in Optuna, without what depends on the machine's mood."""
    study = optuna.load_study(study_name=name, storage=optuna_url(root))
    return [_plain(trial) for trial in study.get_trials()]


def _plain(trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
    attributes = dict(trial.user_attrs)
    attributes |= attributes.pop(SLOT, {})
    result = dict(attributes.pop(RESULT, {}))
    result.pop("run_id", None)
    metrics = result.get("metrics", {})
    result["metrics"] = {k: v for k, v in metrics.items() if not k.startswith(UNEQUAL)}
    return {
        "number": trial.number,
        "state": trial.state.name,
        "values": trial.values,
        "params": trial.params,
        "attributes": attributes,
        "result": result,
    }


def runs(root: Path, study: str = "") -> dict[int, dict[str, Any]]:
    """Return the MLflow runs of a study's trials (of all there are) by trial number.

    A doubled one raises AssertionError.
    """
    from mlflow import MlflowClient

    client = MlflowClient(mlflow_url(root))
    every = client.search_experiments()
    experiments = [e.experiment_id for e in every if study in ("", e.name)]
    found: dict[int, dict[str, Any]] = {}
    for run in client.search_runs(experiments, max_results=1000):
        if "harness.trial" not in run.data.tags:
            continue
        number = int(run.data.tags["harness.trial"])
        assert number not in found, f"two runs for trial {number}"
        points = [
            (m.key, m.step, m.value)
            for key in run.data.metrics
            if not key.startswith(UNEQUAL)
            for m in client.get_metric_history(run.info.run_id, key)
        ]
        assert len(points) == len({point[:2] for point in points}), "a point was logged twice"
        folder = Path(run.info.artifact_uri.removeprefix("file://"))
        weights = folder / "best.safetensors"
        found[number] = {
            "id": run.info.run_id,
            "status": run.info.status,
            "params": run.data.params,
            "points": sorted(points),
            "differs": run.data.tags.get("harness.replay_differs"),
            "files": sorted(path.name for path in folder.glob("*")),
            "weights": safetensors_load(weights.read_bytes()) if weights.exists() else {},
        }
    return found


@dataclass(frozen=True)
class Attempt:
    """One run of a study in a process of its own, forked from one that has imported everything."""

    process: BaseProcess
    log: Path

    @property
    def text(self) -> str:
        """What it printed."""
        return self.log.read_text()

    def wait(self) -> int:
        """Wait for its end and return the exit status."""
        self.process.join()
        assert self.process.exitcode is not None
        return self.process.exitcode


def start(
    folder: Path,
    root: Path,
    *,
    name: str = NAME,
    workers: int = 1,
    retry: bool = False,
    budget: Mapping[str, int] | None = None,
    fuse: int = MOST,
    linger: float | None = None,
) -> Attempt:
    """Start `harness study` as the console script does, but without seconds of imports.

    It leads a process group of its own. Metrics wait `linger` seconds for the database.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["harness.run", "harness.report"])
    log = root.parent / f"{root.name}-{name}.log"
    options = {"workers": workers, "retry": retry, "budget": dict(budget or {}), "fuse": fuse}
    arguments = (str(folder), str(root), str(log), name, linger, options)
    process = context.Process(target=_run, args=arguments)
    process.start()
    return Attempt(process, log)


def _run(
    folder: str, root: str, log: str, name: str, linger: float | None, options: dict[str, Any]
) -> None:
    os.setpgrp()
    os.chdir(folder)
    os.environ["HARNESS_STORE"] = root
    from harness import outbox, pace
    from harness.run import run_study

    pace.CHECKPOINT_SECONDS = 0.1
    outbox.LINGER = outbox.LINGER if linger is None else linger
    with Path(log).open("a") as file:
        try:
            status = run_study(name, console=Console(file=file, width=100), **options)
        except BaseException:
            traceback.print_exc(file=file)
            raise
    os._exit(status)


def warm_up() -> None:
    """Let the process that others are forked from do its imports now."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["harness.run", "harness.report"])
    process = context.Process(target=os.getpid)
    process.start()
    process.join()
