"""By cell: the mean of any metric over the runs that stand for each cell, with its interval."""

import pandas

from harness.plots.panels import placed
from harness.record import Record
from harness.statistics.intervals import mean_interval


def by_cell(record: Record, metric: str) -> pandas.DataFrame:
    """Return panel, level, cell, run (of the first), seeds, mean, low and high of every cell.

    A cell without a value has no row; of a single run low and high are its value.
    """
    chosen = [record.chosen(cell) for cell in record.cells()]
    rows = placed(record, pandas.concat(chosen))
    rows = rows.assign(value=record.column(metric)[rows.index]).dropna(subset=["value"])
    found = []
    for cell, part in rows.groupby("cell", sort=False):
        values = part["value"].to_list()
        interval = mean_interval(values)
        first = part.iloc[0]
        known = len(values) > 1
        found.append(
            {
                **{name: first[name] for name in ("panel", "level", "run")},
                "cell": cell,
                "seeds": len(values),
                "mean": interval.mean,
                "low": interval.low if known else interval.mean,
                "high": interval.high if known else interval.mean,
            }
        )
    names = ["panel", "level", "cell", "run", "seeds", "mean", "low", "high"]
    return pandas.DataFrame(found, columns=names)
