"""Start-up: seconds of a fresh process, from its start to its end."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.empty import empty_store
from benchmarks.filled import fill
from benchmarks.measure import Spread, interleaved, spread, table
from benchmarks.stored import LIMITS, METRICS
from harness.study import load
from harness.workers import open_search

ROOT = Path(__file__).resolve().parent.parent
COMMAND = str(Path(sys.executable).with_name("harness"))
COMMANDS = {
    "harness --help": (COMMAND, "--help"),
    "harness list": (COMMAND, "list"),
    "an argument error": (COMMAND, "study", "no_such_study"),
    "harness plan depth_vs_params": (COMMAND, "plan", "depth_vs_params"),
    "harness compare (no such run)": (COMMAND, "compare", "none", "other"),
    "harness resume (no such run)": (COMMAND, "resume", "none"),
}
ONCE = {
    "harness check": (COMMAND, "check"),
    "imports of a harness's worker": (sys.executable, "-c", "import harness.workers"),
    "imports of the idiomatic script": (sys.executable, "-c", "import benchmarks.idiomatic"),
}
"""Slow, or what trials per hour leaves out; once is enough."""
TRIALS = 20
DONE = f"""from benchmarks.stored import ordinary

study = ordinary({TRIALS}, "qmc")
"""


@dataclass(frozen=True, kw_only=True)
class Started:
    """Seconds of a command, and its exit status."""

    seconds: Spread
    status: int


def startups(repeats: int, commands: Mapping[str, Sequence[str]] = COMMANDS) -> dict[str, Started]:
    """Run every command `repeats` times, interleaved, on an empty store."""
    with TemporaryDirectory() as store:
        contenders = {
            name: partial(_run, words, Path(store), ROOT) for name, words in commands.items()
        }
        results = interleaved(contenders, repeats)
    return {name: _started(runs) for name, runs in results.items()}


def nothing_to_do(repeats: int) -> Started:
    """Run a study whose trials are all there, once for its report and then `repeats` times."""
    with empty_store() as root:
        folder = root / "folder"
        (folder / "studies").mkdir(parents=True)
        (folder / "studies" / "done.py").write_text(DONE, encoding="utf-8")
        with contextlib.chdir(folder):
            search, tracker = open_search(load("done"), root, fuse=1)
        fill(search, tracker, TRIALS, limits=LIMITS, metrics=METRICS)
        runs = [_run((COMMAND, "study", "done"), root, folder, 0) for _ in range(repeats + 1)]
    return _started(runs[1:])


def _started(runs: Sequence[tuple[float, int]]) -> Started:
    return Started(seconds=spread([seconds for seconds, _ in runs]), status=runs[-1][1])


def _run(words: Sequence[str], store: Path, folder: Path, _round: int) -> tuple[float, int]:
    environment = {**os.environ, "HARNESS_STORE": str(store), "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, check=False)
    return time.perf_counter() - start, done.returncode


def start_table(measured: Mapping[str, Started]) -> str:
    """Return seconds of fresh processes."""
    head = ("fresh process", "seconds", "exit status")
    rows = [(name, run.seconds.written(), str(run.status)) for name, run in measured.items()]
    return table("Start-up", head, rows)
