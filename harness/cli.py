"""The `harness` command: verbs only; whatever is heavy is imported inside its verb."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.settings import UserError

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Designed comparisons of depth, width and layer type: train, resume, compare, answer.",
)
Name = Annotated[str, typer.Argument(help="a study: the name of a file in studies/, without .py")]
Trials = Annotated[int | None, typer.Option(min=1, help="trials in all (in each cell of a design)")]
Seeds = Annotated[int | None, typer.Option(min=1, help="fresh seeds that confirm each cell")]
Epochs = Annotated[int | None, typer.Option(min=1, help="epochs of every training")]


@app.command()
def study(
    name: Name,
    trials: Trials = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    workers: Annotated[int, typer.Option(min=1, help="processes that train")] = 1,
    retry: Annotated[str, typer.Option(help='"failed": try the failed trials again')] = "",
    fuse: Annotated[str, typer.Option(help="trials that train as one at most: auto, off, 8")] = "",
) -> None:
    """Run a study, or go on with it, and print its answer."""
    if retry not in ("", "failed"):
        raise UserError("RETRY", got=retry, allowed="failed", do="say RETRY=failed")
    _quick_check(name)
    from harness.run import run_study

    budget = _budget(trials, seeds, epochs)
    status = run_study(
        name,
        budget,
        workers=workers,
        retry=bool(retry),
        console=_console(),
        fuse=_fuse(fuse),
    )
    raise typer.Exit(status)


@app.command("list")
def list_() -> None:
    """List the studies, their question and their state."""
    from harness.listing import print_list

    print_list(_console())


@app.command()
def plan(name: Name, trials: Trials = None, seeds: Seeds = None, epochs: Epochs = None) -> None:
    """Show cells, trials, parameters, seconds and bytes of a study; train nothing."""
    _quick_check(name)
    from harness.plan import print_plan

    print_plan(name, _console(), _budget(trials, seeds, epochs))


@app.command()
def report(
    name: Name,
    form: Annotated[str, typer.Option("--format", help="html, or md: print Markdown")] = "html",
) -> None:
    """Write the report of a study from what is there, and print the answer."""
    if form not in ("html", "md"):
        raise UserError("FORMAT", got=form, allowed="html, md", do="say FORMAT=md")
    _quick_check(name)
    from harness.run import report_study

    report_study(name, form, _console())


@app.command()
def resume(
    run: Annotated[str, typer.Argument(help="the id of a run, or its beginning")],
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

    raise typer.Exit(resume_run(run, more, schedule, _console()))


@app.command()
def verify(
    run: Annotated[str, typer.Argument(help="the id of a run, or its beginning")],
    epochs: Annotated[int, typer.Option(min=1, help="how many of its first epochs")] = 2,
) -> None:
    """Train the first epochs of a run again: the same curve, or what has changed since."""
    from harness.verify import verify_run

    raise typer.Exit(verify_run(run, epochs, _console()))


@app.command()
def compare(
    runs: Annotated[list[str], typer.Argument(help="ids of runs, or names of studies")],
) -> None:
    """Show runs side by side: what differs, and what came out."""
    from harness.side_by_side import print_runs

    print_runs(runs, _console())


@app.command()
def lineage(run: Annotated[str, typer.Argument(help="the id of a run, or its beginning")]) -> None:
    """Show the family tree of a run: what it started from, and what started from it."""
    from harness.lineage import print_lineage

    print_lineage(run, _console())


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
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
    describe_all(request, _console())


@app.command()
def strategies() -> None:
    """Try every fine-tuning strategy on every model and show how many parameters it trains."""
    from harness.capability import print_matrix

    print_matrix(_console())


@app.command()
def ui(port: Annotated[int, typer.Option(min=1, max=65535)] = 5000) -> None:
    """Serve the MLflow UI over the store on 127.0.0.1."""
    from harness.ui import serve

    raise typer.Exit(serve(port))


@app.command()
def check() -> None:
    """Sample the recipes of every study and build them on the meta device."""
    from harness.checks import check_all

    check_all(_console())


def main() -> None:
    """Run the command; a user's mistake is one line and exit status 2."""
    sys.path.insert(0, str(Path.cwd()))
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], standalone_mode=False))
    except typer.TyperException as error:
        print(f"error: {error.format_message()}; see `harness --help`", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _console() -> Console:
    return Console(stderr=False, width=None if sys.stdout.isatty() else 100)


def _quick_check(name: str) -> None:
    """Refuse an unknown study before anything heavy is imported."""
    from harness.study import path_of

    path_of(name)
    if os.environ.get("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"):
        do = "unset it: it lets a checkpoint run code"
        got = os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"]
        raise UserError("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", got=got, allowed="unset", do=do)


def _names_and_settings(words: list[str]) -> tuple[list[str], dict[str, str]]:
    """Take `--depth 8` or `--depth=8` apart from the names."""
    names: list[str] = []
    settings: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            name, equals, value = word.removeprefix("--").partition("=")
            value = value if equals else next(rest, "")
            if not value or (value.startswith("--") and not equals):
                do = f"say {word} VALUE"
                raise UserError(word, got="no value", allowed="a value behind it", do=do)
            settings[name.replace("-", "_")] = value
        else:
            names.append(word)
    if not names:
        do = "see harness describe --help"
        raise UserError("MODEL", got="none", allowed="a model or FILE.py:BUILDER", do=do)
    return names, settings


def _fuse(text: str) -> int:
    if text in ("", "auto"):
        from harness.kinds import MOST

        return MOST
    if text == "off":
        return 1
    if not (text.isdigit() and int(text) > 0):
        raise UserError("FUSE", got=text, allowed="auto, off, 2, 3, …", do="say FUSE=off")
    return int(text)


def _budget(trials: int | None, seeds: int | None, epochs: int | None) -> dict[str, int]:
    given = {"trials": trials, "seeds": seeds, "epochs": epochs}
    return {name: value for name, value in given.items() if value is not None}


def _more_epochs(text: str) -> int:
    if not text:
        return 0
    if not (text.startswith("+") and text[1:].isdigit() and int(text[1:]) > 0):
        raise UserError("EPOCHS", got=text, allowed="+1, +2, …", do="say EPOCHS=+5")
    return int(text[1:])
