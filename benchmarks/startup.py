"""Start-up: seconds of a fresh process, from its start to its end."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Spread, interleaved, spread, table

ROOT = Path(__file__).resolve().parent.parent
COMMAND = str(Path(sys.executable).with_name("harness"))
COMMANDS = {
    "harness --help": (COMMAND, "--help"),
    "harness list": (COMMAND, "list"),
    "an argument error": (COMMAND, "study", "no_such_study"),
    "harness plan depth_vs_params": (COMMAND, "plan", "depth_vs_params"),
    "harness check": (COMMAND, "check"),
    "harness compare (no such run)": (COMMAND, "compare", "none", "other"),
    "harness resume (no such run)": (COMMAND, "resume", "none"),
}
IMPORTS = {
    "imports of a harness's worker": (sys.executable, "-c", "import harness.workers"),
    "imports of the idiomatic script": (sys.executable, "-c", "import benchmarks.idiomatic"),
}
"""What trials per hour leaves out; once is enough."""


@dataclass(frozen=True, kw_only=True)
class Started:
    """Seconds of a command, and its exit status."""

    seconds: Spread
    status: int


def startups(repeats: int, commands: Mapping[str, Sequence[str]] = COMMANDS) -> dict[str, Started]:
    """Run every command `repeats` times, interleaved, on an empty store."""
    with TemporaryDirectory() as store:
        contenders: dict[str, Callable[[int], tuple[float, int]]] = {
            name: partial(_run, words, Path(store)) for name, words in commands.items()
        }
        results = interleaved(contenders, repeats)
    return {
        name: Started(seconds=spread([seconds for seconds, _ in runs]), status=runs[-1][1])
        for name, runs in results.items()
    }


def _run(words: Sequence[str], store: Path, _round: int) -> tuple[float, int]:
    environment = {**os.environ, "HARNESS_STORE": str(store), "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, check=False)
    return time.perf_counter() - start, done.returncode


def start_table(measured: Mapping[str, Started]) -> str:
    """Return seconds of fresh processes."""
    head = ("fresh process", "seconds", "exit status")
    rows = [(name, run.seconds.written(), str(run.status)) for name, run in measured.items()]
    return table("Start-up", head, rows)
