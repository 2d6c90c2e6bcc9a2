"""Side by side: any runs or studies of the store, what differs and what came out, best first."""

import json
from pathlib import Path

import pandas
from rich.console import Console

from harness import store
from harness.compare import METRICS, as_text, compare, note
from harness.lineage import BASE
from harness.measures import measures
from harness.page.content import Page, Section, drawing
from harness.page.html import render
from harness.plots import seeds
from harness.plots.listing import Listing, listing
from harness.provenance import versions
from harness.recipe import recipe_from_json
from harness.settings import UserError
from harness.statistics.items import paired_items
from harness.study import load, names
from harness.study import store as store_root
from harness.tracked import StoredRun
from harness.tracking import client, find_run, read_artifact, search
from harness.trials import CORRECT
from harness.views import UI

CAVEATS = (
    "These runs were not planned as a comparison: what differs beside the settings shown is not "
    "controlled.",
    "p is not corrected for looking at many.",
)


def print_runs(wanted: list[str], console: Console) -> None:
    """Print a comparison and write it as a page.

    Each of `wanted` is the id of a run, or the name of a study, which stands for its confirmed
    trials (all finished ones of an ordinary search).

    Raises:
        UserError: one of them is unknown or has no recipe.
    """
    root = store_root()
    store.prepare(root)
    runs = {run.info.run_id: run for name in wanted for run in _runs(root, name)}
    first = next(iter(runs.values()))
    if (study := first.data.tags.get("harness.study")) in names():
        load(str(study))  # a recipe may name classes of the study's own file
    recipe = recipe_from_json(json.loads(read_artifact(root, first, "recipe.json")))
    frame = pandas.DataFrame([_row(run) for run in runs.values()])
    if frame["study"].nunique() > 1:
        frame["cell"] = frame["study"] + ": " + frame["cell"]
    known = measures(recipe).items()
    frame.attrs["higher_is_better"] = {name.partition("/")[2]: up for name, up in known}
    frame.attrs["headline"] = recipe.task.headline
    table = compare(frame)
    items = _on_the_same_items(root, list(runs.values()))
    width = console.width if console.is_terminal else 80
    console.print(as_text(table, width), highlight=False, markup=False, end="")
    for line in items:
        console.print(line, highlight=False, markup=False)
    path = root / "comparisons" / f"{'-'.join(wanted)[:60]}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(page(frame, table, wanted, items)), encoding="utf-8")
    _attach(root, wanted, path)
    console.print(f"page: {path}", highlight=False, markup=False, soft_wrap=True)


def page(
    frame: pandas.DataFrame, table: pandas.DataFrame, wanted: list[str], items: list[str]
) -> Page:
    """Return a comparison as a page: the best first, every run as a point, all that differs."""
    metric = str(table.attrs["metric"])
    data = seeds.numbers(frame, table)
    caption = f"Each point is one run, each row runs that differ in the seed alone; by {metric}."
    picture = drawing("Every run", caption, data, seeds.draw(data))
    return Page(
        name=", ".join(wanted)[:200],
        title=f"{len(frame)} runs side by side",
        sentences=(note(table, metric), *items),
        caveats=CAVEATS,
        limits="It holds only for the data and the settings of these runs.",
        sections=(Section("What came out", (picture,), (_rows(table), _listed(frame, metric))),),
        method=(
            "Runs that differ in nothing but the seed are one row: mean over runs with Student's "
            "95 % interval. p is of no difference to the first row, paired by seed where three "
            "seeds or more are common, else Welch's.",
        ),
        facts={"command": f'make compare RUNS="{" ".join(wanted)}"', **versions()},
    )


def _attach(root: Path, wanted: list[str], path: Path) -> None:
    """Attach the page to the run of every study that was compared as a whole."""
    api = client(root)
    for name in set(wanted) & set(names()):
        wholes = search(api, f"tags.`harness.study` = '{name}' and tags.`harness.role` = 'study'")
        for whole in wholes:
            api.log_artifact(whole.info.run_id, str(path))


def _on_the_same_items(root: Path, runs: list[StoredRun]) -> list[str]:
    """Return what McNemar's test says of two runs on the same test examples; nothing of others."""
    if len(runs) != 2:
        return []
    inputs = [each for run in runs if run.inputs for each in run.inputs.dataset_inputs]
    data = {each.dataset.digest for each in inputs}
    found = [_correct(root, run) for run in runs]
    if not all(found) or len(data) != 1 or len(found[0]) != len(found[1]):
        return []
    first, second = ([letter == "1" for letter in text] for text in found)
    pair = paired_items(first, second)
    return [
        f"Of the same {pair.items:,} test examples {runs[0].info.run_id[:8]} alone gets "
        f"{pair.first_only} right and {runs[1].info.run_id[:8]} alone {pair.second_only}: "
        f"p = {pair.p:.2g} (McNemar, exact), for these two networks, not for how they were trained."
    ]


def _correct(root: Path, run: StoredRun) -> str:
    """Return which test examples a run got right; nothing if it did not classify a test set."""
    there = {each.path for each in client(root).list_artifacts(run.info.run_id)}
    return read_artifact(root, run, CORRECT) if CORRECT in there else ""


def _rows(table: pandas.DataFrame) -> Listing:
    settings = [name for name in table.columns if str(name).startswith(("recipe/", "tag/"))]
    measured = [name for name in table.columns if f"{name} ±" in table]
    differing = [name for name in measured if len(table) < 2 or table[name].nunique() > 1]
    cell = ["cell"] if table["cell"].any() else []
    columns = {name.partition("/")[2] or name: table[name] for name in [*cell, *settings, "n"]}
    for name in dict.fromkeys([table.attrs["metric"], *differing]):
        low, high = table[name] - table[f"{name} ±"], table[name] + table[f"{name} ±"]
        columns |= {name: table[name], f"{name} low": low, f"{name} high": high}
    shown = pandas.DataFrame(columns | {"p": table["p"]})
    about = "Best first; only what differs. Mean [95 % interval] over seeds."
    return listing("Settings and results", about, shown, group="answer")


def _listed(frame: pandas.DataFrame, metric: str) -> Listing:
    names = [name for name in ("run", "study", "name", "recipe/seed", metric) if name in frame]
    links = dict(zip(frame["run"], frame["url"], strict=True))
    shown = frame[names].rename(columns={"recipe/seed": "seed"})
    return listing("Runs", "Each run.", shown, links, group="answer", folded=len(frame) > 20)


def _runs(root: Path, name: str) -> list[StoredRun]:
    if name not in names():
        return [find_run(root, name)]
    found = search(client(root), f"tags.`harness.study` = '{name}'")
    trained = [run for run in found if run.data.tags.get("harness.status") == "finished"]
    if not trained:
        do = f"say make study NAME={name} first"
        raise UserError("study to compare", got=name, allowed="one with finished trials", do=do)
    return [run for run in trained if run.data.tags["harness.role"] == "confirm"] or trained


def _row(run: StoredRun) -> dict[str, object]:
    settings = {f"recipe/{name}": _number(value) for name, value in run.data.params.items()}
    metrics = {
        name.replace("best/", "val/", 1): value
        for name, value in run.data.metrics.items()
        if name.startswith(METRICS) and not name.startswith(("train/", "val/", "best/epoch"))
    }
    url = f"{UI}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    tags = run.data.tags
    about = {"study": tags.get("harness.study", ""), "name": run.info.run_name}
    about["cell"] = tags.get("harness.cell", "")
    if BASE in tags:
        about["tag/base"] = tags[BASE][:12]
    return {"run": run.info.run_id[:8], "url": url, **about, **settings, **metrics}


def _number(text: str) -> object:
    """Return the number that MLflow keeps as text, or the text."""
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if text.lstrip("-").isdigit() else value
