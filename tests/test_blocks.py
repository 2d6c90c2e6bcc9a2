"""Blocks: what is claimed together, and that training it as one changes no answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.assigned import Block, Reserved
from harness.checks import check
from harness.kinds import search_of
from harness.search import WAIT, Search
from harness.study import Study, load
from tests import small


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(small.write_study(tmp_path, epochs=2, limit=200))
    return load(small.NAME, {"trials": 5, "seeds": 3})


def opened(study: Study, root: Path, most: int) -> Search:
    return search_of(study, small.make_store(root), check(study, files=False), most)


CLAIMED: list[Reserved] = []


@pytest.fixture(autouse=True)
def _released() -> Iterator[None]:
    yield
    release(CLAIMED)
    CLAIMED.clear()


def claimed(search: Search) -> list[Reserved]:
    block = search.claim()
    assert isinstance(block, list)
    CLAIMED.extend(block)
    return block


def numbers(block: list[Reserved]) -> list[int]:
    return [reserved.number for reserved in block]


def release(block: list[Reserved]) -> None:
    """Do what the kernel does when a process dies."""
    for reserved in block:
        reserved.lease.release()


def test_a_block_has_the_slots_of_one_kind(study: Study, tmp_path: Path) -> None:
    search = opened(study, tmp_path / "store", most=4)
    blocks = [claimed(search) for _ in range(4)]
    assert [numbers(block) for block in blocks] == [[0, 1, 2, 3], [4, 5, 6, 7], [8], [9]]
    cells = [{str(search.begin(each).slot.cell) for each in block} for block in blocks]
    assert [len(found) for found in cells] == [1, 1, 1, 1]
    assert search.claim() == WAIT


def test_without_fusing_each_trial_is_claimed_by_itself(study: Study, tmp_path: Path) -> None:
    search = opened(study, tmp_path / "store", most=1)
    first, second = claimed(search), claimed(search)
    assert (numbers(first), numbers(second)) == ([0], [1])
    assert search.begin(first[0]).slot.cell != search.begin(second[0]).slot.cell


def test_a_block_whose_process_died_is_claimed_again_as_it_was(
    study: Study, tmp_path: Path
) -> None:
    search = opened(study, tmp_path / "store", most=4)
    first, second = claimed(search), claimed(search)
    drawn = [search.begin(each).trial.suggest_float("lr", 1e-3, 1e-2, log=True) for each in first]
    release(first)
    again = claimed(search)
    assert numbers(again) == numbers(first)
    assert all(reserved.adopted for reserved in again)
    suggested = [search.begin(e).trial.suggest_float("lr", 1e-3, 1e-2, log=True) for e in again]
    assert suggested == drawn
    search.tell(search.begin(again[0]), {"status": "failed", "reason": "", "metrics": {}})
    release(again)
    assert numbers(claimed(search)) == numbers(first)[1:]
    release(second)
    assert numbers(claimed(search)) == numbers(second)


def test_a_block_that_was_only_begun_is_completed(study: Study, tmp_path: Path) -> None:
    whole = opened(study, tmp_path / "whole", most=4)
    expected = [whole.begin(each).slot for each in claimed(whole)]
    search = opened(study, tmp_path / "store", most=4)
    slots = search._wanted([], 4)
    release(search._create([], slots[:2], Block(first=0, size=4)))
    again = claimed(search)
    assert [search.begin(each).slot for each in again] == expected
    assert [reserved.adopted for reserved in again] == [True, True, False, False]


@pytest.mark.slow
def test_a_study_trained_as_one_finds_what_each_alone_finds(tmp_path: Path) -> None:
    folder = small.write_study(tmp_path, epochs=10)
    fused, alone = (small.make_store(tmp_path / name) for name in ("fused", "alone"))
    attempts = [small.start(folder, fused), small.start(folder, alone, fuse=1)]
    assert [attempt.wait() for attempt in attempts] == [0, 0]
    assert "2 at once" in attempts[0].text
    by_slot = {str(_slot(trial)): trial for trial in small.trials(alone)}
    for trial in small.trials(fused):
        other = by_slot[str(_slot(trial))]
        assert trial["params"] == other["params"]
        assert trial["values"] == pytest.approx(other["values"], rel=1e-3)


def _slot(trial: dict[str, object]) -> dict[str, object]:
    attributes = trial["attributes"]
    assert isinstance(attributes, dict)
    return {name: attributes[name] for name in ("role", "cell", "point", "seed")}
