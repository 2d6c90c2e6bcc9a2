"""Course: how one training goes, epoch by epoch: what was measured, what was best, when it ends."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

History = list[dict[str, float]]
Judge = Callable[[int, Mapping[int, float]], Collection[int]]
"""Which trainings to stop as pruned, by their places in a group, given the epoch that all of them
have just ended and the monitored value of each."""


def keep_all(_epoch: int, _values: Mapping[int, float]) -> Collection[int]:
    """Stop none."""
    return ()


class Diverged(Exception):  # noqa: N818 - an outcome, not an error
    """The loss became NaN or infinite."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What is measured on the validation set in every epoch, and which metric picks the best."""

    monitor: str = "val/loss"
    higher_is_better: bool = False
    metrics: tuple[str, ...] = ()
    log_every: int | None = None
    """Every how many optimizer steps the training loss of a step is kept (None: never)."""


@dataclass(kw_only=True)
class Course:
    """One training's history, its best epoch, and whether and why it has ended.

    `epochs` is its length unless it ends early: `patience` counts epochs without a better value of
    the monitored metric (None: any number), counted from epoch `patient_from`: the first of the
    last phase, as one that has converged is to be followed by the next. If it is pruned at an epoch
    and `audited` it goes on to its end all the same, to show what pruning costs.
    """

    watch: Watch
    epochs: int
    patience: int | None
    history: History = field(default_factory=list)
    best_epoch: int = -1
    status: str = "running"
    reason: str = ""
    patient_from: int = 0
    audited: bool = False
    pruned_at: int | None = None

    def value(self, record: Mapping[str, float]) -> float:
        """Return the value of the monitored metric."""
        return record[self.watch.monitor]

    def take(self, record: dict[str, float], *, pruned: bool) -> bool:
        """Add an epoch's record, decide whether it was the last; return whether it is the best."""
        best = self._is_best(self.value(record))
        self.history.append(record)
        epoch = len(self.history) - 1
        if best:
            self.best_epoch = epoch
        waited = epoch - max(self.best_epoch, self.patient_from)
        if pruned and self.pruned_at is None:
            self.pruned_at = epoch
        if self.pruned_at is not None and not self.audited:
            self.end("pruned", f"pruned after epoch {epoch}")
        elif self.patience is not None and waited >= self.patience:
            best_was = f"best was epoch {self.best_epoch}"
            self._finish(f"stopped early after epoch {epoch}: {best_was}")
        elif epoch + 1 >= self.epochs:
            self._finish("trained all epochs")
        return best

    def _finish(self, reason: str) -> None:
        if self.pruned_at is None:
            self.end("finished", reason)
        else:
            self.end("pruned", f"pruned after epoch {self.pruned_at} but audited: {reason}")

    def step_losses(self, losses: Tensor, *, before: int, accumulate: int = 1) -> dict[str, float]:
        """Return the loss of every so many optimizer steps of an epoch as "step/train_loss@<step>".

        `losses` are those of the epoch's micro-batches, of which `accumulate` make a step (their
        mean is the step's); `before` counts the optimizer steps before them.
        """
        every = self.watch.log_every
        if every is None:
            return {}
        parts = torch.split(losses.double().cpu(), accumulate)
        steps = enumerate((float(part.mean()) for part in parts), start=before + 1)
        return {f"step/train_loss@{step}": loss for step, loss in steps if step % every == 0}

    def end(self, status: str, reason: str) -> None:
        """Say that the training is over, how and why."""
        self.status, self.reason = status, reason

    def state_dict(self) -> dict[str, Any]:
        """Return it in plain types."""
        return {
            "history": self.history,
            "best_epoch": self.best_epoch,
            "status": self.status,
            "reason": self.reason,
            "patient_from": self.patient_from,
            "pruned_at": self.pruned_at,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Be as `state_dict` saw it."""
        self.history, self.best_epoch = list(state["history"]), state["best_epoch"]
        self.status, self.reason = state["status"], state["reason"]
        self.patient_from = state.get("patient_from", self.patient_from)
        self.pruned_at = state.get("pruned_at")

    def go_on(self) -> None:
        """Run again, whatever the end was; after a finish patience begins anew."""
        if self.status == "finished":
            self.patient_from = len(self.history)
        self.status, self.reason = "running", ""

    def _is_best(self, value: float) -> bool:
        if self.best_epoch < 0:
            return True
        best = self.value(self.history[self.best_epoch])
        return value > best if self.watch.higher_is_better else value < best


def mean_loss(losses: Tensor, sizes: Sequence[int]) -> float:
    """Return the mean loss an example of micro-batches of these sizes."""
    weights = torch.tensor(sizes, dtype=torch.float64)
    return float((losses.double().cpu() * weights).sum() / weights.sum())


def refuse_bad_losses(losses: Tensor, *, before: int, accumulate: int = 1) -> None:
    """Raise Diverged, saying at which step, if a loss of an epoch's micro-batches is not finite.

    `before` counts the optimizer steps before them.
    """
    bad = (~torch.isfinite(losses)).nonzero()
    if len(bad):
        first = int(bad[0])
        last = float(losses[first - 1].double()) if first else float("nan")
        step = before + first // accumulate
        raise Diverged(f"loss not finite at step {step}; last finite loss {last:.6g}")


def refuse_bad_scores(scores: Mapping[str, float], *, step: int, train_loss: float) -> None:
    """Raise Diverged, saying after which step, if a score is NaN or infinite."""
    bad = {name: value for name, value in scores.items() if value - value != 0}
    if bad:
        raise Diverged(f"{bad} after step {step}; train loss {train_loss}")
