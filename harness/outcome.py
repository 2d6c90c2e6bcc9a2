"""Outcome: what a training came to, and what it took."""

import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from harness.keeper import History


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a training came to.

    `best` holds the metrics of the epoch whose weights were kept, `test` those weights' metrics on
    the test set (empty if it was not touched), `output` and `target` their validation outputs.
    """

    status: str
    reason: str
    history: History
    best_epoch: int
    best: Mapping[str, float]
    test: Mapping[str, float]
    weights: Mapping[str, Tensor]
    costs: Mapping[str, float]
    micro_batches: int
    output: Tensor | None = field(default=None, repr=False)
    target: Tensor | None = field(default=None, repr=False)


def peak_memory() -> float:
    """Return the peak of memory in bytes: the GPU's allocator, else this process's resident set."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether memory ran out; on a CPU torch raises a plain RuntimeError."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and "can't allocate memory" in text
