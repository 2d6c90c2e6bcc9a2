"""Caveats: what limits a study's answer, whichever of its claims is meant."""

from collections.abc import Iterator

import pandas

from harness.plots import gradient_norms, tuning
from harness.plots.style import written
from harness.pruning_cost import pruned_depths, pruning_cost
from harness.record import BUDGET_NAMES, Record
from harness.statistics.intervals import SMALLEST_INTERVAL
from harness.statistics.power import SIGNIFICANCE, SMALLEST_CLAIM
from harness.statistics.tuning import share_reached
from harness.study import label

LOOKS_AGAIN = "8 % with 10, then 20 seeds; 11 % with 40 as well"
"""Simulated null comparisons that are significant at any look (tests/statistics, 2026-11-22)."""
UNEVEN = 100
"""Networks that train have less: MLPs of 8 and 32 layers with He's initialisation 1 and 3, with
torch's default 157 of 8 layers and 4,830 of 12, CNNs and transformers 3 to 8, an attentive BiRNN
27 (2026-11-22). Beyond it a comparison of depths is one of initialisations."""
OFF_BUDGET = 0.02
"""Widths are whole numbers: more than 2 % off the wanted number of parameters is mentioned."""
LIGHT_TUNING = 0.25
"""Ten random trials are sure (95 %) to reach the best quarter of a search space, not more."""


def progress(record: Record) -> str:
    """Return how many of a designed study's planned trials finished or diverged."""
    cells = len(record.cells())
    study = record.study
    planned = {"search": study.trials_per_cell * cells, "confirm": study.seeds * cells}
    ended = {
        role: int(record.rows(role)["status"].isin(("finished", "diverged")).sum())
        for role in planned
    }
    parts = [f"{ended[role]} of {planned[role]} {role} trials" for role in planned]
    return f"{' and '.join(parts)} have a result"


def caveats(record: Record) -> tuple[str, ...]:
    """Return what limits a study's answer: what failed, diverged, is missing, or at an edge."""
    every = (
        *(_missing, _failed, _diverged, _remarked, _superseded, _few_seeds, _off_budget),
        *(_edges, _light_tuning, pruned_depths, pruning_cost, _uneven_gradients),
        *(_late_claims, _later_seeds, _test_reads),
    )
    return tuple(line for limits in every for line in limits(record))


def _missing(record: Record) -> Iterator[str]:
    waiting = record.frame[record.frame["status"].isin(("running", "waiting"))]
    if len(waiting):
        yield f"Unfinished trials: {_by_cell(waiting)}."
    confirmed = [len(record.confirmed(cell)) for cell in record.cells()]
    foreign = record.frame[~record.frame["cell"].isin(record.cells())]
    if record.study.scientific and len(foreign):
        yield f"Trials of cells that the study no longer has, left out: {_by_cell(foreign)}."
    if record.study.scientific and min(confirmed) < record.study.seeds:
        interim = max(confirmed) >= SMALLEST_INTERVAL
        look = " Until it is, this is an interim look, which may turn." if interim else ""
        yield f"The study is not complete: {progress(record)}.{look}"


def _failed(record: Record) -> Iterator[str]:
    failed = record.frame[record.frame["status"] == "failed"]
    if len(failed):
        yield f"Failed trials, which count for nothing: {_by_cell(failed)}."


def _diverged(record: Record) -> Iterator[str]:
    searched = record.tuned[record.tuned["status"] == "diverged"]
    if len(searched):
        yield f"Diverged while tuning, so never chosen: {_by_cell(searched)}."
    rows = [record.confirmed(cell) for cell in record.cells()]
    imputed = pandas.concat([cell[cell["imputed"]] for cell in rows])
    if len(imputed):
        worst = written(record.worst(record.answer_metric))
        yield (
            f"Diverged confirm runs, counted as the worst value of the study "
            f"({record.answer_metric} {worst}): {_by_cell(imputed)}."
        )
    elif (record.rows("confirm")["status"] == "diverged").any():
        yield "Every confirm run diverged, so that there is no worst value to count them as."


def _remarked(record: Record) -> Iterator[str]:
    """Say what the task remarked of confirm runs: that a generator has collapsed, for one."""
    rows = record.rows("confirm")
    remarks = [str(reason).partition("; ")[2].partition(":")[0] for reason in rows["reason"]]
    for remark in dict.fromkeys(remarks):
        if remark:
            remarked = rows[[each == remark for each in remarks]]
            yield f"Confirm runs with the remark “{remark}”: {_by_cell(remarked)}."


def _superseded(record: Record) -> Iterator[str]:
    for cell in record.cells():
        hashes = record.rows("confirm", cell)["recipe_hash"].dropna()
        best = record.ranked(cell)
        if hashes.nunique() > 1:
            yield (
                f"{cell}: an earlier recipe was confirmed before and is left out; the test set "
                f"was touched before the present recipe was chosen."
            )
        elif len(best) and len(hashes) and best["recipe_hash"].iloc[0] != hashes.iloc[0]:
            yield f"{cell}: a better recipe was found after the one that was confirmed."


def _few_seeds(record: Record) -> Iterator[str]:
    if record.study.scientific and record.study.seeds < SMALLEST_CLAIM:
        yield f"{record.study.seeds} seeds for each cell: a claim needs {SMALLEST_CLAIM}."


def _off_budget(record: Record) -> Iterator[str]:
    for name in set(BUDGET_NAMES) & set(record.study.scientific):
        off = []
        for cell in record.study.cells():
            wanted, actual = float(cell[name]), record.trainable(label(cell))
            if abs(actual - wanted) > OFF_BUDGET * wanted:
                off.append(
                    f"{label(cell)} has {written(round(actual))} ({actual / wanted - 1:+.1%})"
                )
        if off:
            yield f"More than 2 % off the wanted number of trainable parameters: {listed(off)}."


def _edges(record: Record) -> Iterator[str]:
    for name, cells in tuning.edges(record).items():
        bounds = record.bounds[name]
        where = listed([f"{side} in {cell}" for cell, side in cells.items()])
        yield (
            f"The best {name} is at the edge of its range, {written(bounds.low)} to "
            f"{written(bounds.high)}, and may lie beyond it: {where}."
        )


def _light_tuning(record: Record) -> Iterator[str]:
    trials = record.study.trials_per_cell
    reached = share_reached(trials)
    if record.study.scientific and record.columns("suggested/") and reached > LIGHT_TUNING:
        yield (
            f"{trials} tuning trial{'s' * (trials > 1)} in each cell: as many random ones are 95 % "
            f"sure to reach the best {reached:.0%} of the search space, and no less."
        )


def _uneven_gradients(record: Record) -> Iterator[str]:
    """Say it where layers begin with so unequal gradients that they cannot train alike."""
    data = gradient_norms.numbers(record)
    first = data[data["moment"] == gradient_norms.FIRST] if len(data) else data
    uneven = []
    for (cell, level), norms in first.groupby(["cell", "level"], sort=False) if len(first) else ():
        ratio = norms["mean"].max() / norms["mean"].min()
        if ratio > UNEVEN:
            uneven.append(f"{str(cell) or level} ({ratio:,.0f} times)")
    if uneven:
        yield (
            f"Gradients of the first step differ more than {UNEVEN} times between layers, so that "
            f"initialisation may decide, not depth: {listed(uneven)}."
        )


def _late_claims(record: Record) -> Iterator[str]:
    planned = record.study.planned()
    late = sum(record.seen(each) > 0 for each in planned)
    if late:
        yield f"{late} of {len(planned)} claims were made after trials were seen: they explore."
    bounds = [each.key for each in record.study.published]
    moved = sum(record.registration.claims.get(key, 1) > 0 for key in bounds)
    if moved:
        yield f"{moved} of {len(bounds)} bounds were written after trials were seen."
    claimed = {*(each.key for each in planned), *bounds}
    gone = [key for key in record.registration.claims if key not in claimed]
    if gone:
        yield f"Claimed before and since withdrawn: {listed(gone)}."


def _later_seeds(record: Record) -> Iterator[str]:
    looks = sorted(n for n in record.registration.seeds if n >= SMALLEST_CLAIM)
    if len(looks) > 1:
        numbers = " and ".join(map(str, looks))
        yield (
            f"The answer was asked for at {numbers} seeds: p-values are those of one look, and who "
            f"looks again with more seeds errs more often than in {SIGNIFICANCE:.0%} "
            f"({LOOKS_AGAIN})."
        )


def _test_reads(record: Record) -> Iterator[str]:
    rows = record.rows("confirm")
    read = rows[rows["status"].isin(("finished", "diverged")) & rows["same_as"].isna()]
    once = sum(len(record.confirmed(cell)) for cell in record.cells())
    if len(read) > once > 0:
        yield (
            f"The test set was read {len(read)} times, {len(read) - once} of them by runs that do "
            f"not count towards the answer."
        )


def _by_cell(rows: pandas.DataFrame) -> str:
    counts = rows.groupby("cell", sort=False).size()
    return f"{len(rows)} ({listed([f'{number} in {cell}' for cell, number in counts.items()])})"


def listed(items: list[str], most: int = 6) -> str:
    """Return the items in one line, those after `most` as their number."""
    more = [f"and {len(items) - most} more"] if len(items) > most else []
    return "; ".join([*items[:most], *more])
