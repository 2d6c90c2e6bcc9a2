"""Pace: when the next checkpoint is due."""

import time

CHECKPOINT_SECONDS = 1.0
"""A checkpoint of a small net costs 5-20 ms with fsync; once a second is enough for anybody."""
CHECKPOINT_SHARE = 0.01
"""A larger net's are rarer, so that they take no more than this share of the time: 100 ms for 1.8
million parameters (2026-11-22) means one in 10 s."""
SECONDS_PER_BYTE = 16e-9
"""What the first is expected to take for a byte of weights, of which it holds four: with them the
optimizer's two moments and the best weights (the same measurement, with some room)."""


class Pace:
    """One checkpoint in `seconds` at most (None: CHECKPOINT_SECONDS), rarer if they take long."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = CHECKPOINT_SECONDS if seconds is None else seconds
        self._saved_at = time.perf_counter()
        self._pause = self.seconds

    def expect(self, size: int) -> None:
        """Let the first one wait as long as weights of `size` bytes ask for."""
        self._pause = max(self.seconds, size * SECONDS_PER_BYTE / CHECKPOINT_SHARE)

    def is_time(self) -> bool:
        """Say whether a checkpoint is due."""
        return time.perf_counter() - self._saved_at >= self._pause

    def saved(self, began: float) -> None:
        """Note that one was written now that was begun at `began`, by time.perf_counter()."""
        self._saved_at = time.perf_counter()
        self._pause = max(self.seconds, (self._saved_at - began) / CHECKPOINT_SHARE)
