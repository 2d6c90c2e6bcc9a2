"""The zoo's page: what was measured of each row, kept in docs/zoo.json and told in docs/zoo.md."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.zoo_rows import BASELINE, BASELINE_SHORT, ROWS
from harness.statistics.intervals import half_width_in_deviations

HEAD = """\
# What each architecture reaches

Test scores of the weights that were best on validation, the mean over seeds ± the 95 %
interval's half-width (a row of one seed has none); CPU minutes of one training. Written by
`make zoo`; the recipes are in [zoo_rows.py](../benchmarks/zoo_rows.py).

| row | model | data | metric | score | aim | seeds | parameters | CPU minutes | date |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What was measured of one row: a test score for each seed."""

    model: str
    data: str
    metric: str
    higher_is_better: bool
    scores: tuple[float, ...]
    aim: float | None
    parameters: int
    minutes: float
    date: str
    recipe: str
    """The recipe's hash: an entry of another recipe is out of date."""

    @property
    def mean(self) -> float:
        """The mean score over seeds."""
        return float(np.mean(self.scores))

    @property
    def missed(self) -> bool:
        """Whether the mean falls short of the aim."""
        if self.aim is None:
            return False
        return self.mean < self.aim if self.higher_is_better else self.mean > self.aim

    def score(self) -> str:
        """Return the mean over seeds with the half-width of its 95 % interval, if there is one."""
        if len(self.scores) == 1:
            return f"{self.mean:.3f}"
        half = half_width_in_deviations(len(self.scores)) * np.std(self.scores, ddof=1)
        return f"{self.mean:.3f} ± {half:.3f}"


def page(entries: Mapping[str, Entry]) -> str:
    """Return the page: a row an entry, then what is missed and why, and what is not measured."""
    lines = [_line(name, entry) for name, entry in entries.items()]
    short = [_shortfall(name, entry) for name, entry in entries.items() if entry.missed]
    absent = [name for name in ROWS if name not in entries]
    text = HEAD + "\n".join(lines) + "\n"
    if short:
        text += "\nMissed:\n\n" + "\n".join(short) + "\n"
    if absent:
        text += f"\nNot measured with the present recipe: {', '.join(absent)}.\n"
    return text


def _line(name: str, entry: Entry) -> str:
    cells = (
        name,
        entry.model,
        entry.data,
        entry.metric,
        entry.score(),
        "" if entry.aim is None else f"{entry.aim:g}",
        str(len(entry.scores)),
        f"{entry.parameters:,}",
        f"{entry.minutes:.1f}",
        entry.date,
    )
    return f"| {' | '.join(cells)} |"


def _shortfall(name: str, entry: Entry) -> str:
    why = BASELINE_SHORT if name == BASELINE else ROWS[name].short
    return f"- {name}: {entry.mean:.3f}, aim {entry.aim:g}. {why or 'The reason is not known.'}"


def stored(path: Path) -> dict[str, Entry]:
    """Return the entries whose recipe is still the row's."""
    if not path.is_file():
        return {}
    hashes = {name: row.recipe.hash for name, row in ROWS.items()} | {BASELINE: BASELINE}
    found = json.loads(path.read_text(encoding="utf-8"))
    entries = {
        name: Entry(**{**each, "scores": tuple(each["scores"])}) for name, each in found.items()
    }
    return {name: entry for name, entry in entries.items() if hashes.get(name) == entry.recipe}


def write(entries: Mapping[str, Entry], docs: Path) -> None:
    """Write what was measured, and the page, in the order of the rows."""
    ordered = {name: entries[name] for name in (*ROWS, BASELINE) if name in entries}
    encoded = {name: asdict(entry) for name, entry in ordered.items()}
    (docs / "zoo.json").write_text(json.dumps(encoded, indent=1) + "\n", encoding="utf-8")
    (docs / "zoo.md").write_text(page(ordered), encoding="utf-8")
