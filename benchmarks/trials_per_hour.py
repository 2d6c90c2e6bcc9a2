"""Trials per hour beside the idiomatic script, overhead of a step, seconds of start-up.

Command:  make bench, or .venv/bin/python benchmarks/trials_per_hour.py --json numbers.json
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.contenders import CONTENDERS, THREADS, Round, migrated, one_round
from benchmarks.measure import Spread, interleaved, machine, ratios, spread, table
from benchmarks.recipes import EPOCHS, points
from benchmarks.startup import IMPORTS, Started, startups
from benchmarks.steps import Overhead, overheads

WARM_UP = 2
BASELINE = "idiomatic"


@dataclass(frozen=True, kw_only=True)
class Speed:
    """One contender: trials an hour, CPU seconds a trial, both over the idiomatic script's.

    A ratio is taken within a round. `accuracy` is the median of the trials' best on validation.
    """

    trials_per_hour: Spread
    ratio: Spread
    cpu: Spread
    cpu_ratio: Spread
    accuracy: float
    setup: float


@dataclass(frozen=True, kw_only=True)
class Speeds:
    """All contenders, what they were measured on, and the seconds of MLflow's migrations."""

    trials: int
    epochs: int
    contenders: dict[str, Speed]
    migration: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that was measured."""

    machine: dict[str, str]
    speeds: Speeds
    overheads: dict[str, Overhead]
    startups: dict[str, Started]

    def __str__(self) -> str:
        about = "\n".join(f"{name:18} {value}" for name, value in self.machine.items())
        tables = (speed_table(self.speeds), step_table(self.overheads), start_table(self.startups))
        return "\n".join([about, "", *tables])


def speeds(trials: int, rounds: int, epochs: int = EPOCHS) -> Speeds:
    """Time all contenders in interleaved rounds, after a warm-up that does not count."""
    with TemporaryDirectory() as name:
        template = Path(name)
        migration = migrated(template)

        def timed(trials: int, epochs: int, rounds: int) -> dict[str, list[Round]]:
            chosen = points(trials)
            calls = {n: partial(one_round, c, template, chosen, epochs) for n, c in contenders}
            return interleaved(calls, rounds)

        contenders = CONTENDERS.items()
        timed(WARM_UP, 1, 1)
        results = timed(trials, epochs, rounds)
    speeds = {name: _speed(results[name], results[BASELINE]) for name in CONTENDERS}
    return Speeds(trials=trials, epochs=epochs, contenders=speeds, migration=migration)


def _speed(rounds: list[Round], base: list[Round]) -> Speed:
    rates = [result.trials_per_hour for result in rounds]
    cpu = [result.cpu for result in rounds]
    return Speed(
        trials_per_hour=spread(rates),
        ratio=ratios(rates, [result.trials_per_hour for result in base]),
        cpu=spread(cpu),
        cpu_ratio=ratios([result.cpu for result in base], cpu),
        accuracy=statistics.median(a for result in rounds for a in result.accuracies),
        setup=statistics.median(result.setup.wall for result in rounds),
    )


def speed_table(measured: Speeds) -> str:
    """Return trials per hour, and how many times the idiomatic script's that is."""
    head = ("", "trials/hour", "times", "CPU ms", "times", "val acc")
    rows = [
        (
            name,
            speed.trials_per_hour.written(",.0f"),
            speed.ratio.written(".1f"),
            f"{1000 * speed.cpu.median:,.0f}",
            f"{speed.cpu_ratio.median:.1f}",
            f"{speed.accuracy:.4f}",
        )
        for name, speed in measured.contenders.items()
    ]
    what = f"{measured.trials} MLPs on Digits, {measured.epochs} epochs, threads: {THREADS}"
    setup = ", ".join(f"{name} {speed.setup:.2f}" for name, speed in measured.contenders.items())
    note = f"apart, in s: migrations {measured.migration:.1f}; set-up: {setup}\n"
    title = f"Trials per hour and CPU ms a trial: {what}"
    return table(title, head, rows) + note


def step_table(measured: Mapping[str, Overhead]) -> str:
    """Return milliseconds per optimizer step of both loops, and what a training costs besides."""
    head = ("MLP", "parameters", "bare ms", "harness ms", "ratio", "of CPU", "fixed ms")
    rows = [
        (
            name,
            f"{overhead.parameters:,}",
            f"{overhead.bare.median:.2f}",
            f"{overhead.harness.median:.2f}",
            overhead.ratio.written(),
            f"{overhead.cpu_ratio.median:.2f}",
            f"{overhead.fixed.median:.0f}",
        )
        for name, overhead in measured.items()
    ]
    return table("One optimizer step with its share of evaluation and checkpoints", head, rows)


def start_table(measured: Mapping[str, Started]) -> str:
    """Return seconds of fresh processes."""
    head = ("fresh process", "seconds", "exit status")
    rows = [(name, run.seconds.written(), str(run.status)) for name, run in measured.items()]
    return table("Start-up, median (min-max)", head, rows)


def main() -> None:
    """Measure, print the tables, and write the numbers if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--trials", type=int, default=6, help="trials in a round (6)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="rounds; starts as many, steps one more (3)"
    )
    parser.add_argument("--json", type=Path, help="file for the same numbers")
    arguments = parser.parse_args()
    began = time.perf_counter()
    report = Report(
        machine=machine(),
        speeds=speeds(arguments.trials, arguments.rounds),
        overheads=overheads(arguments.rounds + 1),
        startups=startups(arguments.rounds) | startups(1, IMPORTS),
    )
    print(report)
    print(f"the benchmark took {time.perf_counter() - began:.0f} s")
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
