"""Audits: what speaks against the fairness of one comparison, to be said with its verdict."""

from collections.abc import Iterator, Mapping

from harness.caveats import OFF_BUDGET
from harness.claims import Value
from harness.comparisons import Comparison
from harness.plots.style import written
from harness.record import BUDGET_NAMES, Record
from harness.study import label

FEW_TUNING = 0.5
"""A cell of which fewer than half of the tuning trials finished was hardly tuned."""
Edges = Mapping[str, Mapping[str, str]]


def spoken(name: str, value: Value) -> str:
    """Return a scientific value as said: "depth 4", "8,000 parameters"."""
    return f"{written(value)} parameters" if name in BUDGET_NAMES else f"{name} {written(value)}"


def audits(record: Record, one: Comparison, edges: Edges) -> Iterator[str]:
    """Yield what makes the two sides unequal, or either untrustworthy; `edges` as tuning.edges."""
    contrast = one.contrast
    sides = {spoken(contrast.compare, contrast.a): label(contrast.first)}
    sides[spoken(contrast.compare, contrast.b)] = label(contrast.second)
    for level, cell in sides.items():
        for name, found in edges.items():
            if cell in found:
                yield f"the best {name} of {level} is at the {found[cell]} edge of its range"
        yield from _cell(record, level, cell, one.metric)
    if contrast.compare in BUDGET_NAMES:
        return
    (less, fewest), (more, most) = sorted(
        ((level, record.trainable(cell)) for level, cell in sides.items()), key=lambda one: one[1]
    )
    if most > (1 + OFF_BUDGET) * fewest > 0:
        times, tuned = f"{most / fewest:.3g} times", bool(record.columns("drift/"))
        by = f"trains {times} as many parameters as" if tuned else f"has {times} the parameters of"
        yield f"{more} {by} {less}"


def _cell(record: Record, level: str, cell: str, metric: str) -> Iterator[str]:
    planned, finished = record.study.trials_per_cell, len(record.ranked(cell))
    if 0 < finished < FEW_TUNING * planned:
        yield f"only {finished} of {planned} tuning trials of {level} finished"
    confirmed = record.confirmed(cell, metric)
    if imputed := int(confirmed["imputed"].sum()):
        of = f"{imputed} of {len(confirmed)} seeds of {level}"
        yield f"{of} diverged and count as the worst value"
    if record.rows("confirm", cell)["recipe_hash"].nunique() > 1:
        yield f"the test set was read before the present recipe of {level} was chosen"
