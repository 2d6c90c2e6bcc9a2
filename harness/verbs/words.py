"""Words that verbs share: their arguments, the console, and the checks of what is given."""

import os
import sys
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.console import Console

from harness.settings import UserError

Name = Annotated[str, typer.Argument(help="a study: the name of a file in studies/, without .py")]
RunId = Annotated[str, typer.Argument(help="the id of a run, or its beginning")]
Trials = Annotated[int | None, typer.Option(min=1, help="trials in all (in each cell of a design)")]
Seeds = Annotated[int | None, typer.Option(min=1, help="fresh seeds that confirm each cell")]
Epochs = Annotated[int | None, typer.Option(min=1, help="epochs of every training")]


def console() -> Console:
    """Return the console to print on; a file or a pipe is 100 columns wide."""
    return Console(stderr=False, width=None if sys.stdout.isatty() else 100)


def one_of(what: str, got: str, allowed: tuple[str, ...]) -> None:
    """Raise UserError unless `got` is among `allowed`; "" is a word left out."""
    if got not in allowed:
        names = [word for word in allowed if word]
        raise UserError(what, got=got, allowed=", ".join(names), do=f"say {what}={names[-1]}")


def quick_check(name: str) -> None:
    """Refuse an unknown study before anything heavy is imported."""
    from harness.study import path_of

    path_of(name)
    if os.environ.get("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"):
        do = "unset it: it lets a checkpoint run code"
        got = os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"]
        raise UserError("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", got=got, allowed="unset", do=do)


def budget_of(trials: int | None, seeds: int | None, epochs: int | None) -> dict[str, int]:
    """Return what of a study's budget is given."""
    given = {"trials": trials, "seeds": seeds, "epochs": epochs}
    return {name: value for name, value in given.items() if value is not None}


def number(what: str, text: str, words: Mapping[str, int | None]) -> int | None:
    """Return what one of the words stands for, or the whole number that the text is."""
    if text in words:
        return words[text]
    if not (text.isdigit() and int(text) > 0):
        allowed = ", ".join([*words, "2", "3", "…"])
        raise UserError(what, got=text, allowed=allowed, do=f"say {what}=auto")
    return int(text)
