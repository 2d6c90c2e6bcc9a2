"""Verbs of a study: run it, list all, plan, report, check."""

from typing import Annotated

import typer

from harness.verbs.words import (
    Epochs,
    Name,
    Seeds,
    Trials,
    budget_of,
    console,
    number,
    one_of,
    quick_check,
)


def study(
    name: Name,
    trials: Trials = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    workers: Annotated[str, typer.Option(help="processes that train: auto, 2")] = "auto",
    retry: Annotated[str, typer.Option(help='"failed": try the failed trials again')] = "",
    fuse: Annotated[
        str, typer.Option(help="trials that train as one at most: auto, off, 8")
    ] = "auto",
) -> None:
    """Run a study, or go on with it, and print its answer."""
    one_of("RETRY", retry, ("", "failed"))
    quick_check(name)
    from harness.run import run_study

    status = run_study(
        name,
        budget_of(trials, seeds, epochs),
        workers=number("WORKERS", workers, {"auto": None}),
        retry=bool(retry),
        console=console(),
        fuse=number("FUSE", fuse, {"auto": None, "off": 1}),
    )
    raise typer.Exit(status)


def list_() -> None:
    """List the studies, their question and their state."""
    from harness.listing import print_list

    print_list(console())


def plan(name: Name, trials: Trials = None, seeds: Seeds = None, epochs: Epochs = None) -> None:
    """Show cells, trials, parameters, seconds and bytes of a study; train nothing."""
    quick_check(name)
    from harness.plan import print_plan

    print_plan(name, console(), budget_of(trials, seeds, epochs))


def report(
    name: Name,
    form: Annotated[str, typer.Option("--format", help="html, or md: print Markdown")] = "html",
) -> None:
    """Write the report of a study from what is there, and print the answer."""
    one_of("FORMAT", form, ("html", "md"))
    quick_check(name)
    from harness.run import report_study

    report_study(name, form, console())


def check() -> None:
    """Sample the recipes of every study and build them on the meta device."""
    from harness.checks import check_all

    check_all(console())
