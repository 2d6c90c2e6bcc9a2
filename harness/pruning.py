"""Pruning: which of the trials that train together stop, judged once all of them have reported."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.pruners import NopPruner, SuccessiveHalvingPruner
from optuna.storages._rdb import models, storage
from optuna.trial import FrozenTrial, Trial

from harness.course import Judge, keep_all
from harness.outcome import Outcome
from harness.study import Study

PRUNED_AT = "pruned_at"
"""The system attribute that keeps a decision, so that a trial that goes on after a kill gets it."""


def judge_of(trials: Sequence[Trial]) -> Judge:
    """Return who decides for these trials, by their places: their study's pruner.

    All that reach an epoch report before one is judged, so that their order decides nothing.
    """
    pruner = trials[0].study.pruner
    if isinstance(pruner, NopPruner):
        return keep_all
    if isinstance(pruner, SuccessiveHalvingPruner) and pruner._min_resource is not None:
        return Halving(pruner, trials)
    return Asking(trials)


def is_audited(study: Study, number: int) -> bool:
    """Say whether a trial trains to its end even if it is pruned.

    One of every 1/audit trials does, drawn by the study's seed.
    """
    if not study.audit:
        return False
    stratum, place = divmod(number, round(1 / study.audit))
    drawn = random.Random(f"audit {study.seed} {stratum}").randrange(round(1 / study.audit))
    return place == drawn


def pruned_metrics(outcome: Outcome) -> dict[str, float]:
    """Return when a trial was pruned and whether it trained to its end all the same."""
    if outcome.pruned_at is None:
        return {}
    audited = len(outcome.history) > outcome.pruned_at + 1
    return {"pruned/epoch": float(outcome.pruned_at), "pruned/audited": float(audited)}


class Asking:
    """Any pruner of Optuna's: all report, then each is asked, in the order of their numbers."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self.trials = trials
        self.reported = [max(_frozen(t).intermediate_values, default=-1) for t in trials]

    def __call__(self, epoch: int, values: Mapping[int, float]) -> set[int]:
        """Return the places of those to be pruned; what was decided before a kill stays so."""
        for place, value in values.items():
            if epoch > self.reported[place]:
                self.trials[place].report(value, epoch)
        by_number = sorted(values, key=lambda place: self.trials[place].number)
        return {place for place in by_number if self._is_pruned(place, epoch)}

    def _is_pruned(self, place: int, epoch: int) -> bool:
        trial = self.trials[place]
        if epoch > self.reported[place] and trial.should_prune():
            trial.storage.set_trial_system_attr(trial._trial_id, PRUNED_AT, epoch)
            return True
        return bool(_frozen(trial).system_attrs.get(PRUNED_AT) == epoch)


class Halving:
    """Optuna's successive halving (Li et al. 2020, arXiv:1810.05934) for trials in step.

    Rung k is at epoch min_resource·η^(s+k), counted from 0. There a trial goes on if its value is
    among the best ⌊n/η⌋ (at least 1) of the n that have reached the rung, in this group or before.
    Optuna's own pruner compares with those that were asked before: the first always goes on.
    """

    def __init__(self, pruner: SuccessiveHalvingPruner, trials: Sequence[Trial]) -> None:
        self.trials, self.study = trials, trials[0].study
        assert pruner._min_resource is not None
        self.first = pruner._min_resource * (
            pruner._reduction_factor**pruner._min_early_stopping_rate
        )
        self.factor, self.bootstrap = pruner._reduction_factor, pruner._bootstrap_count

    def __call__(self, epoch: int, values: Mapping[int, float]) -> set[int]:
        """Return the places of those to be pruned; what was decided before a kill stays so."""
        if (rung := self._rung(epoch)) is None:
            return set()
        key = f"completed_rung_{rung}"  # Optuna's own name
        everyone = self.study.get_trials(deepcopy=False)
        known = {place: everyone[self.trials[place].number].system_attrs for place in values}
        stopped = {place for place in values if known[place].get(PRUNED_AT) == epoch}
        fresh = {place: value for place, value in values.items() if key not in known[place]}
        if fresh:
            reached = [t.system_attrs[key] for t in everyone if key in t.system_attrs]
            limit = self._limit([*reached, *fresh.values()])
            out = {p for p, value in fresh.items() if limit is None or self._sign * value > limit}
            stopped |= out
            self._store(epoch, key, fresh, out)
        return stopped

    @property
    def _sign(self) -> int:
        return -1 if self.study.direction == optuna.study.StudyDirection.MAXIMIZE else 1

    def _rung(self, epoch: int) -> int | None:
        rung, at = 0, self.first
        while at < epoch:
            rung, at = rung + 1, at * self.factor
        return rung if at == epoch else None

    def _limit(self, reached: Sequence[float]) -> float | None:
        """Return the worst value that goes on, smaller being better; None if nothing does."""
        if len(reached) <= self.bootstrap:
            return None
        return sorted(self._sign * v for v in reached)[max(len(reached) // self.factor, 1) - 1]

    def _store(self, epoch: int, key: str, values: Mapping[int, float], stopped: set[int]) -> None:
        """Write values and decisions in one transaction: one by one each takes its own."""
        rdb = self.study._storage._backend  # type: ignore[attr-defined]
        with storage._create_scoped_session(rdb.scoped_session) as session:
            for place, value in values.items():
                number = self.trials[place]._trial_id
                rdb._set_trial_intermediate_value_without_commit(session, number, epoch, value)
                attributes: dict[str, Any] = {key: value}
                if place in stopped:
                    attributes[PRUNED_AT] = epoch
                for name, content in attributes.items():
                    rdb._set_trial_attr_without_commit(
                        session, models.TrialSystemAttributeModel, number, name, content
                    )


def _frozen(trial: Trial) -> FrozenTrial:
    return trial.study._storage.get_trial(trial._trial_id)
