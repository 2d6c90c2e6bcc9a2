"""What pruning cost: whom it hit, and what became of those that were trained to their end."""

from collections.abc import Iterator

import numpy
import pandas

from harness.plots.style import p_written, written
from harness.record import Record
from harness.statistics.differences import welch_p
from harness.statistics.intervals import share_interval
from harness.statistics.power import SIGNIFICANCE

AUDITED = "pruned/audited"


def pruned_depths(record: Record) -> Iterator[str]:
    """Say it if pruning stopped deep networks more often, which may only be slower to start."""
    depth, rows = record.depth_name, record.tuned
    groups = {
        status: record.column(depth)[rows.index[rows["status"] == status]].dropna().to_list()
        for status in ("pruned", "finished")
    }
    p = welch_p(groups["pruned"], groups["finished"])
    if p < SIGNIFICANCE:
        means = {status: float(numpy.mean(values)) for status, values in groups.items()}
        which = "deep" if means["pruned"] > means["finished"] else "shallow"
        yield (
            f"Pruning hit {which} networks harder: {depth} is {means['pruned']:.1f} on average in "
            f"{len(groups['pruned'])} pruned trials and {means['finished']:.1f} in "
            f"{len(groups['finished'])} finished ones ({p_written(p)})."
        )


def pruning_cost(record: Record) -> Iterator[str]:
    """Say how many pruned trials would have been among the better half of what was kept.

    That is known of the random share of them that was trained to its end: the rate of false
    prunes, in all and by depth.
    """
    rows = record.tuned
    pruned = rows[rows["status"] == "pruned"]
    if pruned.empty:
        return
    audited = pruned[record.column(AUDITED)[pruned.index] == 1]
    if audited.empty:
        yield f"{len(pruned)} trials pruned, none trained to its end: what it cost is not known."
        return
    false = falsely_pruned(record, audited)
    share = share_interval(int(false.sum()), len(false))
    by_depth = false.groupby(record.column(record.depth_name)[false.index]).agg(["sum", "size"])
    parts = [f"{int(s)} of {int(n)} at {written(d)}" for d, (s, n) in by_depth.iterrows()]
    yield (
        f"Of {len(pruned)} pruned trials {len(false)}, drawn at random, trained to their end: "
        f"{share.mean:.0%} of them ({share.low:.0%} to {share.high:.0%}) would have been among the "
        f"better half of those that were kept; by {record.depth_name}: {', '.join(parts)}."
    )


def falsely_pruned(record: Record, audited: pandas.DataFrame) -> "pandas.Series[bool]":
    """Return for audited trials whether they ended better than the median of the finished ones."""
    objective = record.study.objectives[0]
    sign = -1 if record.larger_is_better(objective) else 1
    values = sign * record.column(objective)
    kept = values[record.tuned.index[record.tuned["status"] == "finished"]]
    return values[audited.index] < kept.median()
