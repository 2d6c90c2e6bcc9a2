"""Optimizer over rows: one row of numbers a model, each with rates and decays of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness.groups import Group
from harness.optimizer import schedule_factor
from harness.recipe import Recipe

CLIP_FLOOR = 1e-6
"""What torch.nn.utils.clip_grad_norm_ adds to a norm before it divides by it."""
EPSILON = 1e-8
"""The default of torch's Adam and AdamW, which every recipe trains with."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """The columns of a row that share a factor on the learning rate."""

    columns: slice
    factor: float


def segments_of(groups: Sequence[Group]) -> list[Segment]:
    """Return where each group of parameters lies in a row."""
    segments, start = [], 0
    for group in groups:
        columns = slice(start, start + group.size)
        segments.append(Segment(columns=columns, factor=group.factors[0]))
        start += group.size
    return segments


class RowOptimizer:
    """Steps the rows of `flat` (models, numbers) by `gradient`, of the same shape.

    Each row goes through the kernel of torch's fused optimizers by itself: on a CPU a third of the
    time of operations on all rows with vectors of rates (2026-11-22), and the same arithmetic as
    the ordinary training's.
    """

    def __init__(
        self, recipes: Sequence[Recipe], segments: Sequence[Segment], flat: Tensor, total: int
    ) -> None:
        self.recipes, self.segments, self.total = list(recipes), segments, total
        self.done = 0
        self.first, self.second = torch.zeros_like(flat), torch.zeros_like(flat)
        self._attach(flat)

    def rate(self, row: int) -> float:
        """Return the largest learning rate of the step that comes next."""
        recipe = self.recipes[row]
        factor = schedule_factor(self.done, recipe=recipe, total=self.total)
        return max(recipe.lr * (factor * segment.factor) for segment in self.segments)

    @torch.no_grad()
    def step(self) -> None:
        """Clip each row by its own norm, and step every row."""
        self._clip()
        counted = torch.full((), self.done + 1.0, device=self.flat.device)
        for row, recipe in enumerate(self.recipes):
            factor = schedule_factor(self.done, recipe=recipe, total=self.total)
            for segment in self.segments:
                tensors = [
                    [tensor[row, segment.columns]]
                    for tensor in (self.flat, self.gradient, self.first, self.second)
                ]
                self._kernel(recipe, recipe.lr * (factor * segment.factor), tensors, counted)
        self.done += 1

    def take(self, rows: Sequence[int], flat: Tensor) -> None:
        """Keep these rows, in this order; `flat` holds what is left of the numbers."""
        kept = list(rows)
        self.recipes = [self.recipes[row] for row in kept]
        self.first, self.second = self.first[kept].clone(), self.second[kept].clone()
        self._attach(flat)

    def state_dict(self) -> dict[str, Any]:
        """Return the moments and the number of steps done."""
        return {"first": self.first, "second": self.second, "done": self.done}

    def load_state_dict(self, state: Mapping[str, Any], flat: Tensor) -> None:
        """Go on from what `state_dict` returned, with these numbers."""
        self.first, self.second = state["first"].to(flat), state["second"].to(flat)
        self.done = state["done"]
        self._attach(flat)

    def _attach(self, flat: Tensor) -> None:
        self.flat, self.gradient = flat, torch.zeros_like(flat)
        self._l1, self._l2, self._limit = (
            flat.new_tensor(values).unsqueeze(1)
            for values in (
                [recipe.l1 for recipe in self.recipes],
                [recipe.l2 for recipe in self.recipes],
                [recipe.clip or float("inf") for recipe in self.recipes],
            )
        )

    @torch.no_grad()
    def penalise(self) -> None:
        """Add the gradients of each recipe's own l1 and l2."""
        if self._l1.any():
            self.gradient.add_(self.flat.sign() * self._l1)
        if self._l2.any():
            self.gradient.add_(self.flat * self._l2)

    def _clip(self) -> None:
        if not self._limit.isinf().all():
            norms = torch.linalg.vector_norm(self.gradient, dim=1, keepdim=True)
            self.gradient.mul_((self._limit / (norms + CLIP_FLOOR)).clamp(max=1.0))

    def _kernel(
        self, recipe: Recipe, rate: float, tensors: list[list[Tensor]], counted: Tensor
    ) -> None:
        numbers, gradients, first, second = tensors
        if recipe.optimizer == "sgd":
            torch._fused_sgd_(
                numbers,
                gradients,
                first if recipe.momentum else [],
                weight_decay=recipe.weight_decay,
                momentum=recipe.momentum,
                lr=rate,
                dampening=0.0,
                nesterov=recipe.nesterov,
                maximize=False,
                is_first_step=self.done == 0,
            )
            return
        kernel = torch._fused_adamw_ if recipe.optimizer == "adamw" else torch._fused_adam_
        kernel(
            numbers,
            gradients,
            first,
            second,
            [],
            [counted],
            lr=rate,
            beta1=recipe.beta1,
            beta2=recipe.beta2,
            weight_decay=recipe.weight_decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )
