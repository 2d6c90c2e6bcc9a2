"""Optimizer and learning-rate schedule of a recipe."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from harness.recipe import Recipe

Groups = Mapping[str, Iterable[nn.Parameter]]
Factor = Callable[[int], float]
"""What multiplies a group's learning rate, as a function of the optimizer step."""


def schedule_factor(step: int, *, recipe: Recipe, total: int) -> float:
    """Return what multiplies `recipe.lr` at optimizer step `step` (from 0) of `total`.

    Linear warm-up over `warmup`·total steps, then constant, cosine to 0 (Loshchilov and Hutter
    2017, without restarts) or `step_factor` for every `step_every`·total steps gone by.
    """
    warm = math.ceil(recipe.warmup * total - 1e-9)  # 0.07 · 100 is a little more than 7
    if step < warm:
        return (step + 1) / warm
    progress = min(1.0, (step - warm) / max(1, total - warm))
    if recipe.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress))
    if recipe.schedule == "step":
        return recipe.step_factor ** math.floor(progress / recipe.step_every + 1e-9)
    return 1.0


def cycle_factor(step: int, *, recipe: Recipe, ends: Sequence[int]) -> float:
    """Return `schedule_factor` in the cycle that `step` is in; `ends` are the cycles' last steps.

    Beyond the last end it is the factor with which that cycle ends.
    """
    begin = 0
    for end in ends[:-1]:
        if step < end:
            return schedule_factor(step - begin, recipe=recipe, total=end - begin)
        begin = end
    return schedule_factor(step - begin, recipe=recipe, total=ends[-1] - begin)


def build_optimizer(recipe: Recipe, groups: Groups) -> Optimizer:
    """Return the recipe's optimizer over named parameter groups."""
    named = [
        {"name": name, "params": list(parameters), "lr": recipe.lr}
        for name, parameters in groups.items()
    ]
    betas = (recipe.beta1, recipe.beta2)
    if recipe.optimizer == "adamw":
        return AdamW(named, betas=betas, weight_decay=recipe.weight_decay, fused=True)
    if recipe.optimizer == "adam":
        return Adam(named, betas=betas, weight_decay=recipe.weight_decay, fused=True)
    return SGD(
        named,
        lr=recipe.lr,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        weight_decay=recipe.weight_decay,
    )


def build_schedule(
    optimizer: Optimizer, recipe: Recipe, ends: Sequence[int], factors: Iterable[Factor]
) -> LambdaLR:
    """Return the schedule: a pure function of the step, times each group's own factor.

    `ends` are the steps at which its cycles end: one, unless the training was extended.
    """
    shared: Factor = partial(cycle_factor, recipe=recipe, ends=tuple(ends))
    return LambdaLR(optimizer, [partial(_product, shared, own) for own in factors])


def _product(shared: Factor, own: Factor, step: int) -> float:
    return shared(step) * own(step)
