"""Assigned: a trial that this process may train, the block it is claimed with, and its recipe."""

import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, Trial

from harness.design import Slot
from harness.recipe import Recipe
from harness.store import Lease
from harness.study import Study, label

BLOCK = "block"


@dataclass(frozen=True, kw_only=True)
class Block:
    """Trials that are claimed together: the number of the first, and how many they are to be.

    It is stored with each of them, so that a block whose process died is claimed together again:
    what trains as one decides the last bits of a result.
    """

    first: int
    size: int

    @classmethod
    def of(cls, trial: FrozenTrial | Trial) -> "Block":
        """Return a trial's block; by itself it is one of its own."""
        return cls(**trial.user_attrs.get(BLOCK, {"first": trial.number, "size": 1}))

    def attributes(self) -> dict[str, Any]:
        """Return it as Optuna user attributes; of a trial by itself there are none."""
        return {BLOCK: asdict(self)} if self.size > 1 else {}


@dataclass(frozen=True, kw_only=True)
class Reserved:
    """A running trial that nobody else can train while the lease is held."""

    number: int
    id: int
    lease: Lease
    directory: Path
    adopted: bool


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """A reserved trial that Optuna draws for."""

    trial: Trial
    slot: Slot
    directory: Path
    adopted: bool


def suggest(study: Study, assigned: Assigned) -> Recipe:
    """Return the recipe of a claimed trial: what `space` builds, with the slot's seed.

    For an adopted trial `space` runs a second time: values already suggested come back as
    they were, and Optuna's remark that a constraint is already set is no news.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The constraint value is ignored")
        recipe = replace(study, epochs=assigned.slot.epochs).recipe(
            assigned.trial, assigned.slot.cell
        )
    return replace(recipe, seed=assigned.slot.seed)


def is_feasible(assigned: Assigned) -> bool:
    """Say whether every constraint that `space` set on the trial holds."""
    frozen = assigned.trial._cached_frozen_trial
    return all(value <= 0 for value in frozen.constraints.values())


def run_name(assigned: Assigned) -> str:
    """Return the name of a trial's run in MLflow."""
    slot = assigned.slot
    last = f"seed {slot.seed}" if slot.role == "confirm" else f"point {slot.point}"
    return f"{assigned.trial.number:04d} {slot.role} {label(slot.cell)} {last}"
