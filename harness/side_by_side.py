"""Side by side: any runs of the store in one table of what differs and what came out."""

import json

import pandas
from rich.console import Console

from harness import store
from harness.compare import as_text, compare
from harness.measures import measures
from harness.recipe import recipe_from_json
from harness.study import store as store_root
from harness.tracked import StoredRun
from harness.tracking import find_run, read_artifact


def print_runs(run_ids: list[str], console: Console) -> None:
    """Print the runs' comparison; raise UserError if one of them is unknown or has no recipe."""
    root = store_root()
    store.prepare(root)
    runs = [find_run(root, run_id) for run_id in run_ids]
    recipe = recipe_from_json(json.loads(read_artifact(root, runs[0], "recipe.json")))
    frame = pandas.DataFrame([_row(run) for run in runs])
    known = measures(recipe).items()
    frame.attrs["higher_is_better"] = {name.partition("/")[2]: up for name, up in known}
    frame.attrs["headline"] = recipe.task.headline
    width = console.width if console.is_terminal else 80
    console.print(as_text(compare(frame), width), highlight=False, markup=False, end="")


def _row(run: StoredRun) -> dict[str, object]:
    settings = {f"recipe/{name}": _number(value) for name, value in run.data.params.items()}
    metrics = {
        name.replace("best/", "val/", 1): value
        for name, value in run.data.metrics.items()
        if name.startswith(("best/", "test/", "params/", "cost/")) and name != "best/epoch"
    }
    return {"run": run.info.run_id[:8], **settings, **metrics}


def _number(text: str) -> object:
    """Return the number that MLflow keeps as text, or the text."""
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if text.lstrip("-").isdigit() else value
