"""Training and validation loss against the number of parameters, every seed drawn."""

import pandas
import plotly.graph_objects as go

from harness.plots import quality_against_parameters
from harness.plots.plot import Plot
from harness.record import Record

METRICS = ("val/loss", "train/loss")
EMBEDDING, WITHOUT = "params/embedding", "params/non_embedding"


def numbers(record: Record) -> pandas.DataFrame:
    """Return the points of both losses, as `quality_against_parameters.points` does.

    Networks that hold embeddings are drawn twice, the second time against the parameters without
    them: counted, they make depth look more important than it is (Kaplan 2020, figure 6).
    """
    every = quality_against_parameters.points(record, METRICS)
    if not (record.column(EMBEDDING) > 0).any():
        return every
    without = quality_against_parameters.points(record, METRICS, WITHOUT)
    return pandas.concat(
        [_titled(every, "all parameters"), _titled(without, "without embeddings")],
        ignore_index=True,
    )


def _titled(points: pandas.DataFrame, words: str) -> pandas.DataFrame:
    return points.assign(panel=[f"{held}, {words}" if held else words for held in points["panel"]])


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw validation loss full and solid, training loss open and dashed."""
    return quality_against_parameters.draw(data)


PLOT = Plot(
    title="Loss against parameters",
    caption="Validation loss (full marks, solid) and training loss (open marks, dashed). A high "
    "training loss is a network that does not train, not one that over-fits.",
    group="answer",
    place=2,
    numbers=numbers,
    draw=draw,
)
