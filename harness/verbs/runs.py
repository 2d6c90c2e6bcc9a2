"""Verbs of runs: resume, verify, compare, lineage, and the UI that shows them."""

from typing import Annotated

import typer

from harness.settings import UserError
from harness.verbs.words import RunId, console


def resume(
    run: RunId,
    epochs: Annotated[str, typer.Option(help="more epochs for a finished run, as +5")] = "",
    schedule: Annotated[str, typer.Option(help="keep, rewarm or rescale the rate in them")] = "",
    changes: Annotated[list[str] | None, typer.Argument(help="refused: see a fork")] = None,
) -> None:
    """Go on with one killed run, or train a finished one for more epochs."""
    if changes:
        do = (
            f'write a study with start=FromRun(run="{run}"): its runs name this one as their parent'
        )
        raise UserError("resume", got=" ".join(changes), allowed="EPOCHS and SCHEDULE", do=do)
    more = _more_epochs(epochs)
    if schedule and not more:
        raise UserError("SCHEDULE", got=schedule, allowed="with EPOCHS", do="say EPOCHS=+5 too")
    from harness.resume import resume_run

    raise typer.Exit(resume_run(run, more, schedule, console()))


def verify(
    run: RunId,
    epochs: Annotated[int, typer.Option(min=1, help="how many of its first epochs")] = 2,
) -> None:
    """Train the first epochs of a run again: the same curve, or what has changed since."""
    from harness.verify import verify_run

    raise typer.Exit(verify_run(run, epochs, console()))


def compare(
    runs: Annotated[list[str], typer.Argument(help="ids of runs, or names of studies")],
) -> None:
    """Show runs side by side: what differs, and what came out."""
    from harness.side_by_side import print_runs

    print_runs(runs, console())


def lineage(run: RunId) -> None:
    """Show the family tree of a run: what it started from, and what started from it."""
    from harness.lineage import print_lineage

    print_lineage(run, console())


def ui(port: Annotated[int, typer.Option(min=1, max=65535)] = 5000) -> None:
    """Serve the MLflow UI over the store on 127.0.0.1."""
    from harness.ui import serve

    raise typer.Exit(serve(port))


def _more_epochs(text: str) -> int:
    if not text:
        return 0
    if not (text.startswith("+") and text[1:].isdigit() and int(text[1:]) > 0):
        raise UserError("EPOCHS", got=text, allowed="+1, +2, …", do="say EPOCHS=+5")
    return int(text[1:])
