"""Training and validation loss against the number of trainable parameters, every seed drawn."""

import pandas
import plotly.graph_objects as go

from harness.plots import quality_against_parameters
from harness.record import Record

METRICS = ("val/loss", "train/loss")


def numbers(record: Record) -> pandas.DataFrame:
    """Return the points of both losses, as `quality_against_parameters.points` does."""
    return quality_against_parameters.points(record, METRICS)


def draw(data: pandas.DataFrame) -> go.Figure:
    """Draw validation loss full and solid, training loss open and dashed."""
    return quality_against_parameters.draw(data)
