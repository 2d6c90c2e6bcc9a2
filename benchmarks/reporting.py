"""Reporting: seconds to write a study's report from so many stored trials."""

from dataclasses import dataclass

from benchmarks.empty import empty_store
from benchmarks.filled import fill
from benchmarks.measure import now, table
from benchmarks.stored import LIMITS, designed
from harness.run import write_report
from harness.workers import open_search

METRICS = {
    **dict.fromkeys(("val/loss", "val/accuracy", "train/loss"), 0.5),
    **dict.fromkeys(("params/total", "params/trainable", "params/by_type/Linear"), 1_000.0),
    **dict.fromkeys(("cost/wall_seconds", "cost/cpu_seconds", "cost/peak_memory_bytes"), 1.0),
}


@dataclass(frozen=True, kw_only=True)
class Written:
    """Seconds of a report, and its size."""

    trials: int
    seconds: float
    megabytes: float


def report(trials: int) -> Written:
    """Write the report of a designed study whose search has so many finished trials."""
    with empty_store() as root:
        study = designed(trials)
        search, tracker = open_search(study, root)
        fill(search, tracker, trials, limits=LIMITS, metrics=METRICS)
        start = now()
        path, _ = write_report(search, tracker, "finished")
        spent = now() - start
        return Written(trials=trials, seconds=spent.wall, megabytes=path.stat().st_size / 1_000_000)


def report_table(measured: Written) -> str:
    """Return it as a table of one row."""
    row = (f"{measured.trials:,}", f"{measured.seconds:.1f}", f"{measured.megabytes:.1f}")
    return table("The report of a study", ("trials", "seconds", "MB"), [row])
