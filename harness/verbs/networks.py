"""Verbs of networks that need no run: describe, and which strategy works with which."""

from collections.abc import Iterator
from typing import Annotated

import typer

from harness.settings import UserError
from harness.verbs.words import console


def describe(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL... [--SETTING VALUE]...",
            help="models, or FILE.py:BUILDER where BUILDER() returns (module, example input); "
            "with settings of the models, as --depth 8 --width 64",
        ),
    ],
    data: Annotated[str, typer.Option(help="the dataset that a model is for")] = "",
    batch_size: Annotated[int | None, typer.Option(min=1, help="examples in a batch")] = None,
    optimizer: Annotated[str, typer.Option(help="whose state takes memory")] = "adamw",
    precision: Annotated[str, typer.Option(help="of weights and activations")] = "32-true",
    memory: Annotated[str, typer.Option(help="show the largest batch that fits, as 8GB")] = "",
    all_: Annotated[bool, typer.Option("--all", help="show every layer")] = False,
    csv: Annotated[str, typer.Option(help="write the layers to a file; - for here")] = "",
    json: Annotated[bool, typer.Option("--json", help="print everything as JSON")] = False,
    picture: Annotated[str, typer.Option(help="draw the layers: FILE.svg or FILE.html")] = "",
    signal: Annotated[bool, typer.Option("--signal", help="show it at initialisation")] = False,
) -> None:
    """Show what a network is before it is trained: layers, depths, FLOPs, memory."""
    names, settings = _names_and_settings(words)
    from harness.described import Request, describe_all

    request = Request(
        names=names,
        settings=settings,
        data=data,
        batch_size=batch_size,
        optimizer=optimizer,
        precision=precision,
        memory=memory,
        all_layers=all_,
        csv=csv,
        json=json,
        picture=picture,
        signal=signal,
    )
    describe_all(request, console())


def strategies() -> None:
    """Try every fine-tuning strategy on every model and show how many parameters it trains."""
    from harness.capability import print_matrix

    print_matrix(console())


def _names_and_settings(words: list[str]) -> tuple[list[str], dict[str, str]]:
    """Take `--depth 8` or `--depth=8` apart from the names."""
    names: list[str] = []
    settings: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            name, value = _setting(word, rest)
            settings[name] = value
        else:
            names.append(word)
    if not names:
        do = "see harness describe --help"
        raise UserError("MODEL", got="none", allowed="a model or FILE.py:BUILDER", do=do)
    return names, settings


def _setting(word: str, rest: Iterator[str]) -> tuple[str, str]:
    name, equals, value = word.removeprefix("--").partition("=")
    value = value if equals else next(rest, "")
    if not value or (value.startswith("--") and not equals):
        do = f"say {word} VALUE"
        raise UserError(word, got="no value", allowed="a value behind it", do=do)
    return name.replace("-", "_"), value
