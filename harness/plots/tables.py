"""Tables: what a report lists, with links to the runs."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas

from harness.plots.parameters_by_type import PREFIX
from harness.plots.style import decimals, written
from harness.record import Record

SCHEMES = ("http://", "https://", "#")
"""Only such addresses become links."""
INTERVALS = {
    "mean": ("mean", "low", "high"),
    "difference": ("difference", "difference low", "difference high"),
}
"""Columns of the answer's table that are shown as one: value [low, high]."""


HEADERS = {
    "params/trainable": "trainable parameters",
    "n": "seeds",
    "p_holm": "p (Holm)",
    "recipe_hash": "recipe hash",
}


@dataclass(frozen=True)
class Entry:
    """One entry of a table: text, and an address if it is a link."""

    text: str
    link: str = ""


@dataclass(frozen=True)
class Listing:
    """A table with its heading and a sentence about it; long ones are folded away."""

    title: str
    about: str
    header: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    folded: bool = False


def listings(record: Record, table: pandas.DataFrame) -> Iterator[Listing]:
    """Yield the tables of a report, of which `table` is the answer's."""
    designed = bool(record.study.scientific)
    if designed:
        about = (
            f"{record.answer_metric}: mean over confirm seeds and paired difference to the "
            f"reference, with 95 % intervals; best search is {record.study.objectives[0]}."
        )
        yield _listing("Cells", about, _joined(table))
        yield _listing("Best recipes", "The best search trial of each cell.", *_recipes(record))
    else:
        about = "The best trials, or those on the Pareto front."
        yield _listing("Best trials", about, table, _links(record, table))
    yield _listing("How the trials ended", "Nothing is dropped.", _endings(record))
    yield _listing("Costs", "Means of finished trials.", _costs(record))
    odd = record.frame[record.frame["status"] != "finished"]
    names = ["trial", "role", "cell", "seed", "status", "reason"]
    about = "Every trial that did not finish, and why."
    yield _listing("Ledger", about, odd[names], _links(record, odd), folded=len(odd) > 20)
    about = "The ranges that tuning searched" + (", alike in every cell." if designed else ".")
    space = [(name, one.low, one.high, one.log) for name, one in record.bounds.items()]
    yield _listing(
        "Search space", about, pandas.DataFrame(space, columns=["name", "low", "high", "log"])
    )
    about = "Settings that were equal in every trial: the answer holds for these."
    yield _listing("Held fixed", about, _fixed(record), folded=True)


def _listing(
    title: str,
    about: str,
    table: pandas.DataFrame,
    links: Mapping[object, str] | None = None,
    *,
    folded: bool = False,
) -> Listing:
    rows = [
        tuple(
            Entry(_text(name, value), (links or {}).get(value, "") if name == "trial" else "")
            for name, value in zip(table.columns, row, strict=True)
        )
        for row in table.itertuples(index=False)
    ]
    names = [str(name).removeprefix("suggested/") for name in table.columns]
    header = tuple(HEADERS.get(name, name) for name in names)
    return Listing(title, about, header, tuple(rows), folded)


def _text(name: str, value: object) -> str:
    """Return a value as written, without separators of thousands where it is a name."""
    return written(value).replace(",", "") if name in ("trial", "seed") else written(value)


def _links(record: Record, rows: pandas.DataFrame) -> dict[object, str]:
    chosen = record.frame[record.frame["trial"].isin(rows["trial"])]
    urls = {
        trial: record.run_url(str(run))
        for trial, run in zip(chosen["trial"], chosen["run_id"], strict=True)
        if isinstance(run, str) and run
    }
    return {trial: url for trial, url in urls.items() if url.startswith(SCHEMES)}


def _joined(table: pandas.DataFrame) -> pandas.DataFrame:
    shown = table.copy()
    for name, columns in INTERVALS.items():
        values = table[list(columns)].itertuples(index=False)
        shown[name] = [_interval(*row) for row in values]
    apart = {column for columns in INTERVALS.values() for column in columns[1:]}
    return shown[[name for name in shown.columns if name not in apart]]


def _interval(value: float, low: float, high: float) -> str:
    if math.isnan(low):
        return written(value)
    digits = decimals((high - low) / 2)
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]".replace("-", "−")


def _recipes(record: Record) -> tuple[pandas.DataFrame, dict[object, str]]:
    best = pandas.concat([record.ranked(cell).head(1) for cell in record.cells()])
    names = [
        "cell",
        "trial",
        record.study.objectives[0],
        *record.columns("suggested/"),
        "recipe_hash",
    ]
    return best.reindex(columns=names), _links(record, best)


def _endings(record: Record) -> pandas.DataFrame:
    groups = record.frame.groupby(["cell", "role"], sort=False)
    counts = groups["status"].value_counts().unstack("status", fill_value=0)
    reused = groups["same_as"].count()
    if reused.any():
        counts["reused from an equal trial"] = reused
    return counts.reset_index()


def _costs(record: Record) -> pandas.DataFrame:
    finished = record.frame[record.frame["status"] == "finished"]
    names = [*record.columns("params/"), *record.columns("cost/")]
    names = [name for name in names if not name.startswith(PREFIX)]
    return (
        finished.groupby("cell", sort=False)[names].mean().reset_index() if names else finished[[]]
    )


def _fixed(record: Record) -> pandas.DataFrame:
    found = [
        (name.removeprefix("recipe/"), record.frame[name].iloc[0])
        for name in record.columns("recipe/")
        if record.frame[name].nunique(dropna=False) == 1
    ]
    return pandas.DataFrame(found, columns=["setting", "value"])
