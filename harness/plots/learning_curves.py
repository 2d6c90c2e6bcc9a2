"""Learning curves of one run: loss and a metric against epoch, as SVG for MLflow."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.plots.style import COLORS

SETTINGS: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "harness", "font.size": 9}
"""Text stays text, and equal figures are equal bytes."""
SPLITS = {"train": "--", "val": "-", "test": ":"}
TICKS = 4
"""A tick costs 1 ms: two panels take 40 ms with so few, 80 ms as matplotlib chooses them."""


def learning_curve(history: Sequence[Mapping[str, float]]) -> bytes:
    """Return an SVG with a panel for the loss and one for the first other metric.

    Args:
        history: one mapping an epoch, e.g. {"epoch": 0, "train/loss": 1.2, "val/accuracy": 0.5};
            without "epoch" they count from 0. An epoch without a value is skipped.
    """
    measured = dict.fromkeys(
        name.partition("/")[2]
        for epoch in history
        for name in epoch
        if name.partition("/")[0] in SPLITS
    )
    shown = sorted(measured, key=lambda metric: metric != "loss")[:2]
    figure = Figure(figsize=(3.6 * max(len(shown), 1), 2.8))
    with rc_context(SETTINGS):
        for place, metric in enumerate(shown):
            width = 1 / len(shown)
            axes = figure.add_axes(((place + 0.16) * width, 0.17, 0.81 * width, 0.72))
            _draw(axes, history, metric)
            if place == 0:
                axes.legend(frameon=False, loc="best")
        return svg(figure)


def _draw(axes: Axes, history: Sequence[Mapping[str, float]], metric: str) -> None:
    drawn: list[tuple[float, float]] = []
    for (split, style), color in zip(SPLITS.items(), COLORS, strict=False):
        name = f"{split}/{metric}"
        points = [
            (epoch.get("epoch", number), epoch[name])
            for number, epoch in enumerate(history)
            if name in epoch
        ]
        if points:
            mark = "o" if len(points) == 1 else ""
            axes.plot(*zip(*points, strict=True), style, marker=mark, color=color, label=split)
        drawn += points
    axes.set_title(metric.replace("$", r"\$"), fontsize=10)
    axes.set_xlabel("epoch")
    epochs = [epoch for epoch, _ in drawn]
    axes.set_xticks(_ticks(min(epochs), max(epochs), whole=True))
    axes.set_yticks(_ticks(*axes.get_ylim()))


def _ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    ticks = MaxNLocator(TICKS, integer=whole).tick_values(low, high)
    return [float(tick) for tick in ticks if low <= tick <= high]


def svg(figure: Figure) -> bytes:
    """Return a figure as SVG without a date, so that equal figures are equal bytes."""
    sink = io.BytesIO()
    FigureCanvasSVG(figure)
    figure.savefig(sink, format="svg", metadata={"Date": None})
    return sink.getvalue()
