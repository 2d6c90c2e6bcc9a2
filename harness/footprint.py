"""Footprint: the most memory that a training added to what its process held before it."""

from pathlib import Path

import torch

RESET, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
FORGET_PEAK = "5"
"""What makes Linux measure the peak anew (man 5 proc)."""
NAME = "cost/added_memory_bytes"


class Footprint:
    """Begins to measure when it is made: on a GPU, else on Linux; elsewhere nothing is known."""

    def __init__(self) -> None:
        self._before = _begin()

    def costs(self) -> dict[str, float]:
        """Return the peak in bytes since then, less what was held then, under its metric's name."""
        if self._before is None:
            return {}
        cuda = torch.cuda.is_available()
        peak = torch.cuda.max_memory_allocated() if cuda else _bytes("VmHWM")
        return {NAME: float(max(0, peak - self._before))}


def _begin() -> int | None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    try:
        RESET.write_text(FORGET_PEAK, encoding="ascii")
    except OSError:
        return None
    return _bytes("VmRSS")


def _bytes(field: str) -> int:
    lines = STATUS.read_text(encoding="utf-8").splitlines()
    (line,) = [each for each in lines if each.startswith(f"{field}:")]
    return 1024 * int(line.split()[1])
