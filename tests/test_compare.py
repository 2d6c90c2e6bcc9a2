"""Comparison shows what differs, groups seeds, and says when the best two cannot be told apart."""

import numpy
import pandas
import pytest

from harness.compare import as_text, compare
from harness.settings import UserError


def runs(gap: float, seeds: int = 8, seed: int = 0) -> pandas.DataFrame:
    """Return runs of two depths whose accuracies differ by `gap`, with a seed effect in common."""
    random = numpy.random.default_rng(seed)
    common = random.normal(0, 0.05, seeds)
    rows = [
        {
            "run": f"r{depth}-{seed}",
            "recipe/model.depth": depth,
            "recipe/lr": 0.01,
            "recipe/seed": seed,
            "tag/strategy": "Full",
            "val/accuracy": 0.7 + gap * (depth == 4) + common[seed] + random.normal(0, 0.005),
            "val/loss": 0.5,
            "params/trainable": 1000 * depth,
        }
        for depth in (1, 4)
        for seed in range(seeds)
    ]
    frame = pandas.DataFrame(rows)
    frame.attrs.update(headline="accuracy", higher_is_better={"accuracy": True, "loss": False})
    return frame


def test_seeds_are_one_row_and_equal_settings_are_not_shown() -> None:
    table = compare(runs(0.05))
    assert table["recipe/model.depth"].tolist() == [4, 1]
    assert table["n"].tolist() == [8, 8]
    assert not {"recipe/lr", "recipe/seed", "tag/strategy"} & set(table.columns)
    assert table["val/accuracy"].iloc[0] > table["val/accuracy"].iloc[1]
    assert (table["val/accuracy ±"] > 0).all()


def test_pairing_tells_apart_what_the_intervals_alone_would_not() -> None:
    table = compare(runs(0.03))
    gap = table["val/accuracy"].iloc[0] - table["val/accuracy"].iloc[1]
    assert gap < table["val/accuracy ±"].sum()
    assert table["p"].iloc[1] < 0.05
    assert "The best two are separable by val/accuracy" in as_text(table)


def test_best_first_follows_the_metric() -> None:
    assert compare(runs(0.05), "params/trainable")["recipe/model.depth"].tolist() == [1, 4]
    reverse = compare(runs(0.05), "params/trainable", larger_is_better=True)
    assert reverse["recipe/model.depth"].tolist() == [4, 1]


def test_equal_runs_are_not_separable() -> None:
    texts = [as_text(compare(runs(0.0, seed=seed))) for seed in range(20)]
    assert sum("not separable by val/accuracy (p = " in text for text in texts) >= 17


def test_single_runs_have_no_interval_and_no_test() -> None:
    frame = runs(0.05, seeds=1)
    frame.loc[1, "val/accuracy"] = None
    table = compare(frame)
    assert table["val/accuracy"].isna().tolist() == [False, True]
    assert "too few seeds" in as_text(table)


def test_text_fits_eighty_columns_and_leaves_markup_alone() -> None:
    frame = runs(0.05)
    frame["tag/note"] = ["[red]long words of a user " * 4 + str(n // 8) for n in range(len(frame))]
    text = as_text(compare(frame))
    assert max(map(len, text.splitlines())) <= 80
    assert "[red]" in text


def test_runs_of_one_recipe_are_one_row() -> None:
    frame = runs(0.0)
    alike = frame[frame["recipe/model.depth"] == 1].reset_index(drop=True)
    assert len(compare(alike)) == 1
    assert "differ in the seed alone" in as_text(compare(alike))


def test_a_metric_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(UserError, match="val/accuracy, val/loss"):
        compare(runs(0.0), "val/acuracy")
    with pytest.raises(UserError, match="runs to compare"):
        compare(pandas.DataFrame({"run": []}))


def test_a_setting_that_only_some_runs_have_tells_them_apart() -> None:
    frame = runs(0.05).drop(columns="recipe/model.depth")
    frame["recipe/strategy.rank"] = [8.0 if size == 1000 else None for size in sizes(frame)]
    table = compare(frame)
    assert len(table) == 2
    assert "rank" in as_text(table)


def test_cells_of_a_study_go_by_their_names() -> None:
    frame = runs(0.05)
    frame["cell"] = [f"depth={size // 1000}" for size in sizes(frame)]
    first, *lines = as_text(compare(frame)).splitlines()
    assert first.split()[0] == "cell"
    assert [line.split()[0] for line in lines[:2]] == ["depth=4", "depth=1"]
    frame["cell"] = "all"
    assert as_text(compare(frame)).startswith("depth ")


def test_settings_have_columns_until_they_are_too_many() -> None:
    frame = runs(0.05)
    frame["recipe/data.limit"] = [100 + size for size in sizes(frame)]
    assert as_text(compare(frame)).splitlines()[0].split()[:2] == ["depth", "limit"]
    narrow = as_text(compare(frame), 48)
    assert "depth=4" in narrow
    assert "limit=4,100" in narrow


def sizes(frame: pandas.DataFrame) -> list[int]:
    return [int(size) for size in frame["params/trainable"]]
