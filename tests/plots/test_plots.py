"""Figures show the frame's numbers: every seed, every trial, every parameter."""

import math

import numpy
import pytest

from harness.plots import (
    loss_against_parameters,
    parameters_by_type,
    pareto,
    quality_against_parameters,
    style,
    tuning,
)
from harness.record import Record
from harness.statistics.intervals import mean_interval
from harness.study import Study
from tests.synthetic import design, record, space


def test_every_confirm_seed_is_drawn_with_its_mean_and_interval() -> None:
    given = record(effect={4: 0.05})
    data = quality_against_parameters.numbers(given)
    confirmed = given.rows("confirm")
    assert sorted(data["value"]) == sorted(confirmed["test/accuracy"])
    one = data[data["cell"] == "depth=4 budget=8000"]
    interval = mean_interval(one["value"].to_list())
    assert one["mean"].iloc[0] == pytest.approx(interval.mean)
    assert one["high"].iloc[0] == pytest.approx(interval.high)
    assert set(data["panel"]) == {""}
    figure = quality_against_parameters.draw(data)
    drawn = [y for trace in figure.data if trace.mode == "markers" for y in trace.y if y]
    assert sorted(drawn) == sorted(confirmed["test/accuracy"])
    means = [trace for trace in figure.data if trace.mode == "lines+markers"]
    assert [len(trace.x) for trace in means] == [2, 2, 2]
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis.title.text == "trainable parameters"


def test_other_scientific_values_are_panels_and_a_budget_is_not() -> None:
    scientific = {"depth": (1, 2), "connection": ("plain", "residual"), "budget": (2000, 8000)}
    data = quality_against_parameters.numbers(record(design(scientific=scientific)))
    assert list(dict.fromkeys(data["panel"])) == ["connection=plain", "connection=residual"]


def test_a_diverged_seed_is_drawn_as_the_worst() -> None:
    given = record()
    row = given.rows("confirm").index[0]
    given.frame.loc[row, "status"] = "diverged"
    given.frame.loc[row, "test/accuracy"] = math.nan
    data = quality_against_parameters.numbers(given)
    assert data.loc[data["imputed"], "value"].tolist() == [data["value"].min()]
    assert len(data) == 60


def test_before_confirmation_the_search_trials_are_drawn() -> None:
    given = record()
    data = quality_against_parameters.numbers(
        Record(given.study, given.rows("search"), given.bounds, str)
    )
    assert len(data) == 36
    assert data["mean"].isna().all()


def test_both_losses_are_drawn() -> None:
    data = loss_against_parameters.numbers(record())
    assert data.groupby("metric").size().to_dict() == {"train/loss": 60, "val/loss": 60}
    dashes = {trace.line.dash for trace in loss_against_parameters.draw(data).data}
    assert {"solid", "dash"} <= dashes


def test_tuning_draws_every_trial_and_one_star_a_cell() -> None:
    given = record()
    given.frame.loc[0, "status"] = "diverged"
    given.frame.loc[0, "val/loss"] = math.nan
    data = tuning.numbers(given)
    assert data.groupby("parameter").size().to_dict() == {"lr": 36, "dropout": 36}
    assert data["best"].sum() == 2 * len(given.cells())
    diverged = data[data["diverged"]]
    assert (
        diverged["objective"] == data.loc[data["panel"] == "budget=2000", "objective"].max()
    ).all()
    symbols = [mark for trace in tuning.draw(data).data for mark in trace.marker.symbol]
    assert symbols.count("star") == 12
    assert symbols.count("x") == 2


def test_an_optimum_at_the_edge_is_in_the_panel_title() -> None:
    given = record()
    best = given.ranked("depth=2 budget=8000").index[0]
    given.frame.loc[best, "suggested/lr"] = 0.099
    titles = [note.text for note in tuning.draw(tuning.numbers(given)).layout.annotations]
    assert "budget=8000<br>at the edge: depth=2" in titles


def test_words_can_be_tuned_too() -> None:
    given = record()
    given.frame["suggested/optimizer"] = numpy.where(given.frame["trial"] % 2, "adam", "sgd")
    data = tuning.numbers(given)
    figure = tuning.draw(data[data["parameter"] == "optimizer"])
    assert {value for trace in figure.data for value in trace.x if value} == {"adam", "sgd"}


def test_bars_add_up_to_the_parameters() -> None:
    given = record()
    data = parameters_by_type.numbers(given)
    sums = data.groupby("cell")["parameters"].sum()
    for cell in given.cells():
        assert sums[cell] == pytest.approx(given.chosen(cell)["params/total"].iloc[0])
    figure = parameters_by_type.draw(data)
    drawn = sum(sum(trace.x) for trace in figure.data)
    assert drawn == pytest.approx(sums.sum())
    assert {trace.name for trace in figure.data} == {"Linear", "LayerNorm"}


def test_the_front_is_among_all_finished_trials() -> None:
    given = record(Study(question="Which?", space=space, objective=("val/loss", "params/total")))
    data = pareto.several(given)
    others, front = pareto.draw(data).data
    assert len(others.x) + len(front.x) == 50
    assert min(front.y) == given.frame["val/loss"].min()


def test_colours_are_the_palette_and_labels_are_escaped() -> None:
    assert len(set(style.COLORS)) == 8
    assert style.color(9) == style.color(1)
    assert style.text("<b>&") == "&lt;b&gt;&amp;"
    numbers = [style.written(value) for value in (2000, 0.00123, 3.2e-5, math.nan, "x", 12345.6)]
    assert numbers == ["2,000", "0.00123", "3.2e-05", "–", "x", "12,346"]
