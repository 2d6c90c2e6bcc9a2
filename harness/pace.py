"""Pace: when the next checkpoint is due."""

import time

CHECKPOINT_SECONDS = 1.0
"""A checkpoint of a small net costs 5-20 ms with fsync; once a second is enough for anybody."""
CHECKPOINT_SHARE = 0.02
"""A larger net's are rarer, so that they take no more than this share of the time: 100 ms for 1.8
million parameters (2026-11-22) means one in 5 s."""


class Pace:
    """One checkpoint in `seconds` at most (None: CHECKPOINT_SECONDS), rarer if they take long."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = CHECKPOINT_SECONDS if seconds is None else seconds
        self._saved_at = time.perf_counter()
        self._pause = self.seconds

    def is_time(self) -> bool:
        """Say whether a checkpoint is due."""
        return time.perf_counter() - self._saved_at >= self._pause

    def saved(self, began: float) -> None:
        """Note that one was written now that was begun at `began`, by time.perf_counter()."""
        self._saved_at = time.perf_counter()
        self._pause = max(self.seconds, (self._saved_at - began) / CHECKPOINT_SHARE)
