"""Panels: which panel and level a cell is drawn in, and the empty figure they stand in."""

from collections.abc import Collection, Iterator, Sequence

import pandas
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from harness.plots import style
from harness.record import Record
from harness.study import label


def places(record: Record, merged: Collection[str] = ()) -> dict[str, tuple[str, str]]:
    """Return {cell: (the values held equal, the compared level)}, both as text.

    Values whose name is in `merged` are left out of the first; it is "" if none is left. The
    one cell of an ordinary search has the level "all trials".
    """
    compared = record.study.compared
    apart = {compared, *merged}
    return {
        label(cell): (
            ", ".join(f"{name}={value}" for name, value in cell.items() if name not in apart),
            f"{compared}={cell[compared]}" if compared else "all trials",
        )
        for cell in record.study.cells()
    }


def placed(
    record: Record, rows: pandas.DataFrame, merged: Collection[str] = ()
) -> pandas.DataFrame:
    """Return the rows of the study's own cells with the columns `panel`, `level` and `run`.

    `run` is the address of the row's run, "" if it has none.
    """
    known = places(record, merged)
    rows = rows[rows["cell"].isin(list(known))] if record.study.scientific else rows
    found = [known.get(cell, ("", "all trials")) for cell in rows["cell"]]
    held, levels = [panel for panel, _ in found], [level for _, level in found]
    return rows.assign(panel=held, level=levels, run=addresses(record, rows))


def curves(record: Record, metrics: Sequence[str]) -> pandas.DataFrame:
    """Return the points of metrics over the epochs of the runs that a reader wants to see.

    Those are the runs that stand for each cell, confirmed ones or the best of the search, or the
    best five trials of an ordinary search. Beside the columns of `Histories`: panel, level, cell
    and `order`, that of the cell in the study. Nothing if there is none.
    """
    if record.study.scientific:
        rows = pandas.concat([record.chosen(cell) for cell in record.cells()])
        rows = placed(record, rows)
    else:
        rows = record.ranked().head(5)
        rows = rows.assign(panel="", level=[f"trial {trial}" for trial in rows["trial"]])
    runs = [run for run in rows["run_id"] if isinstance(run, str) and run]
    points = record.histories(runs, metrics) if runs else pandas.DataFrame()
    if not len(points):
        return points
    order = {cell: place for place, cell in enumerate(dict.fromkeys(rows["cell"]))}
    rows = rows.assign(order=rows["cell"].map(order))
    return points.merge(rows[["run_id", "panel", "level", "cell", "order"]], on="run_id")


def addresses(record: Record, rows: pandas.DataFrame) -> list[str]:
    """Return the address of each row's run in the MLflow UI, "" for what is no web address."""
    urls = [record.run_url(run) if isinstance(run, str) and run else "" for run in rows["run_id"]]
    return [url if url.startswith(style.SCHEMES) else "" for url in urls]


def marked_levels(figure: go.Figure, levels: list[str], marks: bool = True) -> None:
    """Add the legend of the levels: an entry each, of the group that their traces belong to."""
    for index, level in enumerate(levels):
        shape = style.symbol(index) if marks else "square"
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=style.text(level),
            marker={"color": style.color(index), "symbol": shape, "size": 10},
            legendgroup=level,
        )


def figure_of(
    titles: list[str],
) -> tuple[go.Figure, Iterator[dict[str, int]]]:
    """Return a figure with a panel for each title, and where they are as {"row", "col"}."""
    rows, columns = style.grid(len(titles))
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=titles,
        vertical_spacing=min(110 / (rows * style.PANEL_HEIGHT), 1 / max(rows - 1, 1)),
        horizontal_spacing=min(0.09, 1 / max(columns - 1, 1)),
    )
    figure.update_layout(style.layout(rows))
    figure.update_annotations(font_size=13)
    numbers = range(len(titles))
    return figure, ({"row": n // columns + 1, "col": n % columns + 1} for n in numbers)
