"""The benchmark measures what it says, at a size that says nothing about speed."""

import json
import math
import sys
from dataclasses import asdict, replace
from functools import partial

import pytest

from benchmarks.measure import Spread, interleaved, machine, ratios, spread, table
from benchmarks.startup import startups
from benchmarks.steps import SIZES, overheads
from benchmarks.trials_per_hour import Report, speeds, start_table
from harness.models.mlp import MLP

# Lightning 2.6 asks torch 2.13 about a class that torch has renamed.
pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")


@pytest.fixture(scope="module")
def report() -> Report:
    tiny = {
        name: replace(size, model=MLP(depth=1, width=8), epochs=2) for name, size in SIZES.items()
    }
    return Report(
        machine=machine(),
        speeds=speeds(trials=1, rounds=1, epochs=1),
        overheads=overheads(1, tiny),
        startups=startups(1, {"a python": (sys.executable, "-c", "raise SystemExit(3)")}),
    )


def positive(measured: Spread) -> bool:
    return 0 < measured.low <= measured.median <= measured.high < math.inf


def test_every_contender_trains_the_same_recipes(report: Report) -> None:
    contenders = report.speeds.contenders
    assert list(contenders) == ["idiomatic", "harness", "bare"]
    for speed in contenders.values():
        assert positive(speed.trials_per_hour)
        assert positive(speed.ratio)
        assert positive(speed.cpu)
        assert positive(speed.cpu_ratio)
        assert 0 < speed.accuracy <= 1
    assert contenders["idiomatic"].ratio == Spread(median=1, low=1, high=1)


def test_a_step_is_timed_at_three_sizes(report: Report) -> None:
    assert list(report.overheads) == ["small", "medium", "large"]
    for overhead in report.overheads.values():
        assert overhead.parameters == 64 * 8 + 8 + 8 * 10 + 10
        assert positive(overhead.bare)
        assert positive(overhead.harness)
        assert positive(overhead.ratio)
        assert positive(overhead.cpu_ratio)


def test_a_start_keeps_its_exit_status(report: Report) -> None:
    assert report.startups["a python"].status == 3
    assert positive(report.startups["a python"].seconds)


def test_the_report_is_text_of_80_columns_and_json(report: Report) -> None:
    lines = str(report).splitlines()
    assert max(map(len, lines)) <= 80
    for name in ("idiomatic", "harness", "bare", "small", "medium", "large", "a python", "torch"):
        assert sum(line.startswith(f"{name} ") for line in lines) == 1
    assert json.loads(json.dumps(asdict(report)))["speeds"]["epochs"] == 1


def test_a_round_starts_with_another_contender_each_time() -> None:
    calls: list[str] = []

    def call(name: str, number: int) -> int:
        calls.append(name)
        return number

    results = interleaved({name: partial(call, name) for name in "abc"}, 3)
    assert "".join(calls) == "abcbcacab"
    assert results == {name: [0, 1, 2] for name in "abc"}


def test_a_ratio_is_taken_within_a_round() -> None:
    assert ratios([2, 30, 4], [1, 10, 1]) == Spread(median=3, low=2, high=4)
    assert spread([3, 1, 2]).written(".0f") == "2 (1-3)"


def test_a_table_aligns_its_columns() -> None:
    text = table("title", ("", "ms"), [("one", "1"), ("two", "22.5")])
    assert text.splitlines() == ["title", "", "       ms", "---------", "one     1", "two  22.5"]
    assert start_table({}).count("\n") == 4
