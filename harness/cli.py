"""The `harness` command: a table of its verbs, and how a mistake ends it."""

import sys
from pathlib import Path

import typer

from harness.settings import UserError
from harness.verbs import networks, runs, studies, trained

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Designed comparisons of depth, width and layer type: train, resume, compare, answer.",
)
for verb in (
    studies.study,
    studies.list_,
    studies.plan,
    studies.report,
    runs.resume,
    runs.verify,
    runs.compare,
    runs.lineage,
    trained.export,
    trained.explain,
    trained.predict,
    trained.generate,
    networks.describe,
    networks.strategies,
    runs.ui,
    studies.check,
):
    words = {"allow_extra_args": True, "ignore_unknown_options": True}
    free = verb is networks.describe
    app.command(verb.__name__.rstrip("_"), context_settings=words if free else None)(verb)


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
