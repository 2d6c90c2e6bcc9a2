"""Contenders: one round each of the idiomatic script, the harness and the bare loop.

Each round starts from a fresh directory with an empty, migrated MLflow database. The clock runs
over the trials alone; opening the databases is `setup`, and reading back what was reached is free.
"""

import atexit
import contextlib
import logging
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import torch
from mlflow import MlflowClient
from optuna.trial import BaseTrial, TrialState

from benchmarks.bare import train_bare
from benchmarks.cases import SEED, Case, Point, points
from benchmarks.idiomatic import EXPERIMENT, Script
from benchmarks.measure import Clock, now
from harness.data.batches import Splits
from harness.design import Slot
from harness.kinds import MOST
from harness.recipe import Recipe
from harness.study import Study
from harness.training import network_of
from harness.workers import Stop, open_search, work

DATABASE = "mlflow.db"
THREADS = 1
"""For all three. With torch's own two threads on a shared 2-core machine the idiomatic script took
18-25 s a trial instead of 3.5 s: threads that wait for each other. That would be no fair fight."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round: the time of all trials, the time before the first, each trial's best loss."""

    time: Clock
    setup: Clock
    losses: list[float]

    @property
    def trials_per_hour(self) -> float:
        """Trials an hour at this round's speed."""
        return 3600 * len(self.losses) / self.time.wall

    @property
    def cpu(self) -> float:
        """CPU seconds a trial."""
        return self.time.cpu / len(self.losses)


Contender = Callable[[Path, Sequence[Point], Case], Round]


def idiomatic(directory: Path, points: Sequence[Point], case: Case) -> Round:
    """Run the script, its output into a file."""
    began = now()
    with _quiet(directory / "output.txt"):
        script = Script(directory, case)
        start = now()
        script.run(points)
        end = now()
    finished = script.study.get_trials(states=(TrialState.COMPLETE,))
    client = MlflowClient(tracking_uri=script.tracking_uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    runs = [run.info.run_id for run in client.search_runs([experiment.experiment_id])]
    assert len(finished) == len(runs) == len(points), "every trial finished and has a run"
    return Round(time=end - start, setup=start - began, losses=best(client, runs, "val_loss"))


def harness(directory: Path, points: Sequence[Point], case: Case) -> Round:
    """Run an ordinary study the way `make study FUSE=off` does, with one worker."""
    return _study_round(directory, points, case, 1)


def fused(directory: Path, points: Sequence[Point], case: Case) -> Round:
    """Run the same the way `make study` does: trials of one shape train as one."""
    return _study_round(directory, points, case, MOST)


def _study_round(directory: Path, points: Sequence[Point], case: Case, fuse: int) -> Round:
    began = now()
    search, tracker = open_search(study(len(points), case), directory, fuse)
    for number, point in enumerate(points):
        slot = Slot(role="trial", cell={}, point=number, seed=SEED, epochs=None)
        search.optuna.enqueue_trial(point.values(), slot.attributes())
    start = now()
    work(search, tracker, Stop(), lambda: None)
    end = now()
    finished = [trial for trial in search.trials() if trial.state == TrialState.COMPLETE]
    assert len(finished) == len(points), "every trial finished"
    runs = [str(trial.user_attrs["result"]["run_id"]) for trial in finished]
    losses = best(tracker.client, runs, "val/loss")
    return Round(time=end - start, setup=start - began, losses=losses)


def bare(directory: Path, points: Sequence[Point], case: Case) -> Round:
    """Train the same recipes with the bare loop, which keeps nothing."""
    del directory
    began = now()
    parts = case.splits()
    start = now()
    losses = [_trained(case.recipe(point), parts) for point in points]
    return Round(time=now() - start, setup=start - began, losses=losses)


CONTENDERS: dict[str, Contender] = {
    "idiomatic": idiomatic,
    "harness": harness,
    "fused": fused,
    "bare": bare,
}


def one_round(name: str, case: Case, _number: int = 0) -> Round:
    """Run a contender's round in an empty store in a temporary directory."""
    torch.set_num_threads(THREADS)
    chosen = points(case.trials.get(name, case.least))
    with empty_store() as directory:
        return CONTENDERS[name](directory, chosen, case)


@contextlib.contextmanager
def empty_store() -> Iterator[Path]:
    """Yield a temporary directory with an empty MLflow database."""
    with TemporaryDirectory() as name:
        shutil.copy(_migrated() / DATABASE, name)
        yield Path(name)


@cache
def _migrated() -> Path:
    """Make an empty MLflow database, once a process: its migrations take 8 s."""
    directory = Path(mkdtemp())
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    with _quiet(directory / "output.txt"):
        MlflowClient(tracking_uri=f"sqlite:///{directory / DATABASE}").search_experiments()
    return directory


def study(trials: int, case: Case) -> Study:
    """Return the study that the harness runs."""

    def space(trial: BaseTrial) -> Recipe:
        return case.recipe(Point.suggested(trial))

    return Study(
        question="How many trials an hour?",
        space=space,
        trials=trials,
        seed=SEED,
        name="trials_per_hour",
        source=Path(__file__),
    )


def best(client: MlflowClient, runs: Sequence[str], metric: str) -> list[float]:
    """Return the smallest value that each run logged for a metric."""
    return [min(point.value for point in client.get_metric_history(run, metric)) for run in runs]


def _trained(recipe: Recipe, parts: Splits) -> float:
    assert recipe.batch_size is not None
    trained = train_bare(
        network_of(recipe),
        parts,
        lr=recipe.lr,
        weight_decay=recipe.weight_decay,
        epochs=recipe.epochs,
        batch=recipe.batch_size,
    )
    return min(trained.losses)


@contextlib.contextmanager
def _quiet(path: Path) -> Iterator[None]:
    """Send output to a file and ignore warnings: the libraries' advice is about speed."""
    with (
        path.open("w", encoding="utf-8") as file,
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
