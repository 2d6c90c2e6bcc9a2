"""Every run of a comparison as a point, a row for each set of runs that differ by seed alone."""

from typing import Any

import pandas
import plotly.graph_objects as go

from harness.plots import style


def numbers(frame: pandas.DataFrame, table: pandas.DataFrame) -> pandas.DataFrame:
    """Return row (named by its place and what differs), run, metric, value, mean, low and high.

    `frame` has one row a run, `table` is what `harness.compare.compare` made of it; `run` is the
    address of the run where the frame has `url`.
    """
    metric = str(table.attrs["metric"])
    parts = []
    for place, (_, row) in enumerate(table.iterrows()):
        runs = frame[frame["run"].isin(str(row["runs"]).split())].dropna(subset=[metric])
        half = float(row[f"{metric} ±"])
        part = pandas.DataFrame({"name": runs["run"], "run": runs["url"], "value": runs[metric]})
        mean = float(row[metric])
        parts.append(
            part.assign(
                row=_name(place, row), metric=metric, mean=mean, low=mean - half, high=mean + half
            )
        )
    return pandas.concat(parts, ignore_index=True)


def _name(place: int, row: "pandas.Series[Any]") -> str:
    names = [str(name) for name in row.index if str(name).startswith(("recipe/", "tag/"))]
    parts = [f"{name.partition('/')[2]}={style.written(row[name])}" for name in names]
    words = " ".join(parts) or str(row["runs"])
    return f"{place + 1}. {words if len(words) <= 50 else words[:49] + '…'}"


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw the rows from above, each with its points, its mean and its 95 % interval."""
    figure = go.Figure(layout=style.layout(1))
    figure.add_scatter(
        x=data["value"].to_list(),
        y=[style.text(row) for row in data["row"]],
        text=[style.text(f"run {name}") for name in data["name"]],
        customdata=data["run"].to_list(),
        mode="markers",
        name="one run",
        legendgroup="one run",
        marker={"color": style.color(0), "size": 7, "opacity": 0.45},
    )
    means = data.groupby("row", sort=False).first()
    figure.add_scatter(
        x=means["mean"].to_list(),
        y=[style.text(row) for row in means.index],
        error_x={"type": "data", "array": (means["high"] - means["mean"]).to_list(), "width": 5},
        mode="markers",
        name="mean and 95 % interval",
        legendgroup="mean",
        marker={"color": style.color(5), "size": 10, "symbol": "diamond"},
    )
    figure.update_layout(height=max(220, 60 + 34 * len(means)))
    names = [style.text(row) for row in means.index]
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], automargin=True)
    figure.update_xaxes(style.titled(data["metric"].iloc[0]))
    return figure
