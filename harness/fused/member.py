"""Member: one recipe of a group, built as for an ordinary training of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from harness.base import begin
from harness.course import Course, Watch
from harness.fresh import network_of
from harness.groups import Prepared, prepare
from harness.keeper import Hooks
from harness.phase_runner import PhaseRunner
from harness.recipe import Recipe


@dataclass(kw_only=True)
class Member:
    """A recipe, its hooks, and how its training goes."""

    recipe: Recipe
    hooks: Hooks
    course: Course
    wall: float = 0.0
    cpu: float = 0.0
    """Seconds: its share of those of the group."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a continuation needs, in plain types."""
        return {**self.course.state_dict(), "wall": self.wall, "cpu": self.cpu}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Be as `state_dict` saw it."""
        self.course.load_state_dict(state)
        self.wall, self.cpu = state["wall"], state["cpu"]


def member_of(recipe: Recipe, hooks: Hooks, watch: Watch) -> Member:
    """Return a member that has not begun."""
    course = Course(
        watch=watch, epochs=recipe.epochs, patience=recipe.patience, audited=hooks.audit
    )
    return Member(recipe=recipe, hooks=hooks, course=course)


@dataclass(frozen=True, kw_only=True)
class Built:
    """A member's network in the modes it trains in, and the random state that training begins with.

    The state is that of torch's global generator, from which an ordinary training's dropout draws.
    """

    prepared: Prepared
    state: Tensor
    base: str
    """The sha256 of the weights it starts from, or ""."""

    @property
    def network(self) -> nn.Module:
        """The network."""
        return self.prepared.network


def build(recipe: Recipe) -> Built:
    """Return the network that an ordinary training of the recipe begins with, to the bit."""
    network = network_of(recipe)
    base = begin(network, recipe)
    prepared = prepare(network, recipe.strategy)
    state = torch.get_rng_state()
    if recipe.precision == "64-true":
        prepared.network.double()
    PhaseRunner(prepared, borders=(0,), steps_per_epoch=1).enter(0)
    return Built(prepared=prepared, state=state, base=base.sha256 if base else "")
