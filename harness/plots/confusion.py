"""Confusion matrix of one run: how often each class was taken for which, as SVG for MLflow."""

from collections.abc import Iterator, Sequence

import numpy
from numpy.typing import NDArray

from harness.plots import svg
from harness.plots.style import COLORS
from harness.settings import UserError

Array = NDArray[numpy.float64]
COUNTED = 12
"""With more classes than this neither counts nor all the labels fit: colour, and ten labels."""
SIDE, TOP, RIGHT = 312, 12, 14
SHADES = 20
SQUARE = "M%d %dh%dv1h-%dz"
"""A path from the upper left corner (column, row) around a row of so many squares."""
LONGEST = 20
"""Letters of a label: what is longer ends in …"""


def confusion(matrix: NDArray[numpy.number], labels: Sequence[object]) -> bytes:
    """Return an SVG of a square matrix of counts, rows true and columns predicted.

    The colour is the share of the true class; up to 12 classes the counts are written.
    Raises UserError unless there are as many labels as rows and columns.
    """
    counts = numpy.asarray(matrix, dtype=float)
    size = len(labels)
    if size == 0 or counts.shape != (size, size):
        do = "give one label for each class"
        raise UserError("confusion matrix", got=counts.shape, allowed=(size, size), do=do)
    shares = counts / numpy.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares = numpy.nan_to_num(shares).clip(0, 1)
    names = [_short(str(label)) for label in labels]
    step = 1 if size <= COUNTED else -(-size // 10)
    return _drawn(counts, shares, dict(list(enumerate(names))[::step]))


def _short(label: str) -> str:
    return label if len(label) <= LONGEST else label[: LONGEST - 1] + "…"


def _drawn(counts: Array, shares: Array, names: dict[int, str]) -> bytes:
    cell = SIDE / len(counts)
    room = svg.LETTER * max(map(len, names.values()))
    turned = room > 0.9 * SIDE / len(names)
    left, below = 40 + room, (room if turned else 10) + 36
    shapes = [
        *_shaded(shares, f"translate({left:.1f} {TOP}) scale({cell:.5g})"),
        svg.box(left, TOP, SIDE, SIDE),
        *_named(names, left, cell, turned=turned),
        *(_written(counts, shares, left, cell) if len(counts) <= COUNTED else ()),
        svg.text(left + SIDE / 2, TOP + SIDE + below - 12, "predicted"),
        svg.text(14, TOP + SIDE / 2, "true", turned=True),
    ]
    return svg.document(left + SIDE + RIGHT, TOP + SIDE + below, shapes)


def _shaded(shares: Array, place: str) -> Iterator[str]:
    """Yield a path a shade, of all its squares; equal neighbours in a row are one rectangle."""
    shades = numpy.ceil(shares * SHADES).astype(int)
    first = numpy.diff(shades, axis=1, prepend=-1) != 0
    rows, columns = numpy.nonzero(first)
    widths = numpy.diff(numpy.flatnonzero(first), append=shares.size)
    runs = numpy.column_stack([columns, rows, widths, widths])
    yield f'<g transform="{place}" fill="{COLORS[0]}" shape-rendering="crispEdges">'
    for shade in numpy.unique(shades[shades > 0]).tolist():
        chosen = runs[shades[first] == shade]
        path = (SQUARE * len(chosen)) % tuple(chosen.ravel().tolist())
        yield f'<path fill-opacity="{shade / SHADES:g}" d="{path}"/>'
    yield "</g>"


def _named(names: dict[int, str], left: float, cell: float, *, turned: bool) -> Iterator[str]:
    bottom = TOP + SIDE
    for number, name in names.items():
        middle = (number + 0.5) * cell
        yield svg.text(left - 6, TOP + middle, name, "end")
        if turned:
            yield svg.text(left + middle, bottom + 6, name, "end", turned=True)
        else:
            yield svg.text(left + middle, bottom + 13, name)


def _written(counts: Array, shares: Array, left: float, cell: float) -> Iterator[str]:
    longest = max(len(f"{count:g}") for count in counts.flat)
    size = min(13, round(1.5 * cell / longest, 1))
    for (row, column), count in numpy.ndenumerate(counts):
        if count:
            tone = "white" if shares[row, column] > 0.9 else "black"
            x, y = left + (column + 0.5) * cell, TOP + (row + 0.5) * cell
            yield svg.text(x, y, f"{count:g}", size=size, fill=tone)
