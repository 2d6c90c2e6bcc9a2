"""Adversary: the LightningModule of a game of two networks, each with its own optimizer."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from harness.learner import Learner
from harness.models.gan import GANNetwork
from harness.optimizer import build_optimizer, build_schedule
from harness.settings import UserError


class Game(Protocol):
    """What a task says of its game."""

    critic_steps: int

    def discriminator_loss(self, network: GANNetwork, images: Tensor, fakes: Tensor) -> Tensor:
        """Return what the discriminator is taught with."""

    def generator_loss(self, scores: Tensor) -> Tensor:
        """Return what the generator is taught with."""


class AdversaryLearner(Learner):
    """Trains the discriminator at every batch, and the generator at every `critic_steps`-th.

    An optimizer step, as schedules, phases and checkpoints count them, is one of the discriminator:
    Lightning counts the steps of the optimizers that it wraps, so the generator's is not. The
    losses of an epoch are the discriminator's.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.automatic_optimization = False

    def training_step(self, batch: Sequence[Tensor], batch_index: int) -> Tensor:
        """Play one round and return the discriminator's loss."""
        del batch_index
        optimizers: Any = self.optimizers()
        critic, generator = optimizers
        loss = self._teach_discriminator(batch[0], critic)
        if (self.global_step - 1) % self._game.critic_steps == 0:
            self._teach_generator(batch[0], generator.optimizer)
        for schedule in self.schedules():
            schedule.step()
        self.losses.append(loss.detach())
        self.sizes.append(len(batch[0]))
        return loss.detach()

    def configure_optimizers(self) -> Any:
        """Return the discriminator's optimizer and schedule, and the generator's."""
        network = self._gan
        parts = [self._part(part) for part in (network.discriminator, network.generator)]
        return [optimizer for optimizer, _ in parts], [schedule for _, schedule in parts]

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Do nothing: gradients are looked at once both networks have theirs."""
        del optimizer

    @property
    def _game(self) -> Game:
        return cast("Game", self.recipe.task)

    @property
    def _gan(self) -> GANNetwork:
        assert isinstance(self.network, GANNetwork)
        return self.network

    def _part(self, network: nn.Module) -> tuple[Optimizer, LambdaLR]:
        own = {id(parameter) for parameter in network.parameters()}
        factors = dict(zip(self.phases.groups, self.phases.factors(), strict=True))
        groups = {g: [p for p in g.members.values() if id(p) in own] for g in factors}
        filled = {group: members for group, members in groups.items() if members}
        if not filled:
            allowed = "one that trains some of the generator and some of the discriminator"
            got = type(self.recipe.strategy).__name__
            raise UserError("strategy", got=got, allowed=allowed, do="use Full()")
        named = {group.name: members for group, members in filled.items()}
        optimizer = build_optimizer(self.recipe, named)
        chosen = [factors[group] for group in filled]
        return optimizer, build_schedule(optimizer, self.recipe, self.ends, chosen)

    def _teach_discriminator(self, images: Tensor, optimizer: Any) -> Tensor:
        network = self._gan
        _drop(network.parameters())
        with torch.no_grad():
            fakes = network.like(images)
        loss = self._game.discriminator_loss(network, images, fakes)
        self.manual_backward(loss)
        self._clip(network.discriminator)
        optimizer.step()
        return loss

    def _teach_generator(self, images: Tensor, optimizer: Optimizer) -> None:
        network = self._gan
        trained = [p for p in network.generator.parameters() if p.requires_grad]
        loss = self._game.generator_loss(network.discriminator(network.like(images)))
        self.manual_backward(loss, inputs=trained)
        super().on_before_optimizer_step(optimizer)
        self._clip(network.generator)
        optimizer.step()

    def _clip(self, network: nn.Module) -> None:
        if self.recipe.clip is not None:
            clip_grad_norm_(network.parameters(), self.recipe.clip)


def _drop(parameters: Iterable[nn.Parameter]) -> None:
    for parameter in parameters:
        parameter.grad = None
