"""Content: what stands on a page, whatever form the page takes."""

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas
import plotly.graph_objects as go
from markupsafe import Markup

from harness.plots import style
from harness.plots.listing import Listing


@dataclass(frozen=True)
class Key:
    """One line of a legend; `group` names the traces that it shows and hides, "" for none."""

    color: str
    mark: str
    name: str
    group: str


@dataclass(frozen=True)
class Drawing:
    """A figure with its heading, what it shows in words, its data, and the least width it needs.

    Its legend is text below it: it wraps on a narrow screen, where Plotly's would cover the axis.
    """

    title: str
    caption: str
    legend: tuple[Key, ...]
    figure: Markup
    data: Markup
    rows: int
    width: int


@dataclass(frozen=True)
class Section:
    """A part of a page: pictures, then tables; a folded one opens with a click."""

    title: str
    drawings: tuple[Drawing, ...] = ()
    listings: tuple[Listing, ...] = ()
    folded: bool = False


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page: the answer's sentences, the first of which is the whole in short, and its grounds."""

    name: str
    title: str
    sentences: tuple[str, ...]
    caveats: tuple[str, ...]
    limits: str
    sections: tuple[Section, ...]
    method: tuple[str, ...]
    facts: Mapping[str, str]


def drawing(title: str, caption: str, data: pandas.DataFrame, figure: go.Figure) -> Drawing:
    """Return a figure and its data as they stand on a page; takes off the figure's own legend.

    A width that the figure sets is the least it needs; by itself that is one of its panels.
    """
    panels = data.get("panel", pandas.Series([""])).nunique()
    width = figure.layout.width or style.PANEL_WIDTH * style.grid(panels)[1]
    keys = tuple(_legend(figure))
    figure.update_layout(showlegend=False, width=None)
    text = str(data.to_json(orient="split", index=False, double_precision=10))
    return Drawing(title, caption, keys, as_json(figure.to_json()), as_json(text), len(data), width)


def _legend(figure: go.Figure) -> Iterator[Key]:
    for trace in figure.data:
        if trace.name and trace.showlegend is not False:
            shape = "square" if trace.type == "bar" else trace.marker.symbol
            mark = style.SYMBOLS.get(shape, "●") if isinstance(shape, str) else "●"
            color = trace.marker.color or trace.line.color
            yield Key(color, mark, html.unescape(trace.name), trace.legendgroup or "")


def as_json(text: str | None) -> Markup:
    """Return JSON so that it can stand in a script tag: no <, > or & in it."""
    safe = str(text)
    for character in "<>&\u2028\u2029":
        safe = safe.replace(character, f"\\u{ord(character):04x}")
    return Markup(safe)
