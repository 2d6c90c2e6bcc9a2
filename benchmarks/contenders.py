"""Contenders: one round each of the idiomatic script, the harness and the bare loop.

Each round starts from a fresh directory with an empty, migrated MLflow database. The clock runs
over the trials alone; imports and opening the databases are before it, and reading back what was
reached is free. The harness does a designed study, or as many trials that halving prunes; the
others do the first point of each of its cells.
"""

import contextlib
import logging
import pickle
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import torch
from mlflow import MlflowClient
from optuna.trial import FrozenTrial, TrialState

from benchmarks.bare import train_bare
from benchmarks.cases import SMALL, WARM, Case, Size
from benchmarks.empty import empty_store
from benchmarks.idiomatic import EXPERIMENT, Script
from benchmarks.measure import Clock, now
from harness.data.batches import Splits
from harness.forks import context, default_workers
from harness.fresh import network_of
from harness.kinds import MOST
from harness.recipe import Recipe
from harness.study import load
from harness.tried import slot_of
from harness.workers import Stop, open_search, work, work_in_processes

ROOT = Path(__file__).resolve().parent.parent
STUDY = """\
import pickle
from pathlib import Path

case, size, halving = pickle.loads(Path(__file__).with_suffix(".pickle").read_bytes())
study = (case.halving if halving else case.study)(size, Path(__file__))
"""


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round: the time of all its trials, and the best losses of each cell's first point, or
    that of the best trial where others were pruned.

    `elsewhere` says that other processes trained, whose CPU time is not in it.
    """

    trials: int
    time: Clock
    losses: list[float]
    elsewhere: bool = False

    @property
    def trials_per_hour(self) -> float:
        """Trials an hour at this round's speed."""
        return 3600 * self.trials / self.time.wall

    @property
    def cpu(self) -> float:
        """CPU seconds a trial."""
        return self.time.cpu / self.trials


Contender = Callable[[Path, Case, Size], Round]


def idiomatic(directory: Path, case: Case, size: Size, *, threads: int) -> Round:
    """Run the script, its output into a file; one point is enough to warm it up."""
    torch.set_num_threads(threads)
    points = case.first_points()[: 1 if size == WARM else None]
    with _quiet(directory / "output.txt"):
        script = Script(directory, case)
        start = now()
        script.run(points)
        time = now() - start
    finished = script.study.get_trials(states=(TrialState.COMPLETE,))
    client = MlflowClient(tracking_uri=script.tracking_uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    runs = [run.info.run_id for run in client.search_runs([experiment.experiment_id])]
    assert len(finished) == len(runs) == len(points), "every trial finished and has a run"
    return Round(trials=len(points), time=time, losses=best(client, runs, "val_loss"))


def harness(
    directory: Path,
    case: Case,
    size: Size,
    *,
    fuse: int = MOST,
    workers: int | None = None,
    halving: bool = False,
) -> Round:
    """Run a designed study as `make study` does; None: with the workers it has by itself."""
    _write_study(directory, case, size, halving=halving)
    with contextlib.chdir(directory):
        study = load("benchmark")
        search, tracker = open_search(study, directory, fuse)
        workers = workers or default_workers(search)
        if workers > 1:
            _imported()
        start = now()
        if workers == 1:
            work(search, tracker, Stop(), lambda: None)
        else:
            work_in_processes(search, tracker, {}, workers, Stop(), lambda: None)
        time = now() - start
    trials = search.trials()
    assert len(trials) == search.total(), "both phases are done"
    ended = (TrialState.COMPLETE, TrialState.PRUNED) if halving else (TrialState.COMPLETE,)
    assert {trial.state for trial in trials} <= set(ended)
    chosen = [search.optuna.best_trial] if halving else filter(_is_first, trials)
    runs = [str(trial.user_attrs["result"]["run_id"]) for trial in chosen]
    losses = best(tracker.client, runs, "val/loss")
    return Round(trials=len(trials), time=time, losses=losses, elsewhere=workers > 1)


@cache
def _imported() -> None:
    """Wait until the process that workers are forked from has done its imports."""
    with contextlib.chdir(ROOT):  # it stays there
        process = context().Process(target=int)
        process.start()
    process.join()


def _write_study(directory: Path, case: Case, size: Size, *, halving: bool = False) -> None:
    path = directory / "studies" / "benchmark.py"
    path.parent.mkdir()
    path.write_text(STUDY, encoding="utf-8")
    path.with_suffix(".pickle").write_bytes(pickle.dumps((case, size, halving)))


def _is_first(trial: FrozenTrial) -> bool:
    slot = slot_of(trial.user_attrs)
    return slot.role == "search" and slot.point == 0


def bare(_directory: Path, case: Case, _size: Size) -> Round:
    """Train the same recipes with the bare loop, which keeps nothing."""
    torch.set_num_threads(1)
    parts, points = case.splits(), case.first_points()
    start = now()
    losses = [_trained(case.recipe(point), parts) for point in points]
    return Round(trials=len(points), time=now() - start, losses=losses)


HALVING = "harness, pruned by halving"
CONTENDERS: dict[str, Contender] = {
    "script, torch's own threads": partial(idiomatic, threads=torch.get_num_threads()),
    "script, 1 thread": partial(idiomatic, threads=1),
    "harness, FUSE=off WORKERS=1": partial(harness, fuse=1, workers=1),
    "harness, WORKERS=1": partial(harness, workers=1),
    "harness as it comes": harness,
    HALVING: partial(harness, halving=True),
    "bare loop, 1 thread": bare,
}
"""A default PyTorch has a thread a core; a worker of the harness has one."""
SCRIPTS = [name for name in CONTENDERS if name.startswith("script")]
LONG = 8
"""Epochs from which a case is also done with halving, whose rungs are after 2, 5 and 17."""
SLOW = {"harness, FUSE=off WORKERS=1"}
"""Contenders that do the smallest study, as their speed does not depend on its size."""


def contenders_of(case: Case) -> list[str]:
    """Return who does a case; halving needs epochs enough to prune in."""
    return [name for name in CONTENDERS if name != HALVING or case.epochs >= LONG]


def one_round(name: str, case: Case, number: int) -> Round:
    """Run a contender's round in an empty store; round 0 is a warm-up of the smallest size."""
    size = WARM if number == 0 else SMALL if name in SLOW else case.whole
    with empty_store() as directory:
        return CONTENDERS[name](directory, case, size)


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
