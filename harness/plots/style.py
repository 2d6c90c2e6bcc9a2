"""Style: the colours, words and layout that all plots share."""

import html
import math
import numbers
from collections.abc import Sequence
from typing import Any

import pandas

COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
"""Okabe and Ito's palette (2008), told apart with every kind of colour blindness."""
SYMBOLS = {
    "circle": "●",
    "square": "■",
    "diamond": "◆",
    "triangle-up": "▲",
    "cross": "✚",
    "triangle-down": "▼",
    "hexagon": "⬢",
    "circle-open": "○",
}
"""Plotly's name of each marker, and the character that stands for it in a legend of text."""
SCHEMES = ("http://", "https://", "#")
"""Only such addresses become links."""
PANEL_HEIGHT, PANEL_WIDTH = 300, 300
"""Pixels of one panel of a figure; the width is the least at which it is still readable."""


def color(index: int) -> str:
    """Return the colour of the index-th level, beginning again after the eighth."""
    return COLORS[index % len(COLORS)]


def symbol(index: int) -> str:
    """Return the marker of the index-th level: shape tells levels apart where colour cannot."""
    return list(SYMBOLS)[index % (len(SYMBOLS) - 1)]


def text(value: object) -> str:
    """Return a user's text for a figure: Plotly reads labels as HTML, so < and & are escaped."""
    return html.escape(str(value), quote=False)


def written(value: object) -> str:
    """Return a value as a person writes it: 1,234 or 0.00123 or 3.2e-05 or a word; – for NaN."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return "–" if value is None else str(value)
    number = float(value)
    if not math.isfinite(number):
        return "–" if math.isnan(number) else str(number)
    if number == int(number) and abs(number) < 1e12:
        return f"{int(number):,}"
    return f"{number:,.0f}" if 1000 <= abs(number) < 1e12 else f"{number:.3g}"


def p_written(p: float) -> str:
    """Return "p = .02" or "p < .001"."""
    return "p < .001" if p < 0.001 else f"p = {p:.2g}".replace("0.", ".", 1)


def tinted(index: int, opacity: float) -> str:
    """Return the colour of the index-th level, so opaque, for a band."""
    red, green, blue = (int(color(index)[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def decimals(half_width: float) -> int:
    """Return how many decimals show two digits of an uncertainty; 2 where there is none."""
    if not 0 < half_width < math.inf:
        return 2
    return max(0, 1 - math.floor(math.log10(half_width)))


def grid(panels: int) -> tuple[int, int]:
    """Return (rows, columns) that hold so many panels, at most three in a row."""
    columns = max(1, min(panels, 2 if panels == 4 else 3))
    return max(1, math.ceil(panels / columns)), columns


def layout(rows: int) -> dict[str, Any]:
    """Return the layout of a figure of so many rows of panels.

    Paper and plot are transparent, so that the page decides between light and dark.
    """
    top, bottom = 40, 60
    return {
        "height": rows * PANEL_HEIGHT + top + bottom,
        "margin": {"l": 60, "r": 20, "t": top, "b": bottom},
        "template": "none",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 13, "family": "system-ui, sans-serif"},
        "hovermode": "closest",
    }


def titled(words: object) -> dict[str, Any]:
    """Return the settings of an axis with a title close to it and room for its labels."""
    return {"title": {"text": text(words), "standoff": 8}, "automargin": True}


def bars(means: pandas.DataFrame) -> dict[str, Any]:
    """Return the settings of error bars from `low` to `high` about `mean`."""
    up, down = means["high"] - means["mean"], means["mean"] - means["low"]
    both = {"array": up.to_list(), "arrayminus": down.to_list()}
    return {"type": "data", "symmetric": False, "width": 5, **both}


def number_ticks(low: float, high: float) -> dict[str, Any]:
    """Return the settings of a logarithmic axis that labels decades, and 2 and 5 if it has room.

    The axis stays linear where `low` is not positive, or the range is less than a factor of 3.
    """
    if low <= 0 or high < 3 * low:
        return {}
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps: Sequence[int] = (1, 2, 5) if high < 100 * low else (1,)
    values = [step * 10.0**power for power in range(first - 1, last + 1) for step in steps]
    labels = [short(value) for value in values]
    return {"type": "log", "tickvals": values, "ticktext": labels, "tickangle": 0}


def short(value: float) -> str:
    """Return a tick label: 2k, 5M, 0.01, 1e-5."""
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:g}{letter}"
    if value >= 1e-3:
        return f"{value:g}"
    return f"{value:.0e}".replace("e-0", "e-")
