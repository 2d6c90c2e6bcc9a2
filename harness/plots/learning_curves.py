"""Learning curves of one run: loss and a metric against epoch, as SVG for MLflow."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from harness.plots import svg
from harness.plots.style import COLORS

History = Sequence[Mapping[str, float]]
Lines = Mapping[str, list[svg.Point | None]]
SPLITS = {"train": "6 3", "val": "", "test": "1.8 2.6"}
"""The dashes of each line."""
WIDTH, HEIGHT = 360, 290
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 50, 44
"""Pixels of a panel, and what is left of it for ticks, title and legend."""
LARGEST = 1e290
"""A diverged loss beyond this is drawn no more than an infinite one."""


def learning_curve(history: History) -> bytes:
    """Return an SVG with a panel for the loss and one for the first other metric.

    Args:
        history: one mapping an epoch, e.g. {"epoch": 0, "train/loss": 1.2, "val/accuracy": 0.5};
            without "epoch" they count from 0. A line has a gap where its value is missing, NaN
            or infinite, and a point between two gaps is a dot.
    """
    names = dict.fromkeys(name for epoch in history for name in epoch)
    known = [name.partition("/")[::2] for name in names if name.partition("/")[0] in SPLITS]
    metrics = dict.fromkeys(metric for _, metric in known)
    shown = sorted(metrics, key=lambda metric: metric != "loss")[:2]
    shapes = _legend([one for one in SPLITS if any((one, metric) in known for metric in shown)])
    for place, metric in enumerate(shown):
        shapes += _panel(history, metric, place * WIDTH + LEFT)
    return svg.document(WIDTH * max(len(shown), 1), HEIGHT, shapes)


def _legend(splits: list[str]) -> list[str]:
    shapes = []
    for place, split in enumerate(splits):
        x, y = LEFT + 70 * place, 14
        shapes.append(svg.line([(x, y), (x + 26, y)], _color(split), SPLITS[split]))
        shapes.append(svg.text(x + 31, y, split, "start"))
    return shapes


def _color(split: str) -> str:
    return COLORS[list(SPLITS).index(split)]


def _panel(history: History, metric: str, left: int) -> Iterator[str]:
    right, bottom = left + WIDTH - LEFT - RIGHT, HEIGHT - BOTTOM
    middle = (left + right) / 2
    yield svg.box(left, TOP, right - left, bottom - TOP)
    yield svg.text(middle, TOP - 13, metric, size=13)
    yield svg.text(middle, bottom + 34, "epoch")
    lines = {split: _points(history, f"{split}/{metric}") for split in SPLITS}
    if any(map(any, lines.values())):
        yield from _content(lines, left, right, bottom)
    else:
        yield svg.text(middle, (TOP + bottom) / 2, "no finite value", fill=svg.GREY)


def _content(lines: Lines, left: int, right: int, bottom: int) -> Iterator[str]:
    drawn = [point for points in lines.values() for point in points if point]
    epochs = [epoch for epoch, _ in drawn]
    x = svg.Scale(*svg.around(epochs, 0.03), left, right)
    y = svg.Scale(*svg.around([value for _, value in drawn], 0.06), bottom, TOP)
    yield from _epochs(x, epochs, bottom)
    yield from _values(y, left, right)
    for split, points in lines.items():
        yield from _curve(points, x, y, split)


def _points(history: History, name: str) -> list[svg.Point | None]:
    """Return (epoch, value) of each epoch, or None for a gap."""
    pairs = (
        (float(epoch.get("epoch", number)), float(epoch.get(name, math.nan)))
        for number, epoch in enumerate(history)
    )
    return [(x, y) if abs(x) < LARGEST and abs(y) < LARGEST else None for x, y in pairs]


def _epochs(x: svg.Scale, epochs: list[float], bottom: int) -> Iterator[str]:
    for number, label in svg.ticks(min(epochs), max(epochs), whole=True).items():
        yield svg.line([(x(number), bottom), (x(number), bottom + 4)], svg.GREY, width=1)
        yield svg.text(x(number), bottom + 14, label, size=11)


def _values(y: svg.Scale, left: int, right: int) -> Iterator[str]:
    for number, label in svg.ticks(y.low, y.high).items():
        yield svg.line([(left, y(number)), (right, y(number))], "#e6e6e6", width=1)
        yield svg.text(left - 6, y(number), label, "end", size=11)


def _curve(points: list[svg.Point | None], x: svg.Scale, y: svg.Scale, split: str) -> Iterator[str]:
    for measured, run in groupby(points, key=bool):
        places = [(x(point[0]), y(point[1])) for point in run if point]
        if len(places) == 1:
            yield svg.dot(places[0], _color(split))
        elif measured:
            yield svg.line(places, _color(split), SPLITS[split])
