"""Tried: what Optuna's trials say of themselves, in the words of the design."""

from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from harness.design import Done, Slot


def slot_of(attributes: dict[str, Any]) -> Slot:
    """Return the slot that a trial's user attributes describe."""
    names = ("role", "cell", "point", "seed", "epochs", "params")
    return Slot(**{name: attributes[name] for name in names})


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
