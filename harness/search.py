"""Search: drives Optuna. Hands out trials so that no kill loses, doubles or changes one."""

import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from harness.design import Agenda, Done, Slot
from harness.samplers import budget_of, pruner_for, sampler_for
from harness.settings import UserError
from harness.store import Lease, harden, lease_path, locked, optuna_url, trial_directory
from harness.study import Study

RESULT = "result"
WAIT = "wait"
"""What `claim` says when trials are under way elsewhere that decide what comes next."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A trial that this process may train: nobody else can while the lease is held."""

    trial: Trial
    slot: Slot
    lease: Lease
    directory: Path
    adopted: bool


class Search:
    """One study's trials in Optuna. `directions` says for each objective if higher is better."""

    def __init__(self, study: Study, root: Path, directions: Sequence[bool]) -> None:
        self.study, self.root, self.directions = study, root, tuple(directions)
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
        self.seen: list[FrozenTrial] = []
        """All trials as they were when they were read last."""
        self._agenda = Agenda(study, higher_is_better=self.directions[0])
        self._known = 0
        self._unfinished: list[int] = []

    def trials(self) -> list[FrozenTrial]:
        """Return all trials by number, not copied."""
        self.seen = self.optuna.get_trials(deepcopy=False)
        return self.seen

    def claim(self) -> Claim | str | None:
        """Return a trial to train, "wait", or None when the budget is spent.

        A trial whose process died is adopted in place: same number, same parameters, same reports.
        Everything happens under the study's lock, which dies with the process.
        """
        with locked(self.directory / "claim.lock"):
            trials = self.trials()
            for frozen in trials:
                if frozen.state == TrialState.RUNNING and (claim := self._lease(frozen)):
                    return claim
            return self._next(trials)

    def claim_running(self, number: int) -> Claim:
        """Return the given unfinished trial to train; raise UserError if a process has it."""
        with locked(self.directory / "claim.lock"):
            claim = self._lease(self.trials()[number])
        if claim is None:
            do = "wait for the process that trains it, or stop it"
            raise UserError("trial", got=number, allowed="a trial nobody trains", do=do)
        return claim

    def tell(self, claim: Claim, result: dict[str, Any]) -> None:
        """Store a trial's result and end it in Optuna. A non-finite value never becomes best."""
        claim.trial.set_user_attr(RESULT, result)
        state = {"finished": TrialState.COMPLETE, "failed": TrialState.FAIL}
        values = None
        if result["status"] == "finished":
            values = [result["metrics"][name] for name in self.study.objectives]
        ending = state.get(result["status"], TrialState.PRUNED)
        self.optuna.tell(claim.trial, values, state=ending)

    def retry_failed(self) -> int:
        """Enqueue every failed trial again, with the same parameters; return how many."""
        with locked(self.directory / "claim.lock"):
            failed = unresolved(self.trials())
            for trial in failed:
                attributes = {k: v for k, v in trial.user_attrs.items() if k != RESULT}
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
        return open_trials + len(self._missing(trials))

    def total(self) -> int:
        """Return the budget: all trials of both phases."""
        if not self.study.scientific:
            return budget_of(self.study)
        cells = len(self.study.cells())
        return cells * (self.study.trials_per_cell + self.study.seeds)

    def _next(self, trials: list[FrozenTrial]) -> Claim | str | None:
        waiting = [t.number for t in trials if t.state == TrialState.WAITING]
        if waiting:
            return self._ask(min(waiting))
        if self.study.scientific and (slots := self._missing(trials)):
            return self._create(len(trials), next(iter(slots)))
        if not self.study.scientific and len(_first_tries(trials)) < budget_of(self.study):
            return self._create(len(trials), self._ordinary(len(trials)))
        return WAIT if any(t.state == TrialState.RUNNING for t in trials) else None

    def _create(self, number: int, slot: Slot) -> Claim:
        """Make a trial that runs at once, in one transaction: enqueue and ask would take eight."""
        lease = Lease.take(lease_path(trial_directory(self.root, self.study.name, number)))
        assert lease is not None, "a new trial has no process"
        wanted = {"fixed_params": slot.params} if slot.params else {}
        template = create_trial(
            state=TrialState.RUNNING, user_attrs=slot.attributes(), system_attrs=wanted
        )
        self.optuna.sampler = sampler_for(self.study, number)
        storage = self.optuna._storage
        trial = Trial(self.optuna, storage.create_new_trial(self.optuna._study_id, template))
        assert trial.number == number, (trial.number, number)
        return self._claim(trial, lease, adopted=False)

    def _ask(self, number: int) -> Claim:
        lease = Lease.take(lease_path(trial_directory(self.root, self.study.name, number)))
        assert lease is not None, "a waiting trial has no process"
        self.optuna.sampler = sampler_for(self.study, number)
        trial = self.optuna.ask()
        assert trial.number == number, (trial.number, number)
        if "params" not in trial.user_attrs:
            for name, value in self._ordinary(number).attributes().items():
                trial.set_user_attr(name, value)
        return self._claim(trial, lease, adopted=False)

    def _lease(self, frozen: FrozenTrial) -> Claim | None:
        path = lease_path(trial_directory(self.root, self.study.name, frozen.number))
        lease = Lease.take(path)
        if lease is None:
            return None
        self.optuna.sampler = sampler_for(self.study, frozen.number)
        trial = Trial(self.optuna, frozen._trial_id)
        if "params" not in trial.user_attrs:
            for name, value in self._ordinary(frozen.number).attributes().items():
                trial.set_user_attr(name, value)
        return self._claim(trial, lease, adopted=True)

    def _claim(self, trial: Trial, lease: Lease, *, adopted: bool) -> Claim:
        directory = trial_directory(self.root, self.study.name, trial.number)
        slot = slot_of(trial.user_attrs)
        return Claim(trial=trial, slot=slot, lease=lease, directory=directory, adopted=adopted)

    def _ordinary(self, number: int) -> Slot:
        study = self.study
        return Slot(role="trial", cell={}, point=number, seed=study.seed, epochs=study.epochs)

    def _missing(self, trials: list[FrozenTrial]) -> Collection[Slot]:
        changed = [*self._unfinished, *range(self._known, len(trials))]
        for number in changed:
            self._agenda.add(_done(trials[number]))
        self._unfinished = [n for n in changed if not trials[n].state.is_finished()]
        self._known = len(trials)
        return self._agenda.missing()


def slot_of(attributes: dict[str, Any]) -> Slot:
    """Return the slot that a trial's user attributes describe."""
    names = ("role", "cell", "point", "seed", "epochs", "params")
    return Slot(**{name: attributes[name] for name in names})


def suggest(study: Study, claim: Claim) -> Any:
    """Return the recipe of a claimed trial: what `space` builds, with the slot's seed.

    For an adopted trial `space` runs a second time: values already suggested come back as
    they were, and Optuna's remark that a constraint is already set is no news.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The constraint value is ignored")
        recipe = replace(study, epochs=claim.slot.epochs).recipe(claim.trial, claim.slot.cell)
    return replace(recipe, seed=claim.slot.seed)


def is_feasible(claim: Claim) -> bool:
    """Say whether every constraint that `space` set on the trial holds."""
    frozen = claim.trial._cached_frozen_trial
    return all(value <= 0 for value in frozen.constraints.values())


def unresolved(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the failed trials that nobody has retried."""
    retried = {trial.user_attrs.get("retry_of") for trial in trials}
    return [t for t in trials if t.state == TrialState.FAIL and t.number not in retried]


def ended(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that came to an end, whichever."""
    return [trial for trial in trials if trial.state.is_finished()]


def _first_tries(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    return [trial for trial in trials if "retry_of" not in trial.user_attrs]


def _done(trial: FrozenTrial) -> Done:
    complete = trial.state == TrialState.COMPLETE
    return Done(
        number=trial.number,
        slot=slot_of(trial.user_attrs),
        params=dict(trial.params),
        over=trial.state.is_finished(),
        value=trial.values[0] if complete else None,
    )
