"""Measures every architecture on the real test split of its dataset, and writes docs/zoo.md.

    make zoo                      the rows that are missing or whose recipe has changed
    make zoo ROWS="fashion-cnn"   these rows

A row on each core at once, one thread each; a row is on the page as soon as it ends. Each seed's
training lies in mlruns/zoo and goes on after a kill; docs/zoo.json keeps what was measured.
"""

import os
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing import get_context, parent_process
from pathlib import Path

import torch
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression

from benchmarks.zoo_page import Entry, stored, write
from benchmarks.zoo_rows import BASELINE, ROWS, Row
from harness.course import Watch
from harness.data.batches import Split
from harness.data.movie_reviews import MovieReviews
from harness.settings import UserError
from harness.sizing import count_parameters
from harness.training import train

ROOT = Path(__file__).parents[1]


def measure(row: Row, directory: Path) -> Entry:
    """Train the row's recipe with each seed and return its test scores."""
    recipe, scores, seconds = row.recipe, [], 0.0
    facts = recipe.data.facts()
    metric = row.metric or recipe.task.headline
    better = bool(recipe.task.metrics(facts)[metric].higher_is_better)
    picks = "loss" if row.by_loss else metric
    best_is_high = better and not row.by_loss
    watch = Watch(monitor=f"val/{picks}", higher_is_better=best_is_high, metrics=(metric,))
    for seed in range(row.seeds):
        seeded = replace(recipe, seed=seed)
        place = directory / recipe.hash / picks / str(seed)
        outcome = train(seeded, directory=place, watch=watch, test=True)
        scores.append(outcome.test[f"test/{metric}"])
        seconds += outcome.costs["cost/cpu_seconds"]
    return Entry(
        model=type(recipe.model).__name__,
        data=type(recipe.data).__name__,
        metric=metric.replace("_", " "),
        higher_is_better=better,
        scores=tuple(scores),
        aim=row.aim,
        parameters=count_parameters(recipe.model, facts),
        minutes=seconds / 60 / row.seeds,
        date=today(),
        recipe=recipe.hash,
    )


def measure_baseline(seeds: int) -> Entry:
    """Return what TF-IDF and logistic regression reach, its strength chosen on validation."""
    began, data = time.process_time(), MovieReviews()
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
        higher_is_better=True,
        scores=tuple(scores),
        aim=0.8,
        parameters=words + 1,
        minutes=(time.process_time() - began) / 60 / seeds,
        date=today(),
        recipe=BASELINE,
    )


def bags(split: Split, words: int) -> sparse.csr_matrix:
    """Return (texts, words): how often each text has each word."""
    text, place = torch.nonzero(split.inputs, as_tuple=True)
    ones, word = torch.ones(len(text)).numpy(), split.inputs[text, place]
    return sparse.csr_matrix((ones, (text.numpy(), word.numpy())), (len(split), words))


def today() -> str:
    """Return the date in UTC."""
    return datetime.now(UTC).date().isoformat()


def measured(name: str, root: Path) -> Entry | str:
    """Return what a row reaches, or why it cannot be measured here.

    An error would not do: one with named arguments does not come out of another process.
    """
    try:
        if name == BASELINE:
            return measure_baseline(5)
        return measure(ROWS[name], root / "mlruns" / "zoo" / name)
    except UserError as error:
        return str(error)


def main(wanted: Sequence[str], root: Path = ROOT) -> int:
    """Measure the rows that are wanted, or else all that are not stored; 1 if one could not be."""
    docs, failed = root / "docs", 0
    entries, names = stored(docs / "zoo.json"), (*ROWS, BASELINE)
    if strange := set(wanted) - set(names):
        raise UserError("ROWS", got=sorted(strange), allowed=", ".join(names), do="correct it")
    missing = [name for name in names if name not in entries]
    spawn = get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawn, initializer=_begin) as pool:
        rows = {pool.submit(measured, name, root): name for name in wanted or missing}
        for row in as_completed(rows):
            name, found = rows[row], row.result()
            if isinstance(found, str):
                failed = 1
                print(f"{name}: {found}", file=sys.stderr, flush=True)
                continue
            entries[name] = found
            write(entries, docs)
            print(f"{name}: {found.metric} {found.score()}", flush=True)
    return failed


def _begin() -> None:
    """Train with one thread, and no longer than the process that asked for it lives."""
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
