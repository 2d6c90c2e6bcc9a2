"""Measure: contenders timed side by side in rounds, their spread, and the machine they ran on."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

LIBRARIES = ("torch", "pytorch-lightning", "optuna", "mlflow", "torchmetrics")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A moment, or the time between two: seconds on the wall, and of this process's CPU."""

    wall: float
    cpu: float

    def __sub__(self, other: "Clock") -> "Clock":
        return Clock(wall=self.wall - other.wall, cpu=self.cpu - other.cpu)


def now() -> Clock:
    """Return this moment. CPU time is what a busy machine changes least; it sees no waiting."""
    return Clock(wall=time.perf_counter(), cpu=time.process_time())


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The median of repeated measurements, and their smallest and largest."""

    median: float
    low: float
    high: float

    def written(self, pattern: str = ".2f") -> str:
        """Return "median (low-high)"."""
        return f"{self.median:{pattern}} ({self.low:{pattern}}-{self.high:{pattern}})"


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of at least one measurement."""
    return Spread(median=statistics.median(values), low=min(values), high=max(values))


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> Spread:
    """Return the spread of the ratios within each round, where both saw the same machine."""
    return spread([a / b for a, b in zip(numerators, denominators, strict=True)])


def interleaved(
    contenders: Mapping[str, Callable[[int], Result]],
    rounds: int,
    said: Callable[[Result], str] = lambda _: "",
) -> dict[str, list[Result]]:
    """Call every contender once a round with the round's number; each round starts one later.

    A noisy neighbour then slows all of them alike, and none always comes first. Each is printed as
    it ends, with its seconds and what is `said` of its result.
    """
    results: dict[str, list[Result]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            began = time.perf_counter()
            results[name].append(contenders[name](number))
            words = [f"{time.perf_counter() - began:6.1f} s", said(results[name][-1])]
            print(f"  round {number}  {name:32}", *words, flush=True)
    return results


def machine() -> dict[str, str]:
    """Return the processor, the load before the benchmark, the versions and the date."""
    names = [line for line in _cpu_information() if line.startswith("model name")]
    model = names[0].partition(":")[2].strip() if names else platform.processor()
    return {
        "cores": str(os.cpu_count()),
        "processor": model or platform.machine(),
        "load": f"{os.getloadavg()[0]:.2f} in the minute before",
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _cpu_information() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows of text under a title, the first column to the left, the others to the right."""
    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    lines = ["  ".join(_cells(row, widths)).rstrip() for row in (head, *rows)]
    return "\n".join([title, "", lines[0], "-" * len(lines[0]), *lines[1:], ""])


def _cells(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *others = zip(row, widths, strict=True)
    return [first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]
