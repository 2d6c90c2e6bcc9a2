"""Blocks: trials that are claimed together, trained as one where their networks have one shape."""

import math
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from harness.assigned import Assigned, Block, Reserved
from harness.checkpoints import write_whole
from harness.fused.train import divide, train_group
from harness.identity import save_ended
from harness.keeper import Interrupted
from harness.outcome import is_out_of_memory
from harness.pruning import judge_of
from harness.search import Search
from harness.stacks import ALONE, ONE, Stacks, once_each, pieces
from harness.store import is_unavailable
from harness.tracked import Run
from harness.tracking import Tracker
from harness.trials import (
    Ready,
    Result,
    Stop,
    failed,
    finish,
    hooks_of,
    log_input,
    open_run,
    prepare,
    train_alone,
    without_training,
)


def run_block(
    search: Search, tracker: Tracker, block: Sequence[Reserved], stop: Stop
) -> dict[int, Result]:
    """Train a block of trials, track them, tell Optuna, and return their results by number.

    Whatever a trial's own code raises ends this trial as failed and no other.

    Raises:
        Interrupted: the user asked to stop; the trials stay resumable.
        StoreUnavailable: the disk is full or the database away; the trials stay resumable.
    """
    with ExitStack() as leases:
        for reserved in block:
            leases.enter_context(reserved.lease)
        return _Work(search, tracker, stop).run(block)


class _Work:
    """A block under way: which runs are open, what is told."""

    def __init__(self, search: Search, tracker: Tracker, stop: Stop) -> None:
        self.search, self.tracker, self.stop = search, tracker, stop
        self.study = search.study
        self.open: dict[int, tuple[Assigned, Run]] = {}
        self.results: dict[int, Result] = {}

    def run(self, block: Sequence[Reserved]) -> dict[int, Result]:
        """Train them all."""
        try:
            waiting = [ready for each in block if (ready := self._begin(each))]
            if waiting:
                self.stacks = Stacks(self._groups / f"{self._first(waiting):05d}.json")
            while waiting:
                first = once_each(waiting)
                for group, why in self.stacks.of(first):
                    self._train(group, why)
                self.search.trials()
                again = [ready for ready in waiting if ready not in first]
                waiting = [ready for ready in again if not self._reused(ready)]
        except Interrupted:
            for _assigned, run in self.open.values():
                run.kill("stopped by the user; the next `make study` goes on")
            raise
        return self.results

    def _begin(self, reserved: Reserved) -> Ready | None:
        """Return a trial to be trained; one that need not be, or cannot, is told at once."""
        assigned = self.search.begin(reserved)
        run = open_run(self.tracker, assigned)
        self.open[reserved.number] = (assigned, run)
        try:
            ready = prepare(self.study, assigned, run)
            if self._reused(ready):
                return None
            log_input(ready)
        except Exception as error:  # noqa: BLE001 - an error of a user's model is its trial's own
            self._tell({reserved.number: self._failed(run, error)})
            return None
        return ready

    def _reused(self, ready: Ready) -> bool:
        result = without_training(self.search, ready)
        if result is not None:
            self._tell({ready.number: result})
        return result is not None

    def _train(self, group: list[Ready], why: str) -> None:
        if len(group) == 1 and not self._directory(group).exists():
            self._train_alone(group[0], why)
            return
        try:
            self._train_as_one(group)
        except Exception as error:
            if is_unavailable(error):
                raise
            if is_out_of_memory(error):
                self._halve(group)
                return
            reason = f"no: in a stack {type(error).__name__}: {error}".partition("\n")[0]
            for ready in group:
                write_whole(ready.assigned.directory / ALONE, reason.encode())
            for ready in group:
                self._train_alone(ready, reason)

    def _halve(self, group: list[Ready]) -> None:
        """Train two stacks instead of one that does not fit, each from the last checkpoint on."""
        whole = self._directory(group)
        halves = pieces(group, math.ceil(len(group) / 2)) if len(group) > 1 else []
        for half in halves:
            divide(whole, [group.index(ready) for ready in half], self._directory(half))
        self.stacks.keep(halves)
        shutil.rmtree(whole, ignore_errors=True)
        for part in halves or [group]:
            self._train(part, ONE)

    @property
    def _groups(self) -> Path:
        return self.search.directory / "groups"

    def _first(self, waiting: Sequence[Ready]) -> int:
        """Return the number of the first trial of the block, whether or not it is over."""
        return Block.of(waiting[0].assigned.trial).first

    def _directory(self, group: Sequence[Ready]) -> Path:
        return self._groups / f"{group[0].number:05d}-{len(group)}"

    def _train_alone(self, ready: Ready, why: str) -> None:
        try:
            result = finish(self.study, ready, train_alone(self.study, ready, self.stop), why)
        except Exception as error:  # noqa: BLE001 - an error of a user's model is its trial's own
            result = self._failed(ready.run, error)
        self._tell({ready.number: result})

    def _train_as_one(self, group: Sequence[Ready]) -> None:
        """Train a stack. When it is done each member gets a checkpoint of its own before one is
        told: after a kill the stack is all there, or none of its members needs it."""
        directory = self._directory(group)
        outcomes = train_group(
            [ready.recipe for ready in group],
            directory=directory,
            watch=group[0].watch,
            hooks=[hooks_of(self.study, ready, self.stop) for ready in group],
            stop=self.stop,
            judge=judge_of([ready.assigned.trial for ready in group]),
            test=group[0].assigned.slot.role == "confirm",
        )
        for ready, outcome in zip(group, outcomes, strict=True):
            save_ended(ready.recipe, outcome, ready.assigned.directory)
        shutil.rmtree(directory)
        text = f"{len(group)} at once"
        pairs = zip(group, outcomes, strict=True)
        self._tell({r.number: finish(self.study, r, outcome, text) for r, outcome in pairs})

    def _failed(self, run: Run, error: Exception) -> Result:
        if is_unavailable(error):
            raise error
        return failed(run, error)

    def _tell(self, results: Mapping[int, Result]) -> None:
        """Tell Optuna what is written in MLflow."""
        self.tracker.flush()
        for number, result in results.items():
            assigned, run = self.open.pop(number)
            self.search.tell(assigned, {**result, "run_id": run.id})
            self.results[number] = result
