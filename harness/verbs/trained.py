"""Verbs of trained networks: export them."""

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
