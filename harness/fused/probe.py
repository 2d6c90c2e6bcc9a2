"""Probe: why a recipe cannot be stacked, found out on the meta device before it trains."""

import torch
from torch import Tensor, nn

from harness.anatomy.example import example_input
from harness.fused.shape import signature
from harness.fused.stack import Stack
from harness.fused.together import Together
from harness.groups import Prepared, prepare
from harness.learner import Learner
from harness.recipe import Facts, Recipe

PRECISIONS = ("32-true", "64-true")


def unfusable(recipe: Recipe) -> str | None:
    """Return why the recipe must be trained the ordinary way, or None if it can be stacked.

    Two copies of it go through a training step and an evaluation under vmap, without a number:
    random numbers other than nn.Dropout's, a branch on data, `.item()` and the like raise there.
    """
    if recipe.precision not in PRECISIONS:
        return f"mixed precision ({recipe.precision})"
    if recipe.accumulate > 1:
        return "accumulated micro-batches"
    if recipe.task.learner(Learner) is not Learner:
        return "its task trains in a way of its own"
    with torch.device("meta"):
        copies = [_prepared(recipe), _prepared(recipe)]
    if len(copies[0].plan.phases) > 1:
        return f"its strategy has {len(copies[0].plan.phases)} phases"
    if copies[0].plan.held is not None:
        return "its strategy holds it near its start"
    if copies[0].plan.shares:
        return "its strategy goes back towards its start"
    networks = [copy.network for copy in copies]
    if any(_hooked(module) for module in networks[0].modules()):
        return "its modules have hooks"
    if list(signature(networks[0])) != list(signature(networks[1])):
        return "its modules hold objects of their own"
    try:
        _step(recipe, copies)
    except Exception as error:  # noqa: BLE001 - whatever a user's model raises is the reason
        return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    return None


def example_batch(facts: Facts, count: int = 2) -> list[Tensor]:
    """Return inputs and targets of the shapes and types that the facts promise, all zero."""
    inputs = example_input(facts, count)
    if facts.targets in ("values", "clicks"):
        return [inputs, torch.zeros(count, *facts.target_shape)]
    return [inputs, torch.zeros(count, *facts.target_shape, dtype=torch.int64)]


def _prepared(recipe: Recipe) -> Prepared:
    return prepare(recipe.model.build(recipe.data.facts()), recipe.strategy)


def _hooked(module: nn.Module) -> bool:
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)
    return any(map(len, hooks))


def _step(recipe: Recipe, copies: list[Prepared]) -> None:
    trained = [name for group in copies[0].groups for name in group.members]
    stack = Stack([copy.network for copy in copies], trained, [recipe.task] * 2)
    batch = [part.to("meta") for part in example_batch(recipe.data.facts())]
    calls = stack.calls(batch, shared=True)
    masks = [torch.ones(2, *call.shape, device="meta") for call in calls]
    together = Together(stack)
    together.gradients(batch, masks, torch.empty_like(stack.flat), shared=True)
    together.predict(batch, shared=True)
