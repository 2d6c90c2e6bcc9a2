"""Where a result comes from: the code's commit, whether it was clean, the pinned environment."""

import platform
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import distributions
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Code:
    """The state of the repository that a study lies in; empty strings where it lies in none."""

    commit: str
    dirty: bool
    diff: str


@lru_cache
def code(directory: Path) -> Code:
    """Return the commit checked out in `directory` and what differs from it (tracked files)."""
    commit = _git(directory, "rev-parse", "HEAD")
    diff = _git(directory, "diff", "HEAD") if commit else ""
    untracked = _git(directory, "status", "--porcelain") if commit else ""
    return Code(commit=commit, dirty=bool(diff or untracked), diff=diff)


@lru_cache
def environment() -> str:
    """Return every installed distribution as `name==version` lines, as pip would pin them."""
    found = {(d.metadata["Name"] or "").lower(): d.version for d in distributions()}
    return "".join(f"{name}=={version}\n" for name, version in sorted(found.items()) if name)


@lru_cache
def versions() -> dict[str, str]:
    """Return the versions that decide a result's bits."""
    wanted = ("torch", "pytorch-lightning", "optuna", "mlflow", "torchmetrics", "harness")
    pinned = dict(line.split("==", 1) for line in environment().splitlines())
    return {
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        **{name: pinned.get(name, "?") for name in wanted},
    }


def _git(directory: Path, *arguments: str) -> str:
    command = ["git", "-C", str(directory), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.rstrip("\n")
