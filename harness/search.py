"""Search: drives Optuna. Hands out trials so that no kill loses, doubles or changes one."""

import math
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from harness.assigned import BLOCK, Assigned, Block, Reserved
from harness.design import Agenda, Slot
from harness.recipe import Recipe
from harness.samplers import INDEPENDENT, budget_of, pruner_for, sampler_for
from harness.settings import UserError
from harness.store import Lease, harden, lease_path, locked, optuna_url, trial_directory
from harness.study import Study, label
from harness.tried import RESULT, Tried, ended, first_tries, has_slot, slot_of, unresolved

WAIT = "wait"
"""What `claim` says when trials are under way elsewhere that decide what comes next."""
TOGETHER = 8
"""Trials that an ordinary search asks for at once: with TPE no worse than one at a time over 128
trials, while 32 cost a little early on (2026-11-22)."""
APART = 4
"""Trials in a block, at most, of networks too large to gain from training as one: few enough that
two cores end together, and a block's own cost is shared."""


class Search:
    """One study's trials in Optuna. `directions` says for each objective if higher is better.

    Trials are handed out in blocks of `most` at most, of cells of one `kind` (all cells differ if
    none are told), so that they can train as one; those of the kinds `apart` would train one after
    the other even so, and come in small blocks. `apart` is asked for once a trial is handed out,
    as it takes seconds of imports.
    """

    def __init__(
        self,
        study: Study,
        root: Path,
        directions: Sequence[bool],
        *,
        most: int = 1,
        kinds: Mapping[str, int] | None = None,
        apart: Callable[[], Collection[int]] = frozenset,
    ) -> None:
        self.study, self.root, self.directions = study, root, tuple(directions)
        self.most, self.kinds, self._apart = most, kinds or {}, apart
        self.directory = root / "studies" / study.name
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with locked(root / "initialise.lock"):
            storage = optuna.storages.RDBStorage(optuna_url(root))
            self.optuna = optuna.create_study(
                storage=storage,
                study_name=study.name,
                load_if_exists=True,
                directions=["maximize" if up else "minimize" for up in self.directions],
                pruner=pruner_for(study),
                sampler=sampler_for(study, 0),
            )
            harden(storage.engine, immediate=True)
        self._tried = Tried(Agenda(study, higher_is_better=self.directions[0]))

    @cached_property
    def apart(self) -> frozenset[int]:
        """The kinds whose networks train one after the other."""
        return frozenset(self._apart())

    def trials(self) -> list[FrozenTrial]:
        """Return all trials by number, not copied."""
        trials = self.optuna.get_trials(deepcopy=False)
        self._tried.take(trials)
        return trials

    def same_as(self, assigned: Assigned, recipe: Recipe) -> FrozenTrial | None:
        """Return the finished trial of the same recipe and seed, if this phase had one before."""
        found = self._tried.finished(assigned.slot.role, recipe.seed, recipe.hash)
        return found if found is not None and found.number < assigned.trial.number else None

    def claim(self) -> list[Reserved] | str | None:
        """Return a block of trials to train, "wait", or None when the budget is spent.

        Trials whose process died are adopted in place: same numbers, same parameters, same reports,
        same block. Everything happens under the study's lock, which dies with the process.
        """
        with locked(self.directory / "claim.lock"):
            trials = self.trials()
            for frozen in trials:
                if frozen.state == TrialState.RUNNING and (block := self._adopt(frozen, trials)):
                    return block
            return self._next(trials)

    def claim_running(self, number: int) -> list[Reserved]:
        """Return the block of an unfinished trial; raise UserError if a process has it."""
        with locked(self.directory / "claim.lock"):
            trials = self.trials()
            block = self._adopt(trials[number], trials)
        if not block:
            do = "wait for the process that trains it, or stop it"
            raise UserError("trial", got=number, allowed="a trial nobody trains", do=do)
        return block

    def begin(self, reserved: Reserved) -> Assigned:
        """Let the sampler draw for a reserved trial, in the order of a block's numbers."""
        self.optuna.sampler = sampler_for(self.study, reserved.number)
        trial = Trial(self.optuna, reserved.id)
        return Assigned(
            trial=trial,
            slot=slot_of(trial.user_attrs),
            directory=reserved.directory,
            adopted=reserved.adopted,
        )

    def tell(self, assigned: Assigned, result: dict[str, Any]) -> None:
        """Store a trial's result and end it in Optuna. A non-finite value never becomes best."""
        assigned.trial.set_user_attr(RESULT, result)
        state = {"finished": TrialState.COMPLETE, "failed": TrialState.FAIL}
        values = None
        if result["status"] == "finished":
            values = [result["metrics"][name] for name in self.study.objectives]
        ending = state.get(result["status"], TrialState.PRUNED)
        self.optuna.tell(assigned.trial, values, state=ending)

    def retry_failed(self) -> int:
        """Enqueue every failed trial again, with the same parameters; return how many."""
        with locked(self.directory / "claim.lock"):
            failed = unresolved(self.trials())
            for trial in failed:
                attributes = {k: v for k, v in trial.user_attrs.items() if k not in (RESULT, BLOCK)}
                self.optuna.enqueue_trial(
                    dict(trial.params), {**attributes, "retry_of": trial.number}
                )
        return len(failed)

    def remaining(self) -> int:
        """Return how many trials of the present phase have no end yet."""
        trials = self.trials()
        open_trials = sum(not trial.state.is_finished() for trial in trials)
        if not self.study.scientific:
            return max(open_trials, budget_of(self.study) - len(ended(trials)))
        return open_trials + len(self._tried.agenda.missing())

    def blocks(self) -> int:
        """Return in about how many blocks the missing trials of the present phase will be."""
        trials = self.trials()
        if not self.study.scientific:
            left = budget_of(self.study) - len(ended(trials))
            return math.ceil(left / self._most(self._ordinary(0)))
        first = {self._kind(slot): slot for slot in self._tried.agenda.missing()}
        sizes = Counter(self._kind(slot) for slot in self._tried.agenda.missing())
        return sum(math.ceil(size / self._most(first[kind])) for kind, size in sizes.items())

    def total(self) -> int:
        """Return the budget: all trials of both phases."""
        if not self.study.scientific:
            return budget_of(self.study)
        cells = len(self.study.cells())
        return cells * (self.study.trials_per_cell + self.study.seeds)

    def _next(self, trials: list[FrozenTrial]) -> list[Reserved] | str | None:
        waiting = [trial for trial in trials if trial.state == TrialState.WAITING][: self.most]
        if waiting:
            return self._wake(waiting, Block(first=waiting[0].number, size=len(waiting)))
        slots = self._wanted(trials)
        if slots:
            return self._create(trials, slots, Block(first=len(trials), size=len(slots)))
        return WAIT if any(t.state == TrialState.RUNNING for t in trials) else None

    def _wanted(
        self, trials: list[FrozenTrial], lacking: int | None = None, like: Slot | None = None
    ) -> list[Slot]:
        """Return the next missing slots of one kind, or those that a block lacks of `like`."""
        if self.study.scientific:
            missing = self._tried.agenda.missing()
            first = like or next(iter(missing), None)
            if first is None:
                return []
            kind, most = self._kind(first), lacking or self._most(first)
            return list(islice((slot for slot in missing if self._kind(slot) == kind), most))
        number, most = len(trials), self._most(self._ordinary(0))
        left = budget_of(self.study) - len(first_tries(trials))
        size = min(left, lacking or most, most - number % most)
        return [self._ordinary(number + place) for place in range(size)]

    def _most(self, slot: Slot) -> int:
        """Return how many trials of a slot's kind a block has at most."""
        most = self.most
        if not self.study.scientific and self.study.sampler not in INDEPENDENT:
            most = min(most, TOGETHER)
        return min(most, APART) if self.kinds.get(label(slot.cell)) in self.apart else most

    def _kind(self, slot: Slot) -> tuple[Hashable, ...]:
        cell = label(slot.cell)
        return slot.role, self.kinds.get(cell, cell)

    def _adopt(self, frozen: FrozenTrial, trials: list[FrozenTrial]) -> list[Reserved]:
        """Return the unfinished trials of a trial's block, unless a process has it.

        A process that died while it made a block left it smaller than it was to be.
        """
        if (lease := self._lease(frozen.number)) is None:
            return []
        lease.release()
        block = Block.of(frozen)
        members = [trial for trial in trials if Block.of(trial) == block]
        running = [trial for trial in members if trial.state == TrialState.RUNNING]
        found = [self._reserved(t.number, t._trial_id, adopted=True) for t in running]
        asleep = [trial for trial in members if trial.state == TrialState.WAITING]
        found += self._wake(asleep, block)
        lacking = block.size - len(members)
        like = slot_of(frozen.user_attrs)
        slots = self._wanted(trials, lacking, like) if lacking > 0 else []
        return found + self._create(trials, slots, block)

    def _create(
        self, trials: list[FrozenTrial], slots: Sequence[Slot], block: Block
    ) -> list[Reserved]:
        """Make trials that run at once, each in one transaction: enqueue and ask take eight."""
        storage, study = self.optuna._storage, self.optuna._study_id
        created = []
        for number, slot in enumerate(slots, start=len(trials)):
            template = create_trial(
                state=TrialState.RUNNING,
                user_attrs={**slot.attributes(), **block.attributes()},
                system_attrs={"fixed_params": slot.params} if slot.params else {},
            )
            trial_id = storage.create_new_trial(study, template)
            assert storage.get_trial(trial_id).number == number
            created.append(self._reserved(number, trial_id, adopted=False))
        return created

    def _wake(self, waiting: Sequence[FrozenTrial], block: Block) -> list[Reserved]:
        """Let waiting trials run, as a block."""
        storage, woken = self.optuna._storage, []
        for trial in waiting:
            attributes = block.attributes()
            if not has_slot(trial.user_attrs):
                attributes |= self._ordinary(trial.number).attributes()
            for name, value in attributes.items():
                storage.set_trial_user_attr(trial._trial_id, name, value)
        for trial in waiting:
            storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
            woken.append(self._reserved(trial.number, trial._trial_id, adopted=False))
        return woken

    def _reserved(self, number: int, trial_id: int, *, adopted: bool) -> Reserved:
        lease = self._lease(number)
        assert lease is not None, "under the study's lock, of a block without a process"
        directory = trial_directory(self.root, self.study.name, number)
        return Reserved(
            number=number, id=trial_id, lease=lease, directory=directory, adopted=adopted
        )

    def _lease(self, number: int) -> Lease | None:
        return Lease.take(lease_path(trial_directory(self.root, self.study.name, number)))

    def _ordinary(self, number: int) -> Slot:
        study = self.study
        return Slot(role="trial", cell={}, point=number, seed=study.seed, epochs=study.epochs)
