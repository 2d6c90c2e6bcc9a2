"""Reproduction: what a study's published results came to here, with the seeds' uncertainty."""

import math
from collections.abc import Iterator

import pandas

from harness.published import Published
from harness.record import Record
from harness.statistics.intervals import SMALLEST_INTERVAL, t_interval
from harness.study import label

ABOUT = (
    "Each with the bound that was written in the study before it ran. Ours: mean over fresh seeds "
    "with its 95 % interval; in the mean: the interval reaches past the bound."
)
HOLDS = ("holds", "holds in the mean")


def reproduced(record: Record) -> pandas.DataFrame:
    """Return one row for each published result: claim, verdict, ours, tolerance, published, source.

    `ours` is the mean over seeds with its 95 % interval. The verdict is "holds" if all of the
    interval is on the right side of the bound, "holds in the mean" if the mean alone is, "misses in
    the mean" if the mean is not but some of the interval, else "does not hold"; where the bound is
    for a share of the seeds, "holds" or "does not hold".
    """
    return pandas.DataFrame([_row(record, each) for each in record.study.published])


def sentences(record: Record) -> Iterator[str]:
    """Yield what holds and what does not."""
    table = reproduced(record)
    known = table[table["verdict"] != "too few seeds"]
    if not len(known):
        yield "No answer yet: too few seeds are confirmed."
        return
    held = known["verdict"].isin(HOLDS)
    yield f"{held.sum()} of {len(table)} published results hold here, at this small scale."
    for row in known.to_dict("records"):
        ours, low, high = (f"{row[name]:.3g}" for name in ("ours", "ours low", "ours high"))
        yield (
            f"{str(row['verdict']).capitalize()}: {row['claim']} ({row['source']}). It took "
            f"{row['tolerance']}; ours is {ours} [{low}, {high}] in {row['seeds']} seeds."
        )


def _row(record: Record, one: Published) -> dict[str, object]:
    effects = list(_effects(record, one).values())
    ours = t_interval(effects)
    return {
        "claim": one.says,
        "verdict": _verdict(one, effects),
        "ours": ours.mean,
        "ours low": ours.low,
        "ours high": ours.high,
        "tolerance": one.tolerance,
        "published": one.figures,
        "source": one.source,
        "seeds": len(effects),
        "seeds that meet it": sum(map(one.met, effects)),
    }


def _effects(record: Record, one: Published) -> dict[int, float]:
    """Return the number of every seed that all levels have."""
    sides = [[_by_seed(record, one, level) for level in side] for side in (one.of, one.against)]
    every = [values for side in sides for values in side]
    seeds = sorted(set(every[0]).intersection(*every[1:]))
    return {
        seed: one.effect(*([values[seed] for values in side] for side in sides)) for seed in seeds
    }


def _by_seed(record: Record, one: Published, level: object) -> dict[int, float]:
    (name,) = record.study.scientific
    cell = next(each for each in record.study.cells() if each[name] == level)
    rows = record.confirmed(label(cell), one.metric)
    return {int(s): float(v) for s, v in zip(rows["seed"], rows["value"], strict=True)}


def _verdict(one: Published, effects: list[float]) -> str:
    if len(effects) < SMALLEST_INTERVAL:
        return "too few seeds"
    if one.share is not None:
        enough = sum(map(one.met, effects)) >= math.ceil(one.share * len(effects) - 1e-9)
        return "holds" if enough else "does not hold"
    interval = t_interval(effects)
    ends = [one.met(interval.low), one.met(interval.high)]
    if one.met(interval.mean):
        return "holds" if all(ends) else "holds in the mean"
    return "misses in the mean" if any(ends) else "does not hold"
