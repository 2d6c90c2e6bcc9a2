"""The benchmark measures what it says, at a size that says nothing about speed."""

import json
import math
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import optuna
import pytest
import torch

from benchmarks import gpu, run
from benchmarks.cases import CASES
from benchmarks.cases import SMALL as SMALLEST
from benchmarks.contenders import CONTENDERS, HALVING, SCRIPTS
from benchmarks.gpu import SMALL, share_of_ceiling, trials_per_hour
from benchmarks.measure import Spread, interleaved, ratios, spread, table
from benchmarks.memory import memory_table, peaks
from benchmarks.reporting import report, report_table
from benchmarks.startup import nothing_to_do, start_table, startups
from benchmarks.steps import SIZES, STEPS, overheads, step_table
from benchmarks.stored import costs, stored_table
from benchmarks.studies import Speeds, speed_table, speeds
from benchmarks.tracking import share_table, shares
from harness.data.digits import Digits
from harness.data.shakespeare import Shakespeare
from harness.design import search_slots
from harness.models.decoder import Decoder
from harness.models.mlp import MLP
from harness.samplers import sampler_for

# Lightning 2.6 asks torch 2.13 about a class that torch has renamed.
pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
SHORT = Shakespeare(context=16, characters=2_000)


@pytest.fixture(scope="module")
def measured() -> dict[str, Speeds]:
    mlp = replace(CASES["mlp"], data=Digits(limit=100), epochs=8, widths=(8,), whole=SMALLEST)
    decoder = replace(CASES["decoder"], data=SHORT, epochs=1, depths=(1,), whole=SMALLEST)
    return {"mlp": speeds(mlp, 1), "decoder": speeds(decoder, 1)}


def positive(measured: Spread) -> bool:
    return 0 < measured.low <= measured.median <= measured.high < math.inf


def test_every_contender_trains_the_same_recipes(measured: dict[str, Speeds]) -> None:
    for kind in ("mlp", "decoder"):
        contenders = measured[kind].contenders
        assert set(CONTENDERS) - set(contenders) == ({HALVING} if kind == "decoder" else set())
        for speed in contenders.values():
            for value in (speed.trials_per_hour, speed.ratio, *([speed.cpu] if speed.cpu else [])):
                assert positive(value)
            bare = contenders["bare loop, 1 thread"]
            assert abs(speed.loss - bare.loss) < 1, "they learn the same thing"
        assert max(contenders[name].ratio.high for name in SCRIPTS) == 1, "over the faster"
        assert speed_table(measured[kind]).count("script") == 2


@pytest.mark.parametrize("kind", CASES)
def test_the_first_points_are_those_that_a_study_draws(kind: str) -> None:
    case = CASES[kind]
    study = case.study(case.whole, Path(__file__))
    slots = search_slots(study)[: len(study.cells())]
    drawn = optuna.create_study(sampler=sampler_for(study, 0))
    trials = [drawn.ask() for _ in slots]
    for trial, slot in zip(trials, slots, strict=True):
        for name, value in slot.attributes().items():
            trial.set_user_attr(name, value)
    recipes = [study.recipe(t, slot.cell).hash for t, slot in zip(trials, slots, strict=True)]
    assert recipes == [case.recipe(point).hash for point in case.first_points()]


def test_a_step_is_timed_at_every_size() -> None:
    tiny = {
        name: replace(size, model=MLP(depth=1, width=8), epochs=2) for name, size in SIZES.items()
    }
    found = overheads(1, tiny)
    assert list(found) == list(SIZES)
    for overhead in found.values():
        assert overhead.parameters == 64 * 8 + 8 + 8 * 10 + 10
        for value in (overhead.bare, overhead.harness, overhead.ratio, overhead.cpu_ratio):
            assert positive(value)
    assert step_table(found).count("\n") == 4 + len(SIZES)


@pytest.mark.parametrize("sampler", ["design", "tpe"])
def test_the_cost_at_so_many_stored_trials_is_that_of_further_trials(sampler: str) -> None:
    (cost,) = costs((20,), sampler, 1)
    assert cost.stored == 20
    assert cost.trial > cost.claim + cost.tell > 0
    assert cost.bare > 0
    assert "20" in stored_table({sampler: [cost]})


@pytest.mark.filterwarnings("ignore:Target and region quantiles select the same set")
def test_a_report_of_stored_trials_is_written() -> None:
    written = report(120)
    assert written.seconds > 0
    assert written.megabytes > 0.01
    assert "120" in report_table(written)


def test_memory_is_measured_in_a_process_of_its_own() -> None:
    measured = peaks((2,))
    peak, before = measured[2]
    assert peak > before > 0
    assert memory_table(measured).count("\n") == 5


def test_the_gpu_section_counts_trials_and_operations() -> None:
    model = Decoder(depth=1, width=16, heads=2)
    share = share_of_ceiling(torch.device("cpu"), model, context=16, batch=2, square=64, steps=1)
    assert 0 < share.teraflops < share.ceiling * 100
    operations = 6 * share.parameters + 12 * 1 * 16 * 16
    assert share.teraflops * 1e12 == pytest.approx(share.tokens_per_second * operations)
    rates = trials_per_hour((1, 2), replace(SMALL, model=model, data=SHORT, epochs=1))
    assert list(rates) == [1, 2]
    assert min(rates.values()) > 0


def test_without_a_gpu_the_gpu_section_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["bench-gpu"])
    gpu.main()
    assert "needs a GPU" in capsys.readouterr().out


def test_tracking_is_timed_and_every_step_has_a_point() -> None:
    small = replace(SIZES["small"], model=MLP(depth=1, width=8), epochs=1)
    measured = shares(1, {"small": small})
    assert measured["small"].points >= STEPS
    assert 0 < measured["small"].share.median < 1
    assert "small" in share_table(measured)


def test_a_study_that_is_done_says_so() -> None:
    assert nothing_to_do(1).status == 0


def test_a_start_keeps_its_exit_status() -> None:
    started = startups(1, {"a python": (sys.executable, "-c", "raise SystemExit(3)")})
    assert started["a python"].status == 3
    assert positive(started["a python"].seconds)
    assert "a python" in start_table(started)


def test_a_section_measured_again_replaces_its_table_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, numbers = tmp_path / "page.md", tmp_path / "numbers.json"
    tables = {"steps": "table one\n", "memory": "table three\n"}

    def section(name: str, rounds: int) -> tuple[object, str]:
        return {"rounds": rounds}, tables[name]

    for name in tables:
        monkeypatch.setitem(run.SECTIONS, name, partial(section, name))

    def bench(*only: str) -> str:
        words = ["bench", "--pages", str(path), "--json", str(numbers), "--only", *only]
        monkeypatch.setattr(sys, "argv", words)
        run.main()
        return path.read_text()

    text = bench("steps", "memory")
    assert text.index("table one") < text.index("table three")
    assert "torch" in text
    tables["steps"] = "table two\n"
    text = bench("steps")
    assert "table two" in text
    assert "table one" not in text
    assert "table three" in text
    assert "Made whole" in text
    found = json.loads(numbers.read_text())
    assert found["steps"]["measured"] == {"rounds": 2}
    assert {"processor", "torch", "date"} <= set(found["memory"]["machine"])


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
