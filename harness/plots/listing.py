"""Listing: a table of a report as text, with links and what a column sorts by."""

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas

from harness.plots.plot import Group
from harness.plots.style import decimals, written

LINKED = ("trial", "run")
"""The columns whose entries become links."""
HEADERS = {
    "params/trainable": "trainable parameters",
    "n": "seeds",
    "p_holm": "p (Holm)",
    "recipe_hash": "recipe hash",
}


@dataclass(frozen=True)
class Entry:
    """One entry of a table: text, an address if it is a link, and the number it is sorted by."""

    text: str
    link: str = ""
    order: str = ""


@dataclass(frozen=True)
class Listing:
    """A table with its heading and a sentence about it; long ones are folded away."""

    title: str
    about: str
    header: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    group: Group = "ledger"
    folded: bool = False


def listing(
    title: str,
    about: str,
    table: pandas.DataFrame,
    links: Mapping[object, str] | None = None,
    *,
    group: Group,
    folded: bool = False,
) -> Listing:
    """Return a frame as a table; `links` are addresses for entries of `LINKED` columns."""
    bounded = [name for name in map(str, table.columns) if f"{name} low" in table]
    orders = {name: table[name].to_list() for name in bounded}
    table = _joined(table, bounded)
    rows = []
    for place, row in enumerate(table.itertuples(index=False)):
        entries = []
        for name, value in zip(map(str, table.columns), row, strict=True):
            link = (links or {}).get(value, "") if name in LINKED else ""
            number = orders[name][place] if name in orders else value
            entries.append(Entry(text_of(name, value), link, _order(number)))
        rows.append(tuple(entries))
    names = [str(name).removeprefix("suggested/") for name in table.columns]
    header = tuple(HEADERS.get(name, name) for name in names)
    return Listing(title, about, header, tuple(rows), group, folded)


def text_of(name: str, value: object) -> str:
    """Return a value as written, without separators of thousands where it is a name."""
    return written(value).replace(",", "") if name in ("trial", "seed") else written(value)


def _order(value: object) -> str:
    is_number = isinstance(value, numbers.Real) and not math.isnan(value)
    return repr(float(value)) if is_number else ""  # type: ignore[arg-type]


def _joined(table: pandas.DataFrame, bounded: Sequence[str]) -> pandas.DataFrame:
    """Return the table with x, "x low" and "x high" as one column: value [low, high]."""
    shown = table.copy()
    for name in bounded:
        bounds = [f"{name} low", f"{name} high"]
        rows = table[[name, *bounds]].itertuples(index=False)
        shown[name] = [_interval(*row) for row in rows]
        shown = shown.drop(columns=bounds)
    return shown


def _interval(value: float, low: float, high: float) -> str:
    if math.isnan(low) or low == high:
        return written(value)
    digits = decimals((high - low) / 2)
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]".replace("-", "−")
