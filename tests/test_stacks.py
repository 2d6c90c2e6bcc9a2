"""Stacks: which trials train as one is decided once, whatever the memory is like later."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from harness import stacks
from harness.blocks import run_block
from harness.fused.together import Together
from harness.keeper import Interrupted
from harness.search import Search
from harness.study import Study, load
from harness.tracking import Tracker
from harness.workers import open_search
from tests import small
from tests.test_training import StopAt


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(small.write_study(tmp_path, epochs=3, limit=200))
    return load(small.NAME, {"trials": 4, "seeds": 1})


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def opened(study: Study, root: Path) -> tuple[Search, Tracker]:
    return open_search(study, small.make_store(root))


def train(search: Search, tracker: Tracker, stop: Any = lambda: False) -> dict[int, Any]:
    block = search.claim()
    assert isinstance(block, list)
    return run_block(search, tracker, block, stop)


def told(found: dict[int, Any]) -> dict[int, Any]:
    return {
        number: {k: v for k, v in result["metrics"].items() if not k.startswith(small.UNEQUAL)}
        for number, result in found.items()
    }


@pytest.fixture
def whole(study: Study, tmp_path: Path) -> dict[int, Any]:
    """Return the results of four trials that train as one."""
    return train(*opened(study, tmp_path / "whole"))


@pytest.mark.parametrize("asked", [2, 9])
def test_a_block_goes_on_with_its_stacks_whatever_memory_is_free(
    study: Study, tmp_path: Path, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "fitting", lambda _ready: 2)
    expected = train(*opened(study, tmp_path / "expected"))
    search, tracker = opened(study, tmp_path / "store")
    with pytest.raises(Interrupted):
        train(search, tracker, StopAt(asked))
    monkeypatch.setattr(stacks, "fitting", lambda _ready: 4)
    again = train(search, tracker)
    assert {result["fused"] for result in again.values()} == {"2 at once"}
    assert told(again) == told({number: expected[number] for number in again})


def test_trials_whose_stack_is_over_are_not_trained_as_another(
    study: Study, tmp_path: Path, whole: dict[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    search, tracker = opened(study, tmp_path / "store")
    tell = search.tell

    def killed(assigned: Any, result: Any) -> None:
        if assigned.trial.number == 1:
            raise Interrupted
        tell(assigned, result)

    monkeypatch.setattr(search, "tell", killed)
    with suppress(Interrupted):
        train(search, tracker)
    monkeypatch.setattr(search, "tell", tell)
    monkeypatch.setattr(Together, "gradients", lambda *_, **__: pytest.fail("it trains again"))
    again = train(search, tracker)
    assert list(again) == [1, 2, 3]
    assert told(again) == told({number: whole[number] for number in again})
    assert {result["fused"] for result in again.values()} == {"4 at once"}


def test_a_stack_out_of_memory_trains_as_two_and_stays_so(
    study: Study, tmp_path: Path, whole: dict[int, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    search, tracker = opened(study, tmp_path / "store")
    gradients, sizes = Together.gradients, list[int]()

    def too_large(self: Together, *arguments: Any, **options: Any) -> Tensor:
        if not self.stack.flat.is_meta:  # a trial step of the probe's
            sizes.append(len(self.stack))
        if len(self.stack) == 4 and len(sizes) > 1:
            torch.empty(2**60)
        return gradients(self, *arguments, **options)

    monkeypatch.setattr(Together, "gradients", too_large)
    with pytest.raises(Interrupted):
        train(search, tracker, StopAt(4))
    assert sizes[:3] == [4, 4, 2], "it does not fit at its second step"
    begun = len(sizes)
    again = train(search, tracker)
    assert set(sizes[begun:]) == {2}, "the next time it is not tried again"
    assert {result["fused"] for result in again.values()} == {"2 at once"}
    for number, result in again.items():
        value = whole[number]["metrics"]["val/loss"]
        assert result["metrics"]["val/loss"] == pytest.approx(value, rel=1e-4)
    groups = search.directory / "groups"
    assert [path.name for path in groups.iterdir()] == ["00000.json"], "no checkpoint is left"
