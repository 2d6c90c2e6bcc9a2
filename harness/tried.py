"""Tried: what Optuna's trials say of themselves, in the words of the design."""

from collections.abc import Hashable, Sequence
from dataclasses import asdict
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from harness.design import SLOT, Agenda, Done, Slot

NO_SLOT = asdict(Slot(role="trial", cell={}, point=0, seed=0, epochs=None))

RESULT = "result"


def slot_of(attributes: dict[str, Any]) -> Slot:
    """Return the slot that a trial's user attributes describe; NO_SLOT's where they say nothing."""
    # Trials stored before 2026-11-22 have an attribute for each of a slot's values.
    stored = attributes.get(SLOT, attributes)
    return Slot(**{name: stored.get(name, value) for name, value in NO_SLOT.items()})


def has_slot(attributes: dict[str, Any]) -> bool:
    """Say whether user attributes describe a slot; those of a user's own enqueued trial do not."""
    return SLOT in attributes or "params" in attributes


def unresolved(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the failed trials that nobody has retried."""
    retried = {trial.user_attrs.get("retry_of") for trial in trials}
    return [t for t in trials if t.state == TrialState.FAIL and t.number not in retried]


def ended(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that came to an end, whichever."""
    return [trial for trial in trials if trial.state.is_finished()]


def first_tries(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that are no second try of another."""
    return [trial for trial in trials if "retry_of" not in trial.user_attrs]


def done_of(trial: FrozenTrial) -> Done:
    """Return a trial as the design sees it."""
    complete = trial.state == TrialState.COMPLETE
    return Done(
        number=trial.number,
        slot=slot_of(trial.user_attrs),
        params=dict(trial.params),
        over=trial.state.is_finished(),
        value=trial.values[0] if complete else None,
    )


class Tried:
    """What a study's trials say, kept at the cost of what changed rather than of all trials."""

    def __init__(self, agenda: Agenda) -> None:
        self.agenda = agenda
        self._known = 0
        self._unfinished: list[int] = []
        self._finished: dict[Hashable, FrozenTrial] = {}

    def take(self, trials: Sequence[FrozenTrial]) -> None:
        """Take in all trials as they are now."""
        changed = [*self._unfinished, *range(self._known, len(trials))]
        for number in changed:
            self.agenda.add(done_of(trials[number]))
            if trials[number].state == TrialState.COMPLETE:
                self._finish(trials[number])
        self._unfinished = [n for n in changed if not trials[n].state.is_finished()]
        self._known = len(trials)

    def finished(self, role: str, seed: int, recipe_hash: str) -> FrozenTrial | None:
        """Return the first finished trial of a role, a seed and a recipe, if there is one."""
        return self._finished.get((role, seed, recipe_hash))

    def _finish(self, trial: FrozenTrial) -> None:
        slot, result = slot_of(trial.user_attrs), trial.user_attrs.get(RESULT, {})
        key = (slot.role, slot.seed, result.get("recipe_hash"))
        if key not in self._finished or trial.number < self._finished[key].number:
            self._finished[key] = trial
