"""Memory: the peak of a process that trains K small MLPs as one, each K in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cases import CASES
from benchmarks.measure import table
from harness.course import Watch
from harness.fused.train import train_group
from harness.keeper import Hooks

ROOT = Path(__file__).resolve().parent.parent


def peaks(counts: Sequence[int]) -> dict[int, tuple[float, float]]:
    """Return for each K the bytes at the peak, and those of them before the training began."""
    return {count: _in_a_process(count) for count in counts}


def memory_table(measured: dict[int, tuple[float, float]]) -> str:
    """Return the peaks in megabytes, as a whole and for each model."""
    rows = [
        (str(count), f"{peak / 1e6:.0f}", f"{(peak - before) / count / 1e6:.2f}")
        for count, (peak, before) in measured.items()
    ]
    head = ("models trained as one", "peak MB", "MB a model")
    return table("Peak memory, MLPs of one hidden layer of 32 on Digits", head, rows)


def _in_a_process(count: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.memory", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    peak, before = json.loads(done.stdout.splitlines()[-1])
    return peak, before


def _train(count: int) -> tuple[float, float]:
    case = CASES["mlp"]
    recipe = replace(case.recipe(case.first_points()[0]), epochs=1)
    recipes = [replace(recipe, seed=seed) for seed in range(count)]
    recipe.data.check()
    before = _status("VmRSS")
    with TemporaryDirectory() as directory:
        train_group(
            recipes,
            directory=Path(directory),
            watch=Watch(),
            hooks=[Hooks() for _ in recipes],
            stop=lambda: False,
        )
    return _status("VmHWM"), before


def _status(name: str) -> float:
    """Return bytes from Linux's account of this process; getrusage's peak is its parent's too."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (found,) = [line for line in lines if line.startswith(f"{name}:")]
    return 1024.0 * int(found.split()[1])


if __name__ == "__main__":
    print(json.dumps(_train(int(sys.argv[1]))))
