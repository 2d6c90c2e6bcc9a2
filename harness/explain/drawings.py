"""Drawings: bars, a text, weights of words for words, values and a series, as SVG."""

import base64
from collections.abc import Iterator, Sequence

from torch import Tensor

from harness.explain.figure import AGAINST, FOR, WIDTH, signed, tiles
from harness.plots import svg

ROW = 22
"""Pixels of a line of text."""


def bars(names: Sequence[str], values: Sequence[float]) -> bytes:
    """Return an SVG of a bar a name, to the right for positive values and to the left."""
    most = max((abs(value) for value in values), default=0.0) or 1.0
    left = 186.0
    middle, reach = ((left + WIDTH - 52) / 2, (WIDTH - 52 - left) / 2)
    if min(values, default=0.0) >= 0:
        middle, reach = left, WIDTH - 52 - left
    shapes: list[str] = []
    for row, (name, value) in enumerate(zip(names, values, strict=True)):
        y, long = 8 + ROW * row, reach * abs(value) / most
        start = middle if value >= 0 else middle - long
        shapes.append(svg.text(left - 8, y + ROW / 2, shortened(name, 27), "end", size=11.5))
        shapes.append(svg.bar(start, y + 4, long, ROW - 8, FOR if value >= 0 else AGAINST))
        shapes.append(svg.text(WIDTH - 4, y + ROW / 2, f"{value:+.2g}", "end", size=11))
    shapes.append(svg.line([(middle, 4), (middle, 12 + ROW * len(names))], svg.GREY, width=1))
    return svg.document(WIDTH, 16 + ROW * len(names), shapes)


def marked(words: Sequence[str], values: Tensor) -> bytes:
    """Return an SVG of a text whose words have the colour of their values behind them."""
    shapes, x, y = [], 8.0, 20.0
    for word, color in zip(words, signed(values).tolist(), strict=True):
        long = svg.LETTER * max(len(word), 1) + 4
        if x + long > WIDTH - 8 and x > 8:
            x, y = 8.0, y + ROW
        dark = sum(color) < 330
        shapes.append(svg.bar(x, y - 9, long, 18, f"rgb({color[0]},{color[1]},{color[2]})"))
        shapes.append(svg.text(x + long / 2, y, word, fill="white" if dark else svg.INK))
        x += long + 3
    return svg.document(WIDTH, y + 20, shapes)


def matrix(values: Tensor, names: Sequence[str]) -> bytes:
    """Return an SVG of weights (n, n) from 0 to 1, rows and columns with the same names."""
    room = min(92.0, 8 + svg.LETTER * max((len(shortened(name, 12)) for name in names), default=1))
    cell = (WIDTH - room - 6) / len(names)
    size = max(4.5, min(11.0, 0.95 * cell))
    picture = base64.b64encode(tiles([signed(values)], columns=1)).decode()
    side = cell * len(names)
    return svg.document(
        WIDTH,
        room + side + 6,
        [
            f'<image x="{room:.1f}" y="{room:.1f}" width="{side:.1f}" height="{side:.1f}" '
            f'preserveAspectRatio="none" style="image-rendering: pixelated" '
            f'href="data:image/png;base64,{picture}"/>',
            svg.box(round(room, 1), round(room, 1), round(side, 1), round(side, 1)),
            *_labels(names, room, cell, size),
        ],
    )


def _labels(names: Sequence[str], room: float, cell: float, size: float) -> Iterator[str]:
    for number, name in enumerate(names):
        place, short = room + (number + 0.5) * cell, shortened(name, 12)
        yield svg.text(room - 4, place, short, "end", size=size)
        yield svg.text(place, room - 4, short, "start", size=size, turned=True)


def points(true: Sequence[float], said: Sequence[float]) -> bytes:
    """Return an SVG of values that were said against the true ones, with the line of equality."""
    low, high = svg.around([*true, *said], 0.05)
    x, y = svg.Scale(low, high, 56, WIDTH - 10), svg.Scale(low, high, 296, 10)
    shapes = [svg.box(56, 10, WIDTH - 66, 286)]
    for number, label in svg.ticks(low, high, 5).items():
        shapes.append(svg.text(x(number), 308, label, size=11))
        shapes.append(svg.text(50, y(number), label, "end", size=11))
    shapes.append(svg.line([(x(low), y(low)), (x(high), y(high))], svg.GREY, "4 3", 1))
    shapes += [svg.dot((x(a), y(b)), FOR) for a, b in zip(true, said, strict=True)]
    shapes += [svg.text(195, 328, "true"), svg.text(12, 153, "said", turned=True)]
    return svg.document(WIDTH, 340, shapes)


def curve(values: Sequence[float], weights: Tensor) -> bytes:
    """Return an SVG of a series of one channel, each step's dot in the colour of its weight."""
    x = svg.Scale(-0.5, len(values) - 0.5, 44, WIDTH - 8)
    y = svg.Scale(*svg.around(values, 0.08), 176, 8)
    places = [(x(step), y(value)) for step, value in enumerate(values)]
    shapes = [svg.box(44, 8, WIDTH - 52, 168), svg.line(places, "#bbbbbb", width=1)]
    for place, color in zip(places, signed(weights).tolist(), strict=True):
        shade = f"rgb({color[0]},{color[1]},{color[2]})"
        shapes += [svg.dot(place, svg.GREY), _shade(place, shade)]
    for number, label in svg.ticks(y.low, y.high, 4).items():
        shapes.append(svg.text(40, y(number), label, "end", size=11))
    for number, label in svg.ticks(0, len(values) - 1, 5, whole=True).items():
        shapes.append(svg.text(x(number), 188, label, size=11))
    shapes.append(svg.text(190, 204, "step"))
    return svg.document(WIDTH, 216, shapes)


def _shade(place: svg.Point, fill: str) -> str:
    return f'<circle cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="2.4" fill="{fill}"/>'


def shortened(name: str, most: int) -> str:
    """Return a name of at most so many letters, with … for what is left out."""
    return name if len(name) <= most else name[: most - 1] + "…"
