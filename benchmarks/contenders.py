"""Contenders: one round each of the idiomatic script, the harness and the bare loop.

Each round starts from a fresh directory with an empty, migrated MLflow database. The clock runs
over the trials alone; opening the databases is `setup`, and reading back what was reached is free.
"""

import contextlib
import logging
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from mlflow import MlflowClient
from optuna.trial import BaseTrial, TrialState

from benchmarks.bare import train_bare
from benchmarks.idiomatic import EXPERIMENT, Script
from benchmarks.measure import Clock, now
from benchmarks.recipes import BATCH, SEED, WEIGHT_DECAY, Point, splits
from harness.data.batches import Splits
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
    """One round: the time of all trials, the time before the first, each trial's best accuracy."""

    time: Clock
    setup: Clock
    accuracies: list[float]

    @property
    def trials_per_hour(self) -> float:
        """Trials an hour at this round's speed."""
        return 3600 * len(self.accuracies) / self.time.wall

    @property
    def cpu(self) -> float:
        """CPU seconds a trial."""
        return self.time.cpu / len(self.accuracies)


Contender = Callable[[Path, Sequence[Point], int], Round]


def idiomatic(directory: Path, points: Sequence[Point], epochs: int) -> Round:
    """Run the script, its output into a file."""
    began = now()
    with _quiet(directory / "output.txt"):
        script = Script(directory, splits(), epochs)
        start = now()
        script.run(points)
        end = now()
    finished = script.study.get_trials(states=(TrialState.COMPLETE,))
    client = MlflowClient(tracking_uri=script.tracking_uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    runs = [run.info.run_id for run in client.search_runs([experiment.experiment_id])]
    assert len(finished) == len(runs) == len(points), "every trial finished and has a run"
    accuracies = best(client, runs, "val_acc")
    return Round(time=end - start, setup=start - began, accuracies=accuracies)


def harness(directory: Path, points: Sequence[Point], epochs: int) -> Round:
    """Run an ordinary study the way `make study` does, with one worker."""
    began = now()
    search, tracker = open_search(study(len(points), epochs), directory)
    for point in points:
        search.optuna.enqueue_trial(point.values())
    start = now()
    work(search, tracker, Stop(), lambda: None)
    end = now()
    finished = [trial for trial in search.trials() if trial.state == TrialState.COMPLETE]
    assert len(finished) == len(points), "every trial finished"
    runs = [str(trial.user_attrs["result"]["run_id"]) for trial in finished]
    accuracies = best(tracker.client, runs, "val/accuracy")
    return Round(time=end - start, setup=start - began, accuracies=accuracies)


def bare(directory: Path, points: Sequence[Point], epochs: int) -> Round:
    """Train the same recipes with the bare loop, which keeps nothing."""
    del directory
    began = now()
    parts = splits()
    start = now()
    accuracies = [_trained(point, parts, epochs) for point in points]
    return Round(time=now() - start, setup=start - began, accuracies=accuracies)


CONTENDERS: dict[str, Contender] = {"idiomatic": idiomatic, "harness": harness, "bare": bare}


def one_round(
    contender: Contender, template: Path, points: Sequence[Point], epochs: int, _number: int = 0
) -> Round:
    """Run a round in a temporary directory with a copy of the template's MLflow database."""
    torch.set_num_threads(THREADS)
    with TemporaryDirectory() as name:
        shutil.copy(template / DATABASE, name)
        return contender(Path(name), points, epochs)


def migrated(directory: Path) -> float:
    """Make an empty MLflow database in `directory`; return the seconds of its migrations."""
    start = time.perf_counter()
    with _quiet(directory / "output.txt"):
        MlflowClient(tracking_uri=f"sqlite:///{directory / DATABASE}").search_experiments()
    return time.perf_counter() - start


def study(trials: int, epochs: int) -> Study:
    """Return the study that the harness runs."""
    return Study(
        question="How many trials an hour?",
        space=space,
        metrics=("val/accuracy",),
        trials=trials,
        epochs=epochs,
        seed=SEED,
        name="trials_per_hour",
        source=Path(__file__),
    )


def space(trial: BaseTrial) -> Recipe:
    """Return the recipe of a trial's point."""
    return Point.suggested(trial).recipe()


def best(client: MlflowClient, runs: Sequence[str], metric: str) -> list[float]:
    """Return the largest value that each run logged for a metric."""
    return [max(point.value for point in client.get_metric_history(run, metric)) for run in runs]


def _trained(point: Point, parts: Splits, epochs: int) -> float:
    trained = train_bare(
        network_of(point.recipe()),
        parts,
        lr=point.lr,
        weight_decay=WEIGHT_DECAY,
        epochs=epochs,
        batch=BATCH,
    )
    return max(trained.accuracies)


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
