"""Plot: one picture of a report, its words and its two functions; each has a file of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas
import plotly.graph_objects as go

from harness.record import Record

Group = Literal["answer", "views", "training", "networks", "tuning", "ledger"]
"""The section of a report that a picture or a table stands in."""


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A picture: `numbers` returns its data, of which no row means no picture; `draw` draws them.

    A column `run` holds the address of the run that a row is about, or "". A report finds the
    plots by itself, and shows those of a group by their `place`.
    """

    title: str
    caption: str
    group: Group
    place: int
    numbers: Callable[[Record], pandas.DataFrame]
    draw: Callable[[pandas.DataFrame], go.Figure]
