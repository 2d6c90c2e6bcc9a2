"""The LightningModule of every supervised recipe: a task's loss on a network's output."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.profilers import Profiler
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from harness.anatomy.gradients import LayerNorms, is_due
from harness.course import mean_loss
from harness.frozen import remembered
from harness.optimizer import build_optimizer, build_schedule
from harness.phase_runner import PhaseRunner
from harness.phases import Pull
from harness.recipe import Recipe
from harness.settings import UserError


class Unprofiled(Profiler):
    """Times nothing; Lightning's own such profiler makes 25 generators a step to do so."""

    def profile(self, action_name: str) -> AbstractContextManager[Any]:  # type: ignore[override]
        """Return a context that does nothing."""
        del action_name
        return NOTHING

    def start(self, action_name: str) -> None:
        """Do nothing."""

    def stop(self, action_name: str) -> None:
        """Do nothing."""


NOTHING: AbstractContextManager[Any] = nullcontext()


class Learner(lightning.LightningModule):
    """Trains the network of `phases` as `recipe` says; keeps the losses of the current epoch.

    `effective_size(k)` is the number of examples in the optimizer step that micro-batch `k` of an
    epoch belongs to: each micro-batch weighs by its share of it, so that accumulation changes
    no gradient, the short last batch included. `ends` are the optimizer steps at which the
    cycles of the schedule end, `pull` is a term that the strategy adds to the loss. Tensors of the
    network that are `given_back` by its start are left out of checkpoints.
    """

    def __init__(
        self,
        recipe: Recipe,
        phases: PhaseRunner,
        *,
        pull: Pull | None,
        given_back: frozenset[str] = frozenset(),
        accumulate: int,
        effective_size: Callable[[int], int],
        ends: Sequence[int],
    ) -> None:
        super().__init__()
        self.recipe = recipe
        self.network: nn.Module = phases.network
        self.phases, self.pull = phases, pull
        self.given_back = given_back
        self.strict_loading = not given_back
        self.accumulate = accumulate
        self.effective_size = effective_size
        self.ends = ends
        self._loaded_phase: dict[str, Any] = {}
        self._remembered: tuple[nn.Module, ...] = ()  # no part of the module, as its head is one
        self.losses: list[Tensor] = []
        self.sizes: list[int] = []
        self.gradients: dict[str, float] = {}
        """Norms of the epoch's first step by layer, in epochs in which they are measured."""

    @property
    def predictor(self) -> nn.Module:
        """What computes the outputs: the network, or its head on features that are known."""
        return self._remembered[0] if self._remembered else self.network

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; Lightning sets its current hook 24 times a step."""
        if name == "_current_fx_name":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the phase with what belongs to it, and leave out what the start gives back."""
        checkpoint["phase"] = self.phases.state()
        for name in self.given_back:
            del checkpoint["state_dict"][f"network.{name}"]

    def kept_weights(self) -> dict[str, Tensor]:
        """Return a copy of the network's tensors, on the CPU, but for what the start gives back."""
        state = self.network.state_dict().items()
        return {n: _copied(t) for n, t in state if n not in self.given_back}

    def all_weights(self, kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return kept weights with those that were left out, which are as they were."""
        if not kept:
            return {}
        state = self.network.state_dict().items()
        return {n: kept[n] if n in kept else _copied(t) for n, t in state}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Remember the phase until the weights are loaded too."""
        self._loaded_phase = checkpoint["phase"]
        wanted = {f"network.{name}" for name in self.network.state_dict()}
        lost = wanted - {f"network.{n}" for n in self.given_back} - set(checkpoint["state_dict"])
        if lost:
            do = "restore the code that wrote it, or train it anew"
            raise UserError("checkpoint", got=f"no {sorted(lost)[:3]}", allowed="them", do=do)

    def on_train_start(self) -> None:
        """Be in the phase of the first step, compared with the checkpoint's after a resume."""
        self._norms = LayerNorms(self.network)
        if self._loaded_phase:
            self.phases.go_on(self._loaded_phase, self.global_step)
            self._set_rates()
        else:
            self.phases.enter(self.global_step)
        known = remembered(self.recipe, self.phases)
        self._remembered = () if known is None else (known,)

    def _set_rates(self) -> None:
        """Set the rates of the next step: a checkpoint has those of the schedule before.

        Unless the training was extended they are the same.
        """
        for each in self.schedules():
            groups = zip(each.optimizer.param_groups, each.base_lrs, each.lr_lambdas, strict=True)
            for group, base, factor in groups:
                group["lr"] = base * factor(self.global_step)

    def schedules(self) -> list[LambdaLR]:
        """Return the schedule of each optimizer."""
        found: Any = self.lr_schedulers()
        return found if isinstance(found, list) else [found]

    def on_train_epoch_start(self) -> None:
        """Go on to the next phase if it is time; modes are set anew."""
        self.phases.enter(self.global_step)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Make sure that everything that should train has a gradient; measure it if it is time."""
        del optimizer
        self.phases.prove_gradients()
        if len(self.losses) <= self.accumulate and is_due(self.current_epoch):
            self.gradients = self._norms.measure()

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip if the recipe says so; Lightning asks in every step."""
        if gradient_clip_val is not None:
            super().configure_gradient_clipping(
                optimizer, gradient_clip_val, gradient_clip_algorithm
            )

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: Optimizer) -> None:
        """Drop all gradients, without the optimizer's wrappers that profile."""
        del epoch, batch_idx
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    def on_train_end(self) -> None:
        """Make sure that nothing frozen has moved."""
        self.phases.leave()

    def transfer_batch_to_device(
        self, batch: Sequence[Tensor], device: torch.device, dataloader_idx: int
    ) -> list[Tensor]:
        """Return the batch on the device; a batch is a plain sequence of tensors."""
        del dataloader_idx
        return [part.to(device, non_blocking=True) for part in batch]

    def training_step(self, batch: Sequence[Tensor], batch_index: int) -> Tensor:
        """Return the micro-batch's part of the loss of its optimizer step."""
        task = self.recipe.task
        loss = task.loss(task.predict(self.predictor, batch), batch, training=True)
        size = len(batch[0])
        self.losses.append(loss.detach())
        self.sizes.append(size)
        if self.recipe.l1 or self.recipe.l2:
            loss = loss + self.penalty()
        if self.pull is not None:
            loss = loss + self.pull()
        if self.accumulate == 1:
            return loss
        return loss * (size * self.accumulate / self.effective_size(batch_index))

    def penalty(self) -> Tensor:
        """Return l1·Σ|w| + l2/2·Σw² over everything that trains in this phase."""
        trained = self.phases.active()
        absolute = torch.stack([p.abs().sum() for p in trained]).sum()
        squared = torch.stack([p.square().sum() for p in trained]).sum()
        return self.recipe.l1 * absolute + self.recipe.l2 / 2 * squared

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return the optimizer and its schedule, stepped with every optimizer step."""
        groups = {group.name: group.members.values() for group in self.phases.groups}
        optimizer = build_optimizer(self.recipe, groups)
        schedule = build_schedule(optimizer, self.recipe, self.ends, self.phases.factors())
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def mean_loss(self) -> float:
        """Return the mean training loss an example of the current epoch so far."""
        return mean_loss(torch.stack(self.losses), self.sizes)


def _copied(tensor: Tensor) -> Tensor:
    """Return a copy on the CPU as files want it, whatever its layout."""
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
