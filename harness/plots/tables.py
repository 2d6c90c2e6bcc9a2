"""Tables: what a report lists, with links to the runs."""

from collections.abc import Iterator

import pandas

from harness.plots.listing import Listing, listing
from harness.plots.panels import addresses
from harness.plots.parameters_by_type import PREFIX
from harness.record import Record

COUNTED = ("params/", "flops/", "memory/")
"""What a network has and needs before it is trained."""
LONG = 20
"""A table of more rows is folded, but for the answer's."""


def listings(record: Record, table: pandas.DataFrame) -> Iterator[Listing]:
    """Yield the tables of a report, of which `table` is the answer's."""
    yield _answer(record, table)
    yield from _networks(record)
    yield from _tuning(record)
    yield from _ledger(record)


def _answer(record: Record, table: pandas.DataFrame) -> Listing:
    if record.study.scientific:
        about = (
            f"{record.answer_metric}: mean over confirm seeds and paired difference to the "
            f"reference, with 95 % intervals; best search is {record.study.objectives[0]}."
        )
        return listing("Cells", about, table, group="answer")
    about = "The best trials, or those on the Pareto front."
    return listing("Best trials", about, table, _links(record, table), group="answer")


def _networks(record: Record) -> Iterator[Listing]:
    about = 'Of the recipe that stands for each cell; no one of them is just "the depth".'
    depths = _means(record, ("depth/",), chosen=True)
    yield listing("Depth by every definition", about, depths, group="networks")
    about = "Means of finished trials; what was the same everywhere is left out."
    costs = _means(record, (*COUNTED, "cost/"), chosen=False)
    yield listing("Sizes and costs", about, _differing(costs), group="networks")


def _tuning(record: Record) -> Iterator[Listing]:
    designed = bool(record.study.scientific)
    if designed:
        best = pandas.concat([record.ranked(cell).head(1) for cell in record.cells()])
        tuned = [record.study.objectives[0], *record.columns("suggested/")]
        names = ["cell", "trial", *tuned, "recipe_hash"]
        table, links = best.reindex(columns=names), _links(record, best)
        about = "The best search trial of each cell."
        yield listing("Best recipes", about, table, links, group="tuning")
    about = "The ranges that tuning searched" + (", alike in every cell." if designed else ".")
    space = [(name, one.low, one.high, one.log) for name, one in record.bounds.items()]
    names = ["name", "low", "high", "log"]
    yield listing("Search space", about, pandas.DataFrame(space, columns=names), group="tuning")
    about = "Settings that were equal in every trial: the answer holds for these."
    yield listing("Held fixed", about, _fixed(record), group="tuning", folded=True)


def _ledger(record: Record) -> Iterator[Listing]:
    about = "Trials by how they ended: of each cell, unless all finished."
    endings = _endings(record)
    yield listing("Endings", about, endings, group="ledger", folded=len(endings) > LONG)
    odd = record.frame[record.frame["status"] != "finished"]
    names = ["trial", "role", "cell", "seed", "status", "reason"]
    about = "Every trial that did not finish, and why."
    links, folded = _links(record, odd), len(odd) > LONG
    yield listing("Not finished", about, odd[names], links, group="ledger", folded=folded)
    about = "Each training of the study; a click on a heading sorts."
    every, links = _every(record), _links(record, record.frame)
    yield listing("All trials", about, every, links, group="ledger", folded=True)


def _links(record: Record, rows: pandas.DataFrame) -> dict[object, str]:
    chosen = record.frame[record.frame["trial"].isin(rows["trial"])]
    urls = zip(chosen["trial"], addresses(record, chosen), strict=True)
    return {trial: url for trial, url in urls if url}


def _means(record: Record, prefixes: tuple[str, ...], *, chosen: bool) -> pandas.DataFrame:
    names = [name for prefix in prefixes for name in record.columns(prefix)]
    names = [name for name in names if not name.startswith(PREFIX)]
    rows = record.frame[record.frame["status"] == "finished"]
    if chosen and record.study.scientific:
        rows = pandas.concat([record.chosen(cell) for cell in record.cells()])
    means = rows.groupby("cell", sort=False)[names].mean() if names else pandas.DataFrame()
    return means.reset_index() if names else means


def _differing(table: pandas.DataFrame) -> pandas.DataFrame:
    """Return the columns that are not the same in every row; all of a table of one row."""
    kept = [name for name in table.columns if len(table) < 2 or table[name].nunique() > 1]
    return table[kept]


def _endings(record: Record) -> pandas.DataFrame:
    alike = (record.frame["status"] == "finished").all()
    groups = record.frame.groupby(["role"] if alike else ["cell", "role"], sort=False)
    counts = groups["status"].value_counts().unstack("status", fill_value=0)
    reused = groups["same_as"].count()
    if reused.any():
        counts["reused from an equal trial"] = reused
    return counts.reset_index()


def _every(record: Record) -> pandas.DataFrame:
    names = ["trial", "role", "cell", "seed", "status", *record.columns("suggested/")]
    for prefix in ("train/", "val/", "test/"):
        names += record.columns(prefix)
    return record.frame[[*names, "recipe_hash"]]


def _fixed(record: Record) -> pandas.DataFrame:
    found = [
        (name.removeprefix("recipe/"), record.frame[name].iloc[0])
        for name in record.columns("recipe/")
        if record.frame[name].nunique(dropna=False) == 1
    ]
    return pandas.DataFrame(found, columns=["setting", "value"])
