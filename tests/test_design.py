"""Design: which trials are missing, as a function of the study and what is done."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.design import Agenda, Done, Slot, best_of, confirm_slots, search_slots
from harness.recipe import Recipe
from harness.study import Study, label
from harness.tried import slot_of


def space(**_: object) -> Recipe:
    raise AssertionError("a design builds no recipe")


def designed(**settings: Any) -> Study:
    defaults: dict[str, Any] = {
        "question": "Is it?",
        "space": space,
        "scientific": {"depth": (1, 2), "budget": (10, 20, 30)},
        "trials_per_cell": 4,
        "seeds": 3,
    }
    return Study(**(defaults | settings))


Value = Callable[[int, Slot], float | None]


def run(slots: Sequence[Slot], first: int = 0, value: Value | None = None) -> list[Done]:
    """Return the slots as trials that are over; the first point is the best by default."""
    how: Value = value or (lambda _number, slot: float(slot.point))
    return [
        Done(
            number=number,
            slot=slot,
            params=slot.params or {"lr": 0.1 / (1 + slot.point)},
            over=True,
            value=how(number, slot),
        )
        for number, slot in enumerate(slots, start=first)
    ]


def missing(study: Study, done: Iterable[Done], *, higher_is_better: bool) -> list[Slot]:
    """Return what an agenda that was told of all trials still asks for."""
    agenda = Agenda(study, higher_is_better=higher_is_better)
    for one in done:
        agenda.add(one)
    return list(agenda.missing())


def complete(study: Study, done: list[Done] | None = None) -> list[Done]:
    """Train whatever is missing until nothing is."""
    done = list(done or [])
    while slots := missing(study, done, higher_is_better=False):
        done += run(slots, first=len(done))
    return done


def test_every_cell_gets_the_same_points_interleaved() -> None:
    study = designed()
    slots = search_slots(study)
    assert Counter(label(slot.cell) for slot in slots) == {
        label(cell): study.trials_per_cell for cell in study.cells()
    }
    cells = len(study.cells())
    for begun in range(0, len(slots), cells):
        block = slots[begun : begun + cells]
        assert {slot.point for slot in block} == {begun // cells}
        assert [slot.cell for slot in block] == study.cells()
    assert {slot.seed for slot in slots} == {study.seed}


def test_nothing_done_means_the_whole_search_is_missing() -> None:
    study = designed()
    assert missing(study, [], higher_is_better=False) == search_slots(study)


def test_the_confirmation_waits_until_the_search_is_over() -> None:
    study = designed()
    done = run(search_slots(study))
    running = [*done[:-1], replace(done[-1], over=False, value=None)]
    assert missing(study, running, higher_is_better=False) == []
    confirm = missing(study, done, higher_is_better=False)
    assert {slot.role for slot in confirm} == {"confirm"}
    assert len(confirm) == len(study.cells()) * study.seeds


def test_each_cell_is_confirmed_with_its_best_on_the_same_fresh_seeds() -> None:
    study = designed(seed=5)
    best = {label(cell): number % 4 for number, cell in enumerate(study.cells())}
    done = run(search_slots(study), value=lambda _, slot: abs(slot.point - best[label(slot.cell)]))
    slots = confirm_slots(study, done, higher_is_better=False)
    for slot in slots:
        assert slot.point == best[label(slot.cell)]
        assert slot.params == {"lr": 0.1 / (1 + slot.point)}
    for cell in study.cells():
        assert [slot.seed for slot in slots if slot.cell == cell] == [6, 7, 8]
    assert [slot.cell for slot in slots[: len(best)]] == study.cells()


@pytest.mark.parametrize(("higher", "point"), [(False, 0), (True, 3)])
def test_best_is_in_the_direction_of_the_objective(higher: bool, point: int) -> None:
    study = designed()
    done = run(search_slots(study))
    for cell in study.cells():
        best = best_of(study, cell, done, higher_is_better=higher)
        assert best is not None
        assert (best.slot.cell, best.slot.point) == (cell, point)


@pytest.mark.parametrize("higher", [False, True])
def test_of_equals_the_earliest_is_the_best(higher: bool) -> None:
    study = designed()
    done = run(search_slots(study), value=lambda _number, _slot: 0.0)
    for order in (done, done[::-1]):
        best = best_of(study, study.cells()[1], order, higher_is_better=higher)
        assert best is not None
        assert best.slot.point == 0


def test_what_did_not_finish_is_never_the_best() -> None:
    study = designed()
    first = study.cells()[0]
    done = run(
        search_slots(study),
        value=lambda _, slot: None if slot.cell == first and slot.point < 3 else 1.0,
    )
    best = best_of(study, first, done, higher_is_better=False)
    assert best is not None
    assert best.slot.point == 3


def test_a_cell_in_which_all_diverged_is_not_confirmed_and_the_others_are() -> None:
    study = designed()
    first = study.cells()[0]
    done = run(search_slots(study), value=lambda _, slot: None if slot.cell == first else 1.0)
    assert best_of(study, first, done, higher_is_better=False) is None
    confirm = missing(study, done, higher_is_better=False)
    assert {label(slot.cell) for slot in confirm} == {label(c) for c in study.cells()[1:]}


def test_a_finished_study_misses_nothing() -> None:
    study = designed()
    done = complete(study)
    assert len(done) == len(study.cells()) * (study.trials_per_cell + study.seeds)
    assert len({done.slot.key for done in done}) == len(done)
    assert missing(study, done, higher_is_better=False) == []


def test_more_trials_add_only_new_points() -> None:
    study, larger = designed(), designed(trials_per_cell=6)
    done = complete(study)
    added = missing(larger, done, higher_is_better=False)
    assert Counter(slot.point for slot in added) == dict.fromkeys((4, 5), len(study.cells()))
    assert {slot.role for slot in added} == {"search"}
    searched = done + run(added, first=len(done))
    assert missing(larger, searched, higher_is_better=False) == []


def test_more_trials_confirm_anew_only_the_cells_whose_best_changed() -> None:
    study, larger = designed(), designed(trials_per_cell=5)
    done = complete(study)
    changed = study.cells()[2]
    added = run(
        missing(larger, done, higher_is_better=False),
        first=len(done),
        value=lambda _, slot: -1.0 if slot.cell == changed else 99.0,
    )
    confirm = missing(larger, done + added, higher_is_better=False)
    assert [slot.cell for slot in confirm] == [changed] * larger.seeds
    assert {slot.point for slot in confirm} == {4}


def test_more_seeds_add_only_the_new_seeds() -> None:
    done = complete(designed())
    added = missing(designed(seeds=5), done, higher_is_better=False)
    assert {(slot.role, slot.seed) for slot in added} == {("confirm", 4), ("confirm", 5)}
    assert len(added) == 2 * len(designed().cells())


def test_a_smaller_budget_than_is_done_asks_for_nothing() -> None:
    done = complete(designed())
    assert missing(designed(seeds=1), done, higher_is_better=False) == []
    assert missing(designed(trials_per_cell=2), done, higher_is_better=False) == []


def test_a_new_level_adds_its_cells_and_keeps_the_others() -> None:
    done = complete(designed())
    wider = designed(scientific={"depth": (1, 2, 3), "budget": (10, 20, 30)})
    added = missing(wider, done, higher_is_better=False)
    assert {slot.cell["depth"] for slot in added} == {3}
    assert len(added) == 3 * wider.trials_per_cell


@pytest.mark.parametrize("change", [{"epochs": 5}, {"seed": 1}])
def test_other_epochs_or_another_seed_are_another_search(change: dict[str, int]) -> None:
    done = complete(designed())
    other = designed(**change)
    assert missing(other, done, higher_is_better=False) == search_slots(other)


def test_a_failed_trial_is_not_done_again_and_its_retry_counts_for_its_slot() -> None:
    study = designed(trials_per_cell=1)
    slots = search_slots(study)
    failed = run(slots, value=lambda number, _: None if number == 0 else 1.0)
    assert slots[0] not in missing(study, failed, higher_is_better=False)
    retried = [*failed, Done(number=99, slot=slots[0], params={"lr": 1.0}, over=True, value=2.0)]
    best = best_of(study, study.cells()[0], retried, higher_is_better=False)
    assert best is not None
    assert best.number == 99
    running = [*failed, Done(number=99, slot=slots[0], params={}, over=False, value=None)]
    assert missing(study, running, higher_is_better=False) == []


def test_a_slot_survives_the_storage() -> None:
    slot = confirm_slots(designed(), run(search_slots(designed())), higher_is_better=False)[0]
    stored = json.loads(json.dumps(slot.attributes()))
    assert slot_of(stored) == slot
    assert slot_of(stored["slot"]) == slot, "as it was stored before 2026-11-22"


@given(st.permutations(range(24)), st.integers(0, 24))
def test_the_order_in_which_trials_ended_does_not_matter(order: list[int], count: int) -> None:
    study = designed()
    done = run(search_slots(study))
    some = [done[index] for index in order[:count]]
    expected = missing(study, sorted(some, key=lambda one: one.number), higher_is_better=False)
    assert missing(study, some, higher_is_better=False) == expected
    again = complete(study, some)
    assert len(again) == len({one.slot.key for one in again}) == 24 + 18


@given(
    st.permutations(range(24)),
    st.lists(st.booleans(), min_size=40, max_size=40),
    st.lists(st.floats(0, 1) | st.none(), min_size=40, max_size=40),
)
def test_an_agenda_kept_while_trials_change_equals_one_made_from_their_end(
    order: list[int], asked: list[bool], values: list[float | None]
) -> None:
    study = designed()
    kept = Agenda(study, higher_is_better=False)
    ended = run(search_slots(study), value=lambda number, _slot: values[number])
    for number in order:
        kept.add(replace(ended[number], over=False, value=None))
        if asked[number]:
            kept.missing()
    assert list(kept.missing()) == [], "no confirmation while the search runs"
    for number in reversed(order):
        kept.add(ended[number])
    assert list(kept.missing()) == missing(study, ended, higher_is_better=False)
    confirm = run(list(kept.missing())[::2], first=24)
    for one in confirm:
        kept.add(one)
    again = ended + confirm
    assert list(kept.missing()) == missing(study, again, higher_is_better=False)
