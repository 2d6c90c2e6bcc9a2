"""Pruning: trials that train together are judged together, as Optuna's own pruner would judge."""

from collections.abc import Sequence
from itertools import permutations

import optuna
import pytest
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, SuccessiveHalvingPruner
from optuna.study import StudyDirection
from optuna.trial import Trial

from harness.course import Course, Judge, Watch, keep_all
from harness.pruning import is_audited, judge_of
from harness.study import Study
from tests.synthetic import space

VALUES = (0.5, 0.1, 0.7, 0.3, 0.3, 0.9, 0.2, 0.6)
EPOCHS = 9


def trials_of(
    pruner: BasePruner, count: int, direction: StudyDirection = StudyDirection.MINIMIZE
) -> list[Trial]:
    storage = optuna.storages.RDBStorage("sqlite://")
    study = optuna.create_study(storage=storage, pruner=pruner, direction=direction)
    return [study.ask() for _ in range(count)]


def run(judge: Judge, values: Sequence[float]) -> dict[int, int]:
    """Return at which epoch each place is pruned, with values that stay the same."""
    left, ends = dict(enumerate(values)), {}
    for epoch in range(EPOCHS):
        for place in judge(epoch, dict(left)):
            ends[place] = epoch
            del left[place]
    return ends


@pytest.mark.parametrize("direction", [StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE])
@pytest.mark.parametrize("factor", [2, 3])
def test_each_is_judged_as_by_optuna_when_all_others_have_reported(
    factor: int, direction: StudyDirection
) -> None:
    pruner = SuccessiveHalvingPruner(min_resource=1, reduction_factor=factor)
    trials = trials_of(pruner, len(VALUES), direction)
    ours = judge_of(trials)(1, dict(enumerate(VALUES)))
    for last in range(len(VALUES)):
        asked = trials_of(pruner, len(VALUES), direction)
        for place in [*(p for p in range(len(VALUES)) if p != last), last]:
            asked[place].report(VALUES[place], 1)
            pruned = asked[place].should_prune()
        assert (last in ours) == pruned


def test_the_order_of_the_group_decides_nothing() -> None:
    pruner = SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    found = set()
    for order in list(permutations(range(4)))[::5]:
        ends = run(judge_of(trials_of(pruner, 4)), [VALUES[place] for place in order])
        found.add(tuple(sorted((VALUES[order[place]], epoch) for place, epoch in ends.items())))
    assert len(found) == 1


@pytest.mark.parametrize(
    "pruner",
    [
        SuccessiveHalvingPruner(min_resource=1, reduction_factor=2),
        HyperbandPruner(min_resource=1, max_resource=EPOCHS, reduction_factor=2),
        MedianPruner(n_startup_trials=0, n_warmup_steps=0),
    ],
    ids=["halving", "hyperband", "median"],
)
def test_an_epoch_that_is_trained_again_after_a_kill_is_judged_the_same(
    pruner: BasePruner,
) -> None:
    trials = trials_of(pruner, len(VALUES))
    first = run(judge_of(trials), VALUES)
    assert run(judge_of(trials), VALUES) == first
    assert first or not isinstance(pruner, SuccessiveHalvingPruner)


def test_rungs_are_stored_for_those_that_come_later() -> None:
    pruner = SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    trials = trials_of(pruner, 8)
    assert judge_of(trials[:4])(1, dict(enumerate((0.1, 0.2, 0.3, 0.4)))) == {2, 3}
    assert judge_of(trials[4:])(1, dict(enumerate((0.5, 0.6, 0.7, 0.15)))) == {0, 1, 2}
    assert trials[0].study.trials[7].intermediate_values == {1: 0.15}


def test_without_a_pruner_nothing_is_asked() -> None:
    assert judge_of(trials_of(optuna.pruners.NopPruner(), 1)) is keep_all


def test_what_is_audited_trains_to_its_end() -> None:
    course = Course(watch=Watch(), epochs=3, patience=None, audited=True)
    for epoch in range(3):
        course.take({"val/loss": 1.0 - epoch}, pruned=epoch == 0)
    assert (course.status, course.pruned_at, len(course.history)) == ("pruned", 0, 3)


def test_a_seeded_share_is_audited() -> None:
    study = Study(question="?", space=space, audit=0.25, seed=3)
    chosen = [is_audited(study, number) for number in range(400)]
    assert chosen == [is_audited(study, number) for number in range(400)]
    assert all(sum(chosen[start : start + 4]) == 1 for start in range(0, 400, 4))
    assert len({chosen[start : start + 4].index(True) for start in range(0, 400, 4)}) == 4
