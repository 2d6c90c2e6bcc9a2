"""Verbs of trained networks: export them, and let them answer."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.verbs.words import RunId, console


def export(
    run: RunId,
    to: Annotated[str, typer.Option(help="safetensors, onnx or pt2")] = "safetensors",
    out: Annotated[str, typer.Option(help="the directory to write")] = "",
) -> None:
    """Write a run's weights with its recipe and a model card, compared before it says done."""
    from harness.sharing.write import export_run

    export_run(run, to, out, console())


def predict(
    run: RunId,
    file: Annotated[Path, typer.Argument(help="*.csv, *.npy, *.png, or *.txt with a text a line")],
) -> None:
    """Print a CSV of what a run's network says of the examples in a file."""
    from harness.predictions import predict_run

    predict_run(run, file, sys.stdout)
