"""The callback that keeps a training: its history, its best weights, its checkpoints, its end."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from torch import Tensor
from torchmetrics import Metric

from harness.checkpoints import random_state, restore_random_state
from harness.course import Course, History, refuse_bad_losses, refuse_bad_scores
from harness.evaluation import Evaluated, evaluating, outputs_on, prefixed, score
from harness.learner import Learner
from harness.pace import Pace


class Interrupted(BaseException):
    """The user asked to stop; everything up to the last step lies in the checkpoint."""


@dataclass(kw_only=True)
class Hooks:
    """What a training tells and asks while it runs; the defaults do nothing."""

    saved: Callable[[History], None] = field(default=lambda _history: None)
    """The history up to a checkpoint that is now on disk."""
    prune: Callable[[int, float], bool] = field(default=lambda _epoch, _value: False)
    """Whether to stop as pruned, given an epoch and its monitored value."""
    drawn: Callable[[str, bytes], None] = field(default=lambda _name, _content: None)
    """A picture of what the network has learned, by its name for an epoch."""
    audit: bool = False
    """Whether to train to the end all the same."""
    stop: Callable[[], bool] = field(default=lambda: False)
    """Whether the user asked to stop."""


class Keeper(lightning.Callback):
    """Evaluates after every epoch, keeps the best weights, stops early, and saves checkpoints.

    A checkpoint is written once a second at most (rarer if it takes long), between two optimizer
    steps or after an epoch, and always at the end: a continuation from any ends in the same bits.
    """

    def __init__(
        self,
        *,
        path: Path,
        identity: Mapping[str, Any],
        course: Course,
        metrics: Mapping[str, Metric],
        loader: Any,
        validation: Any,
        hooks: Hooks,
        pace: Pace,
    ) -> None:
        self.path, self.identity, self.course, self.metrics = path, identity, course, metrics
        self.loader, self.validation, self.hooks, self.pace = loader, validation, hooks, pace
        self.best_weights: dict[str, Tensor] = {}
        self.best_seen: Evaluated | None = None
        """What the best epoch's evaluation saw, if it was here and in full precision, so that
        evaluating the best weights again would give the same bits."""
        self.spent = {"wall": 0.0, "cpu": 0.0}
        self._started = (time.perf_counter(), time.process_time())
        self._epoch_at = time.perf_counter()

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Expect what the first checkpoint will take."""
        del trainer
        self.pace.expect(sum(p.numel() * p.element_size() for p in pl_module.parameters()))

    @property
    def state_key(self) -> str:
        """The name of this callback's state in a checkpoint."""
        return "Keeper"

    def costs(self) -> dict[str, float]:
        """Return seconds of wall and CPU time, all processes that worked on this training added."""
        wall = self.spent["wall"] + time.perf_counter() - self._started[0]
        return {"wall": wall, "cpu": self.spent["cpu"] + time.process_time() - self._started[1]}

    def state_dict(self) -> dict[str, Any]:
        """Return everything a continuation needs beyond Lightning's own state, in plain types."""
        return {
            **self.course.state_dict(),
            "best_weights": self.best_weights,
            "spent": self.costs(),
            "position": self.loader.state_dict(),
            "random": random_state(),
            "identity": dict(self.identity),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken; here, because `on_train_start` is too late.

        Lightning leaves a loader's position alone when it resumes at the end of an epoch.
        """
        self.course.load_state_dict(state_dict)
        self.course.go_on()
        self.best_weights = state_dict["best_weights"]
        self.spent = state_dict["spent"]
        self._started = (time.perf_counter(), time.process_time())
        self.loader.load_state_dict(state_dict["position"])
        restore_random_state(state_dict["random"])

    def on_save_checkpoint(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, checkpoint: Any
    ) -> None:
        """Add the losses and gradients of the epoch under way."""
        del trainer
        assert isinstance(pl_module, Learner)
        losses = torch.stack(pl_module.losses) if pl_module.losses else torch.empty(0)
        checkpoint["epoch_so_far"] = {
            "losses": losses,
            "sizes": list(pl_module.sizes),
            "gradients": dict(pl_module.gradients),
        }

    def on_load_checkpoint(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, checkpoint: Any
    ) -> None:
        """Take the losses and gradients of the epoch under way."""
        del trainer
        assert isinstance(pl_module, Learner)
        pl_module.losses = list(checkpoint["epoch_so_far"]["losses"])
        pl_module.sizes = list(checkpoint["epoch_so_far"]["sizes"])
        pl_module.gradients = dict(checkpoint["epoch_so_far"].get("gradients", {}))

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *_: object
    ) -> None:
        """Save when it is time or the user wants to stop, never within an accumulation."""
        assert isinstance(pl_module, Learner)
        asked = self.hooks.stop()
        if not asked and not self.pace.is_time():
            return
        done = len(pl_module.losses)
        if done % pl_module.accumulate == 0 and done < trainer.num_training_batches:
            self._refuse_bad_loss(trainer, pl_module)
            self._save(trainer)
            if asked:
                raise Interrupted

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Evaluate, remember the best, decide whether this was the last epoch, and save."""
        assert isinstance(pl_module, Learner)
        self._refuse_bad_loss(trainer, pl_module)
        seconds = time.perf_counter() - self._epoch_at
        seen = self._evaluate(trainer, pl_module)
        record = self._measure(trainer, pl_module, seen, seconds)
        self._draw(pl_module)
        pl_module.losses, pl_module.sizes, pl_module.gradients = [], [], {}
        if self.course.take(record, pruned=self._is_pruned(record)):
            self.best_weights = pl_module.kept_weights()
            self.best_seen = seen if self._is_repeatable(pl_module) else None
        trainer.should_stop = self.course.status != "running"
        asked = self.hooks.stop() and not trainer.should_stop
        if asked or trainer.should_stop or self.pace.is_time():
            self._save(trainer)
        if asked:
            raise Interrupted

    def _is_repeatable(self, learner: Learner) -> bool:
        """Say whether evaluating the whole network in full precision gives the same bits."""
        return learner.predictor is learner.network and "mixed" not in learner.recipe.precision

    def _is_pruned(self, record: dict[str, float]) -> bool:
        """Ask the pruner, unless it has decided and the training goes on to audit that."""
        judged = self.course.pruned_at is None
        return judged and self.hooks.prune(len(self.course.history), self.course.value(record))

    def _evaluate(self, trainer: lightning.Trainer, learner: Learner) -> Evaluated:
        context = trainer.precision_plugin.forward_context()
        return outputs_on(learner.predictor, self.validation, learner.recipe.task, context)

    def _measure(
        self, trainer: lightning.Trainer, learner: Learner, seen: Evaluated, seconds: float
    ) -> dict[str, float]:
        scores = prefixed("val", score(*seen, learner.recipe.task, self.metrics))
        refuse_bad_scores(scores, step=trainer.global_step, train_loss=learner.mean_loss())
        record = {
            "step": float(trainer.global_step),
            "time": time.time(),
            "train/loss": learner.mean_loss(),
            **scores,
            **learner.gradients,
            **self.course.step_losses(
                torch.stack(learner.losses),
                before=self._steps_before(trainer, learner),
                accumulate=learner.accumulate,
            ),
            "lr": float(max(group["lr"] for group in trainer.optimizers[0].param_groups)),
            "cost/samples_per_second": sum(learner.sizes) / max(1e-9, seconds),
        }
        self._epoch_at = time.perf_counter()
        return record

    def _draw(self, learner: Learner) -> None:
        with evaluating(learner.network):
            pictures = learner.recipe.task.pictures(learner.network)
        for name, content in pictures.items():
            self.hooks.drawn(f"{name}/epoch_{len(self.course.history):03d}.png", content)

    def _refuse_bad_loss(self, trainer: lightning.Trainer, learner: Learner) -> None:
        if learner.losses:
            before, losses = self._steps_before(trainer, learner), torch.stack(learner.losses)
            refuse_bad_losses(losses, before=before, accumulate=learner.accumulate)

    def _steps_before(self, trainer: lightning.Trainer, learner: Learner) -> int:
        """Return the optimizer steps before the epoch under way."""
        return trainer.global_step - -(-len(learner.losses) // learner.accumulate)

    def _save(self, trainer: lightning.Trainer) -> None:
        began = time.perf_counter()
        trainer.save_checkpoint(self.path)
        self.pace.saved(began)
        self.hooks.saved(self.course.history)
