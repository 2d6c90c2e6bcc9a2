"""Findings recover what a study was made of, and have no rows where the data carry none."""

from typing import Any

import numpy
import pandas
import pytest

from harness.comparisons import comparisons
from harness.findings import best_of, definitions, explained, findings, laws, middles
from harness.record import Record
from harness.study import Study
from tests.synthetic import design, record, space
from tests.test_answer import changed

BUDGETS = (1000, 2000, 4000, 8000, 16_000)


def table(frame: pandas.DataFrame, key: str) -> dict[Any, dict[Any, Any]]:
    """Return a frame as {key: {column: value}}."""
    return frame.set_index(key).to_dict("index")


def with_losses(study: Study, exponent: float, floor: float) -> Record:
    """Return a record whose test loss is floor + 30/N^exponent, with 3 % of noise."""
    given = record(study)
    confirmed = given.rows("confirm")
    noise = numpy.random.default_rng(0).normal(0, 0.03, len(confirmed))
    sizes = confirmed["cell/budget"].to_numpy(dtype=float)
    loss = (floor + 30 * sizes**-exponent) * numpy.exp(noise)
    return changed(given, confirmed.index, test__loss=loss, params__trainable=sizes)


def test_a_law_of_size_is_found_for_each_level() -> None:
    given = with_losses(design(depths=(1, 4), budgets=BUDGETS), exponent=0.7, floor=0.02)
    found = laws(given)
    assert found["runs of"].tolist() == ["depth=1"] * 2 + ["depth=4"] * 2
    saturating = found[found["law"] == "saturating"]
    assert (saturating["α low"] < 0.7).all()
    assert (saturating["α high"] > 0.7).all()
    assert saturating["E"].tolist() == pytest.approx([0.02, 0.02], rel=0.5)
    assert saturating["forecast"].tolist() == pytest.approx([1, 1], abs=0.3)


def test_data_is_a_second_size_where_a_study_varies_it() -> None:
    scientific = {"budget": BUDGETS, "limit": (200, 400, 800, 1600)}
    given = record(design(scientific=scientific))
    confirmed = given.rows("confirm")
    sizes, data = (confirmed[f"cell/{name}"].astype(float) for name in ("budget", "limit"))
    loss = 0.01 + 30 * sizes**-0.7 + 5 * data**-0.5
    given = changed(given, confirmed.index, test__loss=loss, params__trainable=sizes)
    given = changed(given, given.frame.index, **{"recipe/data.limit": given.frame["cell/limit"]})
    found = table(laws(given), "law")["saturating"]
    assert found["α"] == pytest.approx(0.7, rel=0.01)
    assert found["β"] == pytest.approx(0.5, rel=0.01)
    assert found["N ∝ compute^"] == pytest.approx(0.5 / 1.2, rel=0.01)


def test_three_sizes_are_too_few_and_it_says_so() -> None:
    found = laws(record(design(budgets=BUDGETS[:3])))
    assert found["law"].unique().tolist() == ["none: 3 sizes, a fit needs 4"]
    assert len(laws(record(design(scientific={"depth": (1, 2)})))) == 0


def anatomised(**columns: Any) -> Record:
    given = record(design(depths=(1, 2, 4), budgets=BUDGETS), effect={2: 0.05, 4: 0.10})
    depth = given.frame["cell/depth"].astype(float)
    width = (given.frame["cell/budget"].astype(float) / depth) ** 0.5
    values = {"model/depth": depth, "model/width": width.round(), **columns}
    return changed(given, given.frame.index, **values)


def test_the_share_of_what_made_the_difference_is_large() -> None:
    found = table(explained(anatomised()), "factor")
    assert list(found) == ["model/depth", "model/width", "params/trainable", "together"]
    assert found["together"]["alone"] > 0.8
    assert found["model/depth"]["alone"] > 0.7
    assert found["params/trainable"]["alone"] < 0.2
    assert found["model/width"]["given"] > 0.8


def test_definitions_of_depth_are_compared_by_rank() -> None:
    depth = record(design(depths=(1, 2, 4), budgets=BUDGETS)).frame["cell/depth"].astype(float)
    same, other = depth * 4 + 1, -depth
    given = anatomised(**{"depth/longest": depth, "depth/total": same, "depth/odd": other})
    found = table(definitions(given), "name")
    assert [row["kendall"] for row in found.values()] == pytest.approx([1, 1, -1])
    assert found["depth/total"]["spearman with the answer"] > 0.8
    assert len(definitions(anatomised(**{"depth/longest": depth}))) == 0


def test_more_trials_are_expected_to_reach_more() -> None:
    found = best_of(record(design(trials_per_cell=6)))
    assert list(found.columns) == ["cell", "finished", "n = 1", "n = 2", "n = 4", "n = 6"]
    assert (found["n = 1"] > found["n = 2"]).all()  # of a loss
    assert (found["n = 4"] > found["n = 6"]).all()


def test_levels_are_compared_over_all_combinations() -> None:
    found = table(middles(record(effect={4: 0.05})), "level")
    assert found["depth=4"]["test/accuracy low"] > found["depth=1"]["test/accuracy high"]


@pytest.mark.parametrize("study", [design(), Study(question="Which?", space=space)])
def test_without_trials_no_table_has_rows(study: Study) -> None:
    empty = Record(study, pandas.DataFrame(), {}, str)
    compared = comparisons(empty) if study.scientific else []
    assert [one.title for one in findings(empty, compared) if one.rows] == []
