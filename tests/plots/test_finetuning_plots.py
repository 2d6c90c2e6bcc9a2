"""The pictures and the table of a fine-tuning study say what its runs left behind."""

import numpy
import pandas
import pytest

from harness.finetuning import comparison, lineage
from harness.plots import forgetting_plane, layer_strips, memory_parts, rate_curves, time_to_quality
from harness.plots.by_cell import by_cell
from harness.record import Record
from tests.synthetic import curves, design, record


@pytest.fixture
def tuned() -> Record:
    """A record whose runs started from a base: depth 4 forgets, the second block moves most."""
    given = record(design(metrics=("val/accuracy",)), effect={4: 0.05}, histories=curves)
    forgets = given.frame["cell"].str.startswith("depth=4")
    rows = len(given.frame)
    known = {
        "trained/first": 0.0, "trained/second": 1.0, "drift/body": 0.1, "drift/first": 0.0,
        "drift/second": 0.2, "cka/first": 1.0, "cka/second": 0.7, "source/accuracy_before": 0.9,
        "source/loss_before": 0.1, "memory/weights": 4e6, "memory/gradients": 4e6,
        "memory/optimizer_state": 8e6, "memory/saved_activations": 1e6, "base": "abc" * 22,
        "parent": "run",
    }  # fmt: skip
    for name, value in known.items():
        given.frame[name] = numpy.full(rows, value)
    given.frame["source/accuracy"] = numpy.where(forgets, 0.4, 0.8)
    return given


def test_a_study_from_random_weights_has_none_of_it() -> None:
    given = record(histories=curves)
    plots = (forgetting_plane, layer_strips, memory_parts, rate_curves, time_to_quality)
    assert [len(plot.numbers(given)) for plot in plots] == [0] * len(plots)
    assert len(comparison(given)) == len(lineage(given)) == 0


def test_strips_have_every_block_of_every_cell(tuned: Record) -> None:
    data = layer_strips.numbers(tuned)
    assert data.groupby(["strip", "block"])["mean"].first().to_dict() == {
        ("trained/", "first"): 0.0,
        ("trained/", "second"): 1.0,
        ("drift/", "first"): 0.0,
        ("drift/", "second"): pytest.approx(0.2),
        ("cka/", "first"): 1.0,
        ("cka/", "second"): pytest.approx(0.7),
    }
    first, _, last = layer_strips.draw(data).data
    assert numpy.shape(first["z"]) == (6, 2)
    assert [row[1] for row in last["z"]] == pytest.approx([0.7] * 6)


def test_the_plane_has_both_tasks_with_intervals(tuned: Record) -> None:
    data = forgetting_plane.numbers(tuned).set_index("cell")
    assert data.loc["depth=4 budget=8000", "mean kept"] == pytest.approx(0.4)
    learned = by_cell(tuned, "test/accuracy").set_index("cell").loc["depth=1 budget=2000"]
    row = data.loc["depth=1 budget=2000"]
    for end in ("low", "high"):
        assert row[f"{end} learned"] == learned[end]
    assert row["before"] == pytest.approx(0.9)
    figure = forgetting_plane.draw(data.reset_index())
    assert {round(line.y0, 6) for line in figure.layout.shapes} == {0.9}
    points = [trace for trace in figure.data if trace.error_x]
    assert len([point for point in points if point.x[0] is not None]) == 6


def test_rates_are_the_tuning_trials_in_order(tuned: Record) -> None:
    data = rate_curves.numbers(tuned)
    assert len(data) == len(tuned.rows("search"))
    assert list(dict.fromkeys(data["cell"])) == tuned.cells()
    for _, points in data.groupby("cell"):
        assert points["suggested"].is_monotonic_increasing
    assert data.groupby("cell")["best"].sum().eq(1).all()


def test_a_higher_quality_is_never_reached_sooner(tuned: Record) -> None:
    data = time_to_quality.numbers(tuned)
    assert len(data)
    for _, points in data.groupby("cell"):
        late = points.sort_values("quality", ascending=points["metric"].iloc[0] != "val/loss")
        assert late["epochs"].is_monotonic_increasing
    assert data["epochs"].min() >= 1


def test_memory_is_four_parts(tuned: Record) -> None:
    data = memory_parts.numbers(tuned)
    assert data.groupby("cell")["bytes"].sum().unique() == pytest.approx([17e6])


def test_the_table_is_best_first_and_names_the_base(tuned: Record) -> None:
    table = comparison(tuned)
    assert table["cell"].iloc[0].startswith("depth=4")
    assert table["source/accuracy"].iloc[0] == pytest.approx(0.4)
    assert table["CKA"].unique() == pytest.approx([0.7])
    assert lineage(tuned)["base"].to_list() == [("abc" * 22)[:16]]
    two = pandas.concat([tuned.frame, tuned.frame.assign(base="other")])
    assert len(lineage(Record(tuned.study, two, {}, str))) == 2
