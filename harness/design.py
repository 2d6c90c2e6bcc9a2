"""Design: which trials a comparison needs, as a pure function of the study and what is done."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from harness.study import Study, Value, label


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One trial that the design asks for: a point of the search, or a fresh seed to confirm."""

    role: str
    cell: dict[str, Value]
    point: int
    seed: int
    epochs: int | None
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[object, ...]:
        """What makes it this slot and no other."""
        tuned = tuple(sorted(self.params.items())) if self.role == "confirm" else ()
        return (self.role, label(self.cell), self.point, self.seed, self.epochs, tuned)

    def attributes(self) -> dict[str, Any]:
        """Return it as Optuna user attributes."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Done:
    """A trial of the study as the design sees it; `value` is None unless it finished."""

    number: int
    slot: Slot
    params: dict[str, Any]
    over: bool
    value: float | None


def search_slots(study: Study) -> list[Slot]:
    """Return the search: every cell with the same quasi-random points and the same seed.

    Point by point rather than cell by cell, so that a study that is stopped early is balanced.
    """
    return [
        Slot(role="search", cell=cell, point=point, seed=study.seed, epochs=study.epochs)
        for point in range(study.trials_per_cell)
        for cell in study.cells()
    ]


def confirm_slots(study: Study, done: Iterable[Done], *, higher_is_better: bool) -> list[Slot]:
    """Return the confirmation: each cell's best recipe on seeds that the search never saw."""
    chosen = [
        best_of(study, cell, done, higher_is_better=higher_is_better) for cell in study.cells()
    ]
    return [
        Slot(
            role="confirm",
            cell=best.slot.cell,
            point=best.slot.point,
            seed=study.seed + 1 + repeat,
            epochs=study.epochs,
            params=best.params,
        )
        for repeat in range(study.seeds)
        for best in chosen
        if best is not None
    ]


def best_of(
    study: Study, cell: dict[str, Value], done: Iterable[Done], *, higher_is_better: bool
) -> Done | None:
    """Return the cell's best finished search trial; of equals the earliest; or None."""
    wanted = {slot.key for slot in search_slots(study) if slot.cell == cell}
    finished = [d for d in done if d.value is not None and d.slot.key in wanted]
    sign = -1.0 if higher_is_better else 1.0
    return min(finished, key=lambda d: (sign * (d.value or 0.0), d.number), default=None)


def missing(study: Study, done: Sequence[Done], *, higher_is_better: bool) -> list[Slot]:
    """Return the slots that no trial fills yet: the search first, then the confirmation."""
    filled = {d.slot.key for d in done}
    search = search_slots(study)
    left = [slot for slot in search if slot.key not in filled]
    wanted = {slot.key for slot in search}
    if left or not all(d.over for d in done if d.slot.key in wanted):
        return left
    confirm = confirm_slots(study, done, higher_is_better=higher_is_better)
    return [slot for slot in confirm if slot.key not in filled]
