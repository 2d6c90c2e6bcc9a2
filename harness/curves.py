"""Curves: a metric's points over the epochs of several runs, however they are kept."""

from collections.abc import Callable, Iterable, Sequence

import pandas

COLUMNS = ("run_id", "metric", "epoch", "value")
Histories = Callable[[Sequence[str], Sequence[str]], pandas.DataFrame]
"""Given ids of runs and names of metrics, a row for each point, with `COLUMNS`.

A name that ends with "/" stands for all that begin with it."""


def no_histories(_runs: Sequence[str], _metrics: Sequence[str]) -> pandas.DataFrame:
    """Return no point: nobody has kept the curves."""
    return frame_of([])


def frame_of(points: Iterable[tuple[str, str, int, float]]) -> pandas.DataFrame:
    """Return points (run, metric, epoch, value) as a frame with `COLUMNS`."""
    return pandas.DataFrame(points, columns=list(COLUMNS))
