"""Measures every architecture on the real test split of its dataset, and writes docs/zoo.md.

    make zoo                      the rows that are missing or whose recipe has changed
    make zoo ROWS="fashion-cnn"   these rows

Each seed's training lies in mlruns/zoo and goes on after a kill; docs/zoo.json keeps what was
measured.
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression

from benchmarks.zoo_rows import ROWS, Row
from harness.course import Watch
from harness.data.batches import Split
from harness.data.movie_reviews import MovieReviews
from harness.settings import UserError
from harness.sizing import count_parameters
from harness.statistics.intervals import half_width_in_deviations
from harness.training import train

ROOT = Path(__file__).parents[1]
BASELINE = "reviews-tfidf"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What was measured of one row: a test score for each seed."""

    model: str
    data: str
    metric: str
    scores: tuple[float, ...]
    aim: float | None
    parameters: int
    minutes: float
    date: str
    recipe: str
    """The recipe's hash: an entry of another recipe is out of date."""

    def score(self) -> str:
        """Return the mean over seeds with the half-width of its 95 % interval, if there is one."""
        mean = f"{np.mean(self.scores):.3f}"
        if len(self.scores) == 1:
            return mean
        half = half_width_in_deviations(len(self.scores)) * np.std(self.scores, ddof=1)
        return f"{mean} ± {half:.3f}"


def measure(row: Row, directory: Path) -> Entry:
    """Train the row's recipe with each seed and return its test scores."""
    recipe, scores, seconds = row.recipe, [], 0.0
    facts = recipe.data.facts()
    metric = row.metric or recipe.task.headline
    better = bool(recipe.task.metrics(facts)[metric].higher_is_better)
    watch = Watch(monitor=f"val/{metric}", higher_is_better=better, metrics=(metric,))
    for seed in range(row.seeds):
        seeded = replace(recipe, seed=seed)
        place = directory / recipe.hash / str(seed)
        outcome = train(seeded, directory=place, watch=watch, test=True)
        scores.append(outcome.test[f"test/{metric}"])
        seconds += outcome.costs["cost/wall_seconds"]
    return Entry(
        model=type(recipe.model).__name__,
        data=type(recipe.data).__name__,
        metric=metric.replace("_", " "),
        scores=tuple(scores),
        aim=row.aim,
        parameters=count_parameters(recipe.model, facts),
        minutes=seconds / 60 / row.seeds,
        date=today(),
        recipe=recipe.hash,
    )


def measure_baseline(seeds: int) -> Entry:
    """Return what TF-IDF and logistic regression reach, its strength chosen on validation."""
    began, data = time.perf_counter(), MovieReviews()
    words = data.facts().vocabulary
    assert words is not None
    scores = []
    for seed in range(seeds):
        splits = data.build(seed=seed, batch_size=None).splits
        weights = TfidfTransformer(sublinear_tf=True).fit(bags(splits.train, words))
        train, validation, test = (
            (weights.transform(bags(split, words)), split.targets.numpy())
            for split in (splits.train, splits.validation, splits.test)
        )
        fits = [LogisticRegression(C=c, max_iter=1_000).fit(*train) for c in (0.3, 1, 3, 10)]
        scores.append(float(max(fits, key=lambda fit: fit.score(*validation)).score(*test)))
    return Entry(
        model="TF-IDF + logistic regression",
        data=type(data).__name__,
        metric="accuracy",
        scores=tuple(scores),
        aim=0.8,
        parameters=words + 1,
        minutes=(time.perf_counter() - began) / 60 / seeds,
        date=today(),
        recipe=BASELINE,
    )


def bags(split: Split, words: int) -> sparse.csr_matrix:
    """Return (texts, words): how often each text has each word."""
    text, place = torch.nonzero(split.inputs, as_tuple=True)
    ones, word = np.ones(len(text)), split.inputs[text, place]
    return sparse.csr_matrix((ones, (text.numpy(), word.numpy())), (len(split), words))


def table(entries: Sequence[Entry]) -> str:
    """Return the page: one row an entry."""
    lines = [
        "# What each architecture reaches",
        "",
        "Test scores of the weights that were best on validation, the mean over seeds ± the 95 %",
        "interval's half-width; minutes of one training on one thread of a shared CPU. Written by",
        "`make zoo`; the recipes are in [zoo_rows.py](../benchmarks/zoo_rows.py).",
        "",
        "| model | data | metric | score | aim | seeds | parameters | minutes | date |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for entry in entries:
        cells = (
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
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def today() -> str:
    """Return the date in UTC."""
    return datetime.now(UTC).date().isoformat()


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
    (docs / "zoo.md").write_text(table(list(ordered.values())), encoding="utf-8")


def main(wanted: Sequence[str]) -> None:
    """Measure the rows that are wanted, or else all that are not stored."""
    torch.set_num_threads(1)
    docs = ROOT / "docs"
    entries = stored(docs / "zoo.json")
    names = (*ROWS, BASELINE)
    if strange := set(wanted) - set(names):
        raise UserError("ROWS", got=sorted(strange), allowed=", ".join(names), do="correct it")
    for name in wanted or [each for each in names if each not in entries]:
        print(f"{name} …", flush=True)
        directory = ROOT / "mlruns" / "zoo" / name
        entries[name] = measure_baseline(5) if name == BASELINE else measure(ROWS[name], directory)
        write(entries, docs)
        print(f"{name}: {entries[name].metric} {entries[name].score()}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
