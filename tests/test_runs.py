"""Whole runs of a study: workers, failures, retries, budgets, divergence, a full disk."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from _pytest.mark import ParameterSet

from harness.forks import default_workers
from harness.search import Search
from harness.study import Study, load
from tests import small


def in_all(value: object) -> ParameterSet:
    """Return a parameter that `make test-all` alone runs."""
    return pytest.param(value, marks=pytest.mark.slow)


FAILING = '''
from pathlib import Path as _Path

from torch import Tensor, nn

from harness.recipe import Facts
from harness.models.mlp import MLP as _MLP
from dataclasses import dataclass as _dataclass


@_dataclass(frozen=True, kw_only=True)
class Broken(_MLP):
    """Raises while the file `broken` exists, in nets of depth 3."""

    def build(self, facts: Facts) -> nn.Module:
        network = super().build(facts)
        network.register_forward_pre_hook(self.fail)
        return network

    def fail(self, network: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if self.depth == 3 and network.training and _Path("broken").exists():
            raise ZeroDivisionError("a bug of the model's author")
'''


def _folder(
    tmp_path: Path, changes: Mapping[str, str] | None = None, *, broken: bool = False
) -> Path:
    folder = small.write_study(tmp_path, epochs=2, limit=200)
    path = folder / "studies" / f"{small.NAME}.py"
    text = path.read_text()
    if broken:
        text = text.replace("\n\ndef space", FAILING + "\n\ndef space").replace("=MLP(", "=Broken(")
        (folder / "broken").touch()
    for old, new in (changes or {}).items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return folder


def test_two_workers_lose_and_double_nothing(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    one, two = (small.make_store(tmp_path / name) for name in ("one", "two"))
    attempts = [small.start(folder, one), small.start(folder, two, workers=2)]
    assert [attempt.wait() for attempt in attempts] == [0, 0]
    assert small.trials(two) == small.trials(one)
    before, after = small.runs(one), small.runs(two)
    assert sorted(after) == sorted(before) == list(range(8))
    for number, run in before.items():
        assert after[number]["points"] == run["points"]
        for name, tensor in run["weights"].items():
            assert torch.equal(after[number]["weights"][name], tensor), "equal to the bit"
    assert "locked" not in attempts[1].text


def test_a_study_has_a_worker_a_core_unless_its_results_would_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(_folder(tmp_path))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: range(64))
    designed = load(small.NAME)
    searches = {
        name: replace(designed, scientific={}, trials=16, sampler=name) for name in ("tpe", "qmc")
    }
    root = small.make_store(tmp_path / "store")

    def workers(study: Study) -> int:
        return default_workers(Search(study, root, [False], most=8))

    assert workers(replace(designed, trials_per_cell=24)) == 2 * 3, "one for each block"
    assert workers(replace(searches["qmc"], name="qmc")) == 2
    assert workers(replace(searches["tpe"], name="tpe")) == 1


def test_two_studies_and_a_second_window_share_a_store(tmp_path: Path) -> None:
    folder = small.write_study(_folder(tmp_path), epochs=2, limit=200, name="other")
    root = small.make_store(tmp_path / "store")
    names = (small.NAME, "other", small.NAME)
    attempts = [small.start(folder, root, name=name) for name in names]
    assert [attempt.wait() for attempt in attempts] == [0, 0, 0]
    for name in ("other", small.NAME):
        assert [t["state"] for t in small.trials(root, name)] == ["COMPLETE"] * 8
    assert not any("locked" in attempt.text for attempt in attempts)


def test_a_failing_trial_fails_alone_and_is_retried_on_demand(tmp_path: Path) -> None:
    folder = _folder(tmp_path, broken=True)
    root = small.make_store(tmp_path / "store")
    attempt = small.start(folder, root)
    assert attempt.wait() == 1
    states = {t["number"]: t["state"] for t in small.trials(root)}
    failed = [number for number, state in states.items() if state == "FAIL"]
    assert failed == [2, 3]
    assert sorted(set(states.values())) == ["COMPLETE", "FAIL"]
    runs = small.runs(root)
    for number in failed:
        assert runs[number]["status"] == "FAILED"
        assert "traceback.txt" in runs[number]["files"]
    assert "2 trials failed (number 2, 3)" in attempt.text
    assert "RETRY=failed" in attempt.text

    again = small.start(folder, root)
    assert again.wait() == 1
    assert "nothing to do" in again.text
    assert len(small.trials(root)) == len(states)

    (folder / "broken").unlink()
    assert small.start(folder, root, retry=True).wait() == 0
    retried = [t for t in small.trials(root) if "retry_of" in t["attributes"]]
    assert [t["attributes"]["retry_of"] for t in retried] == failed
    by_number = {t["number"]: t for t in small.trials(root)}
    for trial in retried:
        assert trial["params"] == by_number[trial["attributes"]["retry_of"]]["params"]
        assert trial["state"] == "COMPLETE"


def test_a_budget_is_a_total_and_topping_up_trains_only_what_is_new(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    root = small.make_store(tmp_path / "store")
    assert small.start(folder, root).wait() == 0
    first = small.trials(root)
    assert small.start(folder, root).wait() == 0
    assert small.trials(root) == first
    assert small.start(folder, root, budget={"seeds": 3}).wait() == 0
    more = small.trials(root)
    assert more[: len(first)] == first
    assert [t["attributes"]["role"] for t in more[len(first) :]] == ["confirm"] * 2
    assert {t["attributes"]["seed"] for t in more[len(first) :]} == {3}


def test_a_diverged_trial_is_counted_and_not_dropped(tmp_path: Path) -> None:
    rates = {
        '"lr", 1e-3, 1e-2, log=True': '"lr", 1e17, 1e18, log=True',
        "warmup=0.1,": "warmup=0.1, optimizer='sgd',",
    }
    folder = _folder(tmp_path, rates)
    root = small.make_store(tmp_path / "store")
    attempt = small.start(folder, root)
    assert attempt.wait() == 0
    trials = small.trials(root)
    assert {t["result"]["status"] for t in trials} == {"diverged"}
    assert all(t["state"] == "PRUNED" and "step" in t["result"]["reason"] for t in trials)
    assert "iverged" in attempt.text


def test_the_same_recipe_and_seed_are_not_trained_twice(tmp_path: Path) -> None:
    folder = _folder(
        tmp_path,
        {
            'trial.suggest_float("lr", 1e-3, 1e-2, log=True)': "3e-3",
            'trial.suggest_float("dropout", 0.0, 0.3)': "0.1",
        },
    )
    root = small.make_store(tmp_path / "store")
    assert small.start(folder, root).wait() == 0
    search = [t for t in small.trials(root) if t["attributes"]["role"] == "search"]
    assert [t["result"].get("same_as") for t in search] == [None, 0, None, 2]
    assert search[1]["values"] == search[0]["values"]
    assert small.runs(root)[1]["status"] == "FINISHED"


@pytest.mark.parametrize("sampler", ["tpe", *map(in_all, ["nsga2", "random", "qmc", "gp"])])
def test_an_ordinary_search_ends_the_same_when_it_is_interrupted(
    tmp_path: Path, sampler: str
) -> None:
    ordinary = {
        "def space(trial: BaseTrial, *, depth: int)": "def space(trial: BaseTrial)",
        "depth=depth, width=32": 'depth=trial.suggest_int("depth", 1, 3), width=32',
        '    scientific={"depth": (1, 3)},\n': f'    sampler="{sampler}",\n    trials=6,\n',
    }
    folder = _folder(tmp_path, ordinary)
    whole, parts = (small.make_store(tmp_path / name) for name in ("whole", "parts"))
    assert small.start(folder, whole, fuse=1).wait() == 0
    for total in (1, 4):
        assert small.start(folder, parts, budget={"trials": total}, fuse=1).wait() == 0
        assert len(small.trials(parts)) == total
    assert small.start(folder, parts, fuse=1).wait() == 0
    assert small.trials(parts) == small.trials(whole)


def test_a_constraint_is_checked_before_anything_is_trained(tmp_path: Path) -> None:
    limited = {
        "def space(trial: BaseTrial, *, depth: int) -> Recipe:\n": (
            "def space(trial: BaseTrial) -> Recipe:\n"
            '    depth = trial.suggest_int("depth", 1, 3)\n'
            '    trial.set_constraint("parameters", depth - 2)\n'
        ),
        '    scientific={"depth": (1, 3)},\n': '    sampler="grid", trials=9,\n'
        '    grid={"depth": (1, 2, 3), "dropout": (0.1,), "lr": (1e-3,)},\n',
    }
    folder = _folder(tmp_path, limited)
    root = small.make_store(tmp_path / "store")
    assert small.start(folder, root).wait() == 0
    statuses = {t["params"]["depth"]: t["result"]["status"] for t in small.trials(root)}
    assert statuses == {1: "finished", 2: "finished", 3: "infeasible"}


@pytest.mark.parametrize("pruner", ["median", "hyperband", "halving"])
def test_pruned_trials_end_as_pruned_in_both_stores(tmp_path: Path, pruner: str) -> None:
    pruned = {
        "def space(trial: BaseTrial, *, depth: int)": "def space(trial: BaseTrial)",
        "depth=depth": "depth=1",
        "epochs=2": "epochs=6",
        '"lr", 1e-3, 1e-2': '"lr", 1e-6, 1e-1',
        '    scientific={"depth": (1, 3)},\n': f'    pruner="{pruner}", trials=12,\n',
    }
    folder = _folder(tmp_path, pruned)
    root = small.make_store(tmp_path / "store")
    assert small.start(folder, root).wait() == 0
    states = [t["state"] for t in small.trials(root)]
    assert len(states) == 12
    assert "PRUNED" in states
    assert {run["status"] for run in small.runs(root).values()} == {"FINISHED"}


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
@pytest.mark.parametrize("megabytes", [in_all(4), 6, in_all(9)])
def test_a_full_disk_pauses_the_study_and_loses_nothing(tmp_path: Path, megabytes: int) -> None:
    folder = small.write_study(tmp_path, epochs=40)
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.system(f"mount -t tmpfs -o size={megabytes}m tmpfs {disk} 2>/dev/null") != 0:
        pytest.skip("this machine allows no mount")
    try:
        root = small.make_store(disk / "store")
        log = disk / f"store-{small.NAME}.log"
        log.symlink_to(tmp_path / "log")
        attempt = small.start(folder, root)
        assert attempt.wait() == os.EX_TEMPFAIL
        assert "make room" in attempt.text
        assert "Traceback" not in attempt.text
        os.system(f"mount -o remount,size=200m {disk}")
        assert small.start(folder, root).wait() == 0
        assert [t["state"] for t in small.trials(root)] == ["COMPLETE"] * 8
        assert {run["status"] for run in small.runs(root).values()} == {"FINISHED"}
    finally:
        os.system(f"umount --lazy {disk}")
