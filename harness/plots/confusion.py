"""Confusion matrix of one run: how often each class was taken for which, as SVG for MLflow."""

from collections.abc import Sequence

import numpy
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from harness.plots.learning_curves import SETTINGS, svg
from harness.settings import UserError

Array = NDArray[numpy.float64]
COUNTED = 12
"""With more classes than this the counts no longer fit in their squares: colour alone."""
WRITTEN = 40
"""So many of the largest counts are written: each costs half a millisecond."""


def confusion(matrix: NDArray[numpy.number], labels: Sequence[object]) -> bytes:
    """Return an SVG of a square matrix of counts, rows true and columns predicted.

    The colour is the share of the true class; the largest counts are written into their squares.
    Raises UserError unless there are as many labels as rows and columns.
    """
    counts = numpy.asarray(matrix, dtype=float)
    size = len(labels)
    if size == 0 or counts.shape != (size, size):
        do = "give one label for each class"
        raise UserError("confusion matrix", got=counts.shape, allowed=(size, size), do=do)
    shares = counts / numpy.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(4.2, 3.9))
    with rc_context(SETTINGS):
        axes = figure.add_axes((0.17, 0.15, 0.81, 0.83))
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        _name(axes, [str(label).replace("$", r"\$") for label in labels])
        if size <= COUNTED:
            _write(axes, counts, shares)
        return svg(figure)


def _name(axes: Axes, names: list[str]) -> None:
    ticks = range(0, len(names), -(-len(names) // 10))
    chosen = [names[tick] for tick in ticks]
    axes.set_xticks(ticks, chosen, rotation=90 if max(map(len, chosen)) > 3 else 0)
    axes.set_yticks(ticks, chosen)
    axes.set(xlabel="predicted", ylabel="true")


def _write(axes: Axes, counts: Array, shares: Array) -> None:
    largest = numpy.argsort(counts, axis=None)[::-1][:WRITTEN]
    for row, column in zip(*numpy.unravel_index(largest, counts.shape), strict=True):
        tone = "white" if shares[row, column] > 0.5 else "black"
        if count := counts[row, column]:
            axes.text(column, row, f"{count:g}", ha="center", va="center", color=tone, fontsize=8)
