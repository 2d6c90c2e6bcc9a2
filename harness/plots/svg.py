"""SVG, written by hand: the shapes, scales and ticks that the pictures of one run are made of."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

INK, GREY = "#222222", "#888888"
LETTER = 6.6
"""Pixels of a letter of normal size, on average: no font is measured."""
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML may hold, not even escaped."""
Point = tuple[float, float]


def document(width: float, height: float, shapes: Iterable[str]) -> bytes:
    """Return an SVG on white, so that it can be read on a dark page; it scales to any size."""
    size = f'width="{width:.0f}" height="{height:.0f}"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width:.0f} {height:.0f}"'
        f' font-family="system-ui, sans-serif" font-size="12" fill="{INK}">'
    )
    back = f'<rect {size} fill="white"/>'
    return "\n".join([head, back, *shapes, "</svg>\n"]).encode()


def text(
    x: float,
    y: float,
    words: object,
    anchor: str = "middle",
    *,
    size: float = 12,
    fill: str = INK,
    turned: bool = False,
) -> str:
    """Return words around the height y, or turned to read from below along the line at x."""
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    look = f'text-anchor="{anchor}" font-size="{size:g}" fill="{fill}"{turn}'
    known = escape(ILLEGAL.sub("\ufffd", str(words)))
    return f'<text x="{x:.1f}" y="{y:.1f}" dy=".35em" {look}>{known}</text>'


def line(points: Iterable[Point], stroke: str, dashes: str = "", width: float = 1.8) -> str:
    """Return a line through points; `dashes` are lengths in pixels, as "6 3"."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dash = f' stroke-dasharray="{dashes}"' if dashes else ""
    look = f'stroke="{stroke}" stroke-width="{width:g}" stroke-linejoin="round"{dash}'
    return f'<polyline points="{path}" fill="none" {look}/>'


def dot(point: Point, fill: str) -> str:
    """Return a filled circle."""
    return f'<circle cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="3" fill="{fill}"/>'


def bar(left: float, top: float, width: float, height: float, fill: str) -> str:
    """Return a filled rectangle."""
    place = f'x="{left:g}" y="{top:g}" width="{width:.1f}" height="{height:g}"'
    return f'<rect {place} fill="{fill}"/>'


def box(left: float, top: float, width: float, height: float) -> str:
    """Return a thin grey rectangle, not filled."""
    place = f'x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}"'
    return f'<rect {place} fill="none" stroke="{GREY}"/>'


@dataclass(frozen=True)
class Scale:
    """A straight scale: the number `low` is at the pixel `start`, `high` at `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, number: float) -> float:
        """Return the pixel of a number."""
        share = (number - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def around(values: Sequence[float], pad: float) -> tuple[float, float]:
    """Return a range that holds all values, with room on both sides; never an empty one."""
    low, high = min(values), max(values)
    largest = max(abs(low), abs(high))
    if high - low > 1e-9 * largest + 1e-280:
        room = pad * (high - low)
    else:
        room = pad * largest if largest > 1e-280 else 0.5
    return low - room, high + room


def ticks(low: float, high: float, count: int = 7, *, whole: bool = False) -> dict[float, str]:
    """Return {number: label} for multiples of 1, 2 or 5 times a power of ten, about `count`."""
    step = _step(max((high - low) / count, 1e-290))
    step = max(1.0, step) if whole else step
    multiples = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    digits = _digits(max(abs(low), abs(high)), step)
    return {number * step: _label(number * step, digits) for number in multiples}


def _step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * 0.999)


def _label(number: float, digits: int) -> str:
    return f"{number:.{digits}g}".replace("e+0", "e").replace("e-0", "e-")


def _digits(largest: float, step: float) -> int:
    return max(6, math.ceil(math.log10(max(largest, step) / step)) + 1)
