"""Verbs of trained networks: export and explain them, and let them answer."""

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
    from harness.export.write import export_run

    export_run(run, to, out, console())


def explain(run: RunId) -> None:
    """Draw why a run's network answers so: attributions, attention, filters, mistakes."""
    from harness.explain.write import explain_run

    explain_run(run, console())


def generate(
    run: RunId,
    prompt: Annotated[str, typer.Argument(help="the text that the network goes on with")],
    count: Annotated[int | None, typer.Option(min=1, help="characters; else all that fit")] = None,
    temperature: Annotated[float, typer.Option(min=0, help="0: always the likeliest")] = 1.0,
    top_k: Annotated[int | None, typer.Option(min=1, help="sample among the k likeliest")] = None,
    seed: Annotated[int, typer.Option(min=0, help="the same seed writes the same text")] = 0,
) -> None:
    """Print what a run's character model writes after a prompt."""
    from harness.generations import generate_run

    console().print(
        generate_run(run, prompt, count=count, temperature=temperature, top_k=top_k, seed=seed),
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def predict(
    run: RunId,
    file: Annotated[Path, typer.Argument(help="*.csv, *.npy, *.png, or *.txt with a text a line")],
) -> None:
    """Print a CSV of what a run's network says of the examples in a file."""
    from harness.predictions import predict_run

    predict_run(run, file, sys.stdout)
