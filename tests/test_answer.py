"""Answers claim what is there, rarely what is not, and say what limits them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy
import optuna
import pandas
import pytest

from harness.answer import answer
from harness.curves import frame_of
from harness.record import Record
from harness.results import row
from harness.study import Study
from tests.synthetic import BOUNDS, curves, design, record, space


def changed(given: Record, rows: Any, **values: Any) -> Record:
    """Return the record with other values in some rows; a/b is written a__b."""
    frame = given.frame.copy()
    for name, value in values.items():
        frame.loc[rows, name.replace("__", "/")] = value
    frame.attrs.update(given.frame.attrs)
    return Record(given.study, frame, given.bounds, given.run_url)


def confirm(given: Record, cell: str) -> pandas.Index:
    return given.rows("confirm", cell).index


def test_an_effect_is_found_with_its_sign() -> None:
    found = answer(record(effect={2: -0.05, 4: 0.05}))
    assert "Depth 2 against depth 1: worse in 2 of 2 values of budget" in found.sentences[0]
    assert "depth 4 against depth 1: better in 2 of 2 values of budget" in found.sentences[0]
    assert "The largest effect: depth " in found.sentences[0]
    assert found.sentences[1].startswith("At 2,000 parameters: depth 1 beats depth 2 by ")
    assert found.sentences[4].startswith("At 8,000 parameters: depth 4 beats depth 1 by ")
    evidence = "points of accuracy (test, 10 paired seeds, Holm-corrected p < .001)"
    assert all(evidence in sentence for sentence in found.sentences[1:])
    verdicts = dict(zip(found.table["cell"], found.table["verdict"], strict=True))
    assert verdicts["depth=1 budget=2000"] == "reference"
    assert verdicts["depth=2 budget=2000"] == "worse"
    assert verdicts["depth=4 budget=8000"] == "better"


def test_a_loss_is_better_when_it_is_lower() -> None:
    found = answer(record(design(answer="test/loss"), effect={4: 0.05}))
    assert "depth 4 beats depth 1 by " in found.sentences[3]
    assert "in loss" in found.sentences[3]
    row = found.table[found.table["cell"] == "depth=4 budget=2000"].iloc[0]
    assert row["difference"] < 0
    assert row["P(better)"] > 0.8


def test_what_cannot_be_told_says_how_many_seeds_it_takes() -> None:
    found = answer(record(design(depths=(1, 2)), seed=1))
    assert "cannot tell in 2 of 2 values of budget" in found.sentences[0]
    assert all("more seed" in sentence for sentence in found.sentences[1:])


def test_five_seeds_give_intervals_and_no_claim() -> None:
    found = answer(record(design(seeds=5), effect={4: 0.1}))
    assert found.sentences[0].startswith("No claim yet: with at most 5 paired seeds")
    assert all("an interval, no claim" in sentence for sentence in found.sentences[1:])
    assert not {"better", "worse"} & set(found.table["verdict"])
    assert any("5 seeds for each cell" in caveat for caveat in found.caveats)


def test_what_a_task_remarks_of_its_runs_is_said_and_counted() -> None:
    given = record()
    rows = confirm(given, "depth=4 budget=2000")[:3]
    said = "trained all epochs; collapsed: coverage 0.0"
    given = changed(given, rows[:1], reason=said + "1")
    given = changed(given, rows[1:], reason=said + "3")
    expected = "Confirm runs with the remark “collapsed”: 3 (3 in depth=4 budget=2000)."
    assert expected in answer(given).caveats
    assert not any("remark" in line for line in answer(record()).caveats)


def test_two_seeds_say_nothing() -> None:
    found = answer(record(design(seeds=2), effect={4: 0.1}))
    assert found.sentences == ("No answer yet: 2 paired seeds are too few for an interval.",)


def test_a_diverged_run_counts_as_the_worst() -> None:
    given = record(effect={4: 0.05})
    rows = confirm(given, "depth=4 budget=2000")[:6]
    bad = changed(given, rows, status="diverged", test__accuracy=math.nan)
    confirmed = bad.confirmed("depth=4 budget=2000")
    worst = bad.frame.loc[bad.frame["role"] == "confirm", "test/accuracy"].min()
    assert len(confirmed) == 10
    assert (confirmed.loc[confirmed["imputed"], "value"] == worst).all()
    found = answer(bad)
    assert any("6 in depth=4 budget=2000" in line and "worst" in line for line in found.caveats)
    before, after = (answer(one).table["mean"] for one in (given, bad))
    assert after.min() < before.max()
    assert found.table["n"].tolist() == [10] * 6


def test_an_infinite_metric_counts_as_diverged() -> None:
    given = record(design(answer="test/loss"))
    rows = confirm(given, "depth=4 budget=2000")[:1]
    confirmed = changed(given, rows, test__loss=math.inf).confirmed("depth=4 budget=2000")
    assert confirmed["imputed"].sum() == 1
    assert numpy.isfinite(confirmed["value"]).all()


def test_failed_and_unfinished_trials_are_named() -> None:
    given = changed(record(), [0, 1], status="failed")
    given = changed(given, given.frame.index[-1:], status="waiting")
    caveats = " ".join(answer(given).caveats)
    assert "Failed trials, which count for nothing: 2 (2 in depth=1 budget=2000)" in caveats
    assert "Unfinished trials: 1 (1 in depth=4 budget=8000)" in caveats
    assert "59 of 60 confirm trials have a result" in caveats


@pytest.mark.parametrize(("rate", "side"), [(9.5e-2, "high"), (1.1e-4, "low"), (3e-3, "")])
def test_an_optimum_at_the_edge_is_flagged(rate: float, side: str) -> None:
    given = record()
    best = given.ranked("depth=2 budget=8000").index[:1]
    for cell in given.cells():
        given = changed(given, given.ranked(cell).index[:1], suggested__lr=3e-3)
    caveats = [
        line
        for line in answer(changed(given, best, suggested__lr=rate)).caveats
        if "best lr" in line
    ]
    assert [f"{side} in depth=2 budget=8000" in line for line in caveats] == [True] * bool(side)


def test_parameters_off_the_budget_are_named() -> None:
    given = record()
    rows = given.frame.index[given.frame["cell"] == "depth=2 budget=8000"]
    off = changed(given, rows, params__trainable=8400)
    assert any("depth=2 budget=8000 has 8,400 (+5.0%)" in line for line in answer(off).caveats)
    assert not any("wanted number" in line for line in answer(given).caveats)


def test_a_superseded_recipe_is_left_out_and_said() -> None:
    given = record()
    cell = "depth=4 budget=2000"
    old = given.rows("confirm", cell).assign(recipe_hash="old", **{"test/accuracy": 0.1})
    frame = pandas.concat([old, given.frame], ignore_index=True)
    frame.attrs.update(given.frame.attrs)
    both = Record(given.study, frame, BOUNDS, given.run_url)
    assert answer(both).table.equals(answer(given).table)
    assert any(cell in line and "test set was touched" in line for line in answer(both).caveats)


def test_a_confirm_trial_without_a_result_is_no_other_recipe() -> None:
    assert (
        row(optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING))["recipe_hash"] is None
    )
    rows = confirm(record(), "depth=4 budget=2000")[-2:]
    given = changed(record(), rows, status=["failed", "running"], recipe_hash=None)
    lines = " ".join([*answer(given).caveats, *answer(given).sentences])
    assert "test set was touched" not in lines
    assert "better recipe" not in lines
    assert "the test set was read before" not in lines


def test_an_unfinished_study_is_an_interim_look() -> None:
    given = changed(record(), record().frame.index[-1:], status="waiting")
    assert any("interim look" in line for line in answer(given).caveats)
    assert not any("interim look" in line for line in answer(record()).caveats)


def test_gradients_that_differ_by_orders_of_magnitude_at_the_first_step_are_said() -> None:
    def vanishing(runs: Sequence[str], metrics: Sequence[str]) -> pandas.DataFrame:
        deep = set(given.rows("confirm", "depth=4 budget=2000")["run_id"])
        layers = {"1 input": 1e-5, "2 gated": 0.0, "3 head": 1.0}
        return frame_of(
            (run, f"{metric}{layer}", epoch, norm if run in deep and epoch == 0 else 1.0)
            for run in runs
            for metric in metrics
            if metric == "gradient/"
            for layer, norm in layers.items()
            for epoch in range(2)
        )

    given = record(histories=vanishing)
    (line,) = [line for line in answer(given).caveats if "Gradients" in line]
    assert line.endswith("not depth: depth=4 budget=2000 (100,000 times).")
    assert not any("Gradients" in line for line in answer(record(histories=curves)).caveats)


def test_a_better_recipe_found_later_is_said() -> None:
    given = record()
    rows = given.rows("search", "depth=1 budget=2000").index[:1]
    lines = answer(changed(given, rows, val__loss=0.0, recipe_hash="new")).caveats
    assert any("a better recipe was found after" in line for line in lines)


def test_a_seed_confirmed_twice_counts_once() -> None:
    given = record()
    frame = pandas.concat([given.frame, given.rows("confirm").tail(3)], ignore_index=True)
    frame.attrs.update(given.frame.attrs)
    assert answer(Record(given.study, frame, BOUNDS, str)).table.equals(answer(given).table)


def test_an_ordinary_search_names_its_best_trial() -> None:
    study = Study(question="Which?", space=space, sampler="random", trials=20)
    given = changed(record(study), [0], status="pruned", val__loss=-1.0)
    found = answer(given)
    best = given.frame.loc[1:, "val/loss"].idxmin()
    assert found.sentences[0].startswith(f"Trial {best} is the best of 19 finished trials")
    assert "Half as many" in found.sentences[1]
    assert "1 pruned" in found.sentences[-1]
    assert len(found.table) == 5
    assert found.table["val/loss"].is_monotonic_increasing


def test_what_pruning_cost_is_told_by_those_that_trained_to_their_end() -> None:
    study = Study(question="Which?", space=space, sampler="random", pruner="halving", trials=20)
    pruned = changed(record(study), range(8), status="pruned", model__depth=[1, 2] * 4)
    assert any("what it cost is not known" in line for line in answer(pruned).caveats)
    ends = [9.0, -1.0, 9.0, 9.0]
    audited = changed(pruned, range(4), pruned__audited=1.0, val__loss=ends)
    (said,) = (line for line in answer(audited).caveats if "drawn at random" in line)
    assert said.startswith("Of 8 pruned trials 4, drawn at random, trained to their end: 25% of")
    assert "(5% to 70%)" in said
    assert said.endswith("by model/depth: 0 of 2 at 1, 1 of 2 at 2.")


def test_a_pareto_front_has_no_dominated_trial() -> None:
    objective = ("val/accuracy", "params/total")
    given = record(Study(question="Which?", space=space, objective=objective))
    front = answer(given).table
    finished = given.frame
    for _, one in front.iterrows():
        better = (finished["val/accuracy"] >= one["val/accuracy"]) & (
            finished["params/total"] <= one["params/total"]
        )
        assert finished.loc[better, "trial"].tolist() == [one["trial"]]
    assert finished["val/accuracy"].idxmax() in front["trial"].tolist()


@pytest.mark.parametrize("study", [design(), Study(question="Which?", space=space)])
def test_an_empty_study_says_what_is_missing(study: Study) -> None:
    found = answer(Record(study, pandas.DataFrame(), {}, str))
    assert found.sentences[0].startswith("No answer yet")


def test_a_study_of_failures_says_so() -> None:
    given = record()
    found = answer(changed(given, given.frame.index, status="failed"))
    assert found.sentences[0].startswith("No answer yet: 0 of 36 search trials")
    assert any("96" in caveat for caveat in found.caveats)


def test_runs_that_all_diverged_are_no_answer() -> None:
    given = record()
    rows = given.rows("confirm").index
    found = answer(changed(given, rows, status="diverged", test__accuracy=math.nan))
    assert found.sentences[0].startswith("No answer yet")
    assert any("Every confirm run diverged" in caveat for caveat in found.caveats)


def test_one_level_is_nothing_to_compare() -> None:
    found = answer(record(design(depths=(2,))))
    assert found.sentences == ("Nothing to compare: depth has one level.",)
    assert found.table["mean"].notna().all()
