"""The pictures of a report say what the record says, and nothing where it says nothing."""

import math

import numpy
import pandas
import pytest

from harness import plots
from harness.discovery import constants
from harness.plots import (
    cost_fronts,
    failures,
    gradient_norms,
    heat_map,
    importance,
    iso_parameter_curves,
    loss_against_parameters,
    parallel_coordinates,
    time_spent,
    training_curves,
)
from harness.plots.plot import Plot
from harness.record import Record
from harness.study import Study
from tests.synthetic import curves, design, record, space

PLOTS = constants(Plot, plots)
every_plot = pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.title)


def ordinary() -> Record:
    return record(Study(question="Which?", space=space))


def test_every_plot_is_found_and_has_a_place_of_its_own() -> None:
    assert len({plot.title for plot in PLOTS}) == len(PLOTS) >= 13
    assert len({(plot.group, plot.place) for plot in PLOTS}) == len(PLOTS)


@every_plot
def test_a_study_without_trials_has_no_picture(plot: Plot) -> None:
    for study in (design(), Study(question="Which?", space=space)):
        assert len(plot.numbers(Record(study, pandas.DataFrame(), {}, str))) == 0


@every_plot
def test_points_open_the_run_that_their_row_names(plot: Plot) -> None:
    for given in (record(histories=curves), ordinary()):
        data = plot.numbers(given)
        if len(data):
            drawn = [one for trace in plot.draw(data).data for one in trace.customdata or ()]
            named = set(data["run"]) if "run" in data else set()
            assert {one for one in drawn if one} <= named


@every_plot
def test_what_a_user_writes_is_escaped(plot: Plot) -> None:
    given = record(design(scientific={"depth": ("<b>1</b>", "2"), "budget": (2000, 8000)}))
    data = plot.numbers(given)
    if len(data):
        assert "<b>1" not in str(plot.draw(data).to_json()).replace("\\u003c", "<")


def test_along_a_curve_the_budget_stays_and_the_level_changes() -> None:
    data = iso_parameter_curves.numbers(record())
    assert data.groupby("curve")["level"].nunique().to_dict() == {
        "budget=2000": 3,
        "budget=8000": 3,
    }
    means = [t for t in iso_parameter_curves.draw(data).data if t.mode == "lines+markers"]
    assert [list(trace.x) for trace in means] == [["depth=1", "depth=2", "depth=4"]] * 2


def test_without_a_budget_there_are_no_curves_of_equal_parameters() -> None:
    given = record(design(scientific={"depth": (1, 2), "trunk": ("plain", "residual")}))
    assert len(iso_parameter_curves.numbers(given)) == 0


def test_the_map_has_a_tile_for_each_cell_with_its_mean() -> None:
    given = record(effect={4: 0.05})
    (tiles,) = heat_map.draw(heat_map.numbers(given)).data
    assert numpy.shape(tiles.z) == (3, 2)
    assert tiles.z[2][1] == pytest.approx(given.confirmed("depth=4 budget=8000")["value"].mean())


def test_losses_are_drawn_again_without_embeddings_where_there_are_any() -> None:
    given = record()
    assert set(loss_against_parameters.numbers(given)["panel"]) == {""}
    given.frame["params/embedding"] = 500
    given.frame["params/non_embedding"] = given.frame["params/trainable"] - 500
    data = loss_against_parameters.numbers(given)
    both = data.groupby(["panel", "trial"])["parameters"].first().unstack("panel")
    assert (both["all parameters"] - both["without embeddings"] == 500).all()


def test_nothing_on_the_front_is_beaten() -> None:
    data = cost_fronts.numbers(record(effect={4: 0.05}))
    for _, points in data.groupby("cost"):
        front, rest = points[points["front"]], points[~points["front"]]
        assert len(front)
        for _, one in rest.iterrows():
            no_dearer = front[front["amount"] <= one["amount"]]
            assert (no_dearer["quality"] >= one["quality"]).any()


def test_curves_are_means_with_the_lowest_and_highest_seed() -> None:
    given = record(histories=curves)
    data = training_curves.numbers(given)
    runs = list(given.confirmed("depth=2 budget=8000")["run_id"])
    points = curves(runs, ["val/loss"])
    last = points[points["epoch"] == 2]["value"]
    row = data[(data["cell"] == "depth=2 budget=8000") & (data["metric"] == "val/loss")].iloc[2]
    assert (row["epoch"], row["seeds"]) == (2, 10)
    assert (row["lowest"], row["highest"]) == (last.min(), last.max())
    assert row["mean"] == pytest.approx(last.mean())


def test_gradients_are_those_of_the_first_and_the_last_epoch_layer_by_layer() -> None:
    given = record(histories=curves)
    data = gradient_norms.numbers(given)
    chosen = data[data["cell"] == "depth=2 budget=8000"]
    assert chosen["layer"].to_list() == ["input", "head"] * 2
    assert chosen[["moment", "epoch"]].drop_duplicates().to_numpy().tolist() == [
        ["first step", 0],
        ["last measured", 2],
    ]
    points = curves(list(given.confirmed("depth=2 budget=8000")["run_id"]), ["gradient/"])
    last = points[(points["epoch"] == 2) & points["metric"].str.endswith("head")]["value"]
    row = chosen.iloc[-1]
    assert row["mean"] == pytest.approx(math.exp(numpy.log(last).mean()))
    assert (row["lowest"], row["highest"], row["seeds"]) == (last.min(), last.max(), 10)


def test_the_value_that_decides_has_the_largest_share() -> None:
    given = record(design(seeds=3, trials_per_cell=20))
    given.frame["val/loss"] = given.frame["suggested/dropout"]
    data = importance.numbers(given)
    assert data["value"].iloc[0] == "dropout"
    assert data["share"].sum() == pytest.approx(1)
    assert len(importance.numbers(record(design(trials_per_cell=2)))) == 0


def test_a_line_goes_through_every_value_of_its_trial() -> None:
    given = record()
    data = parallel_coordinates.numbers(given)
    assert data.groupby("trial").size().unique().tolist() == [5]
    ends = data.groupby("axis")["height"].agg(["min", "max"])
    assert (ends["min"] == 0).all()
    assert (ends["max"] == 1).all()
    best = given.ranked()["trial"].head(4).tolist()
    assert sorted(data.loc[data["best"], "trial"].unique()) == sorted(best)


def test_the_ledger_counts_all_trials_and_is_absent_if_all_finished() -> None:
    given = record()
    assert len(failures.numbers(given)) == 0
    given.frame.loc[[0, 5], "status"] = ["failed", "diverged"]
    data = failures.numbers(given)
    assert data["trials"].sum() == len(given.frame)
    assert data.groupby("status")["trials"].sum().drop("finished").to_dict() == {
        "diverged": 1,
        "failed": 1,
    }


def test_the_time_of_failed_trials_counts_and_that_of_reused_results_does_not() -> None:
    given = record()
    whole = given.frame["cost/wall_seconds"].sum()
    spent = given.frame["cost/wall_seconds"].iloc[1]
    given.frame["elapsed"] = 7.0
    given.frame.loc[0, "status"] = "failed"
    given.frame.loc[0, "cost/wall_seconds"] = math.nan
    given.frame.loc[1, "same_as"] = 2
    data = time_spent.numbers(given)
    first = record().frame["cost/wall_seconds"].iloc[0]
    assert data["seconds"].sum() == pytest.approx(whole - first - spent + 7)
    assert data.loc[data["what"] == "search, failed", "seconds"].tolist() == [7.0]
