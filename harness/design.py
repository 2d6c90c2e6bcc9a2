"""Design: which trials a comparison needs, as a pure function of the study and what is done."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from harness.claims import Value
from harness.study import Study, label

SLOT = "slot"


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
        """Return it as an Optuna user attribute: one, as each costs 1 ms to store."""
        return {SLOT: asdict(self)}


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
    cells, points = study.cells(), range(study.trials_per_cell)
    return [_search_slot(study, cell, point) for point in points for cell in cells]


def _search_slot(study: Study, cell: dict[str, Value], point: int) -> Slot:
    return Slot(role="search", cell=cell, point=point, seed=study.seed, epochs=study.epochs)


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
    wanted = {_search_slot(study, cell, n).key for n in range(study.trials_per_cell)}
    finished = [d for d in done if d.value is not None and d.slot.key in wanted]
    sign = -1.0 if higher_is_better else 1.0
    return min(finished, key=lambda d: (sign * (d.value or 0.0), d.number), default=None)


class Agenda:
    """Which slots no trial fills yet, kept at the cost of what changed rather than of all trials.

    A slot counts as filled whatever came of its trial. Tell it of a trial when it is there, and
    again when its state has changed.
    """

    def __init__(self, study: Study, *, higher_is_better: bool) -> None:
        self._study, self._higher_is_better = study, higher_is_better
        self._left = {slot.key: slot for slot in search_slots(study)}
        self._wanted = set(self._left)
        self._filled: set[tuple[object, ...]] = set()
        self._searched: dict[int, Done] = {}
        self._open: set[int] = set()
        self._confirm: dict[tuple[object, ...], Slot] | None = None

    def add(self, done: Done) -> None:
        """Take in a trial as it is now."""
        key = done.slot.key
        self._filled.add(key)
        self._left.pop(key, None)
        if self._confirm is not None:
            self._confirm.pop(key, None)
        if key in self._wanted:
            self._searched[done.number] = done
            self._confirm = None
            if done.over:
                self._open.discard(done.number)
            else:
                self._open.add(done.number)

    def missing(self) -> Collection[Slot]:
        """Return the slots that no trial fills yet, in order: the search, then the confirmation.

        There is no confirmation before every trial of the search is over.
        """
        if self._left or self._open:
            return self._left.values()
        if self._confirm is None:
            slots = confirm_slots(
                self._study, self._searched.values(), higher_is_better=self._higher_is_better
            )
            self._confirm = {slot.key: slot for slot in slots if slot.key not in self._filled}
        return self._confirm.values()
