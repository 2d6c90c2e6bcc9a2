"""Shape: which recipes can be stacked, told by their settings and the structure of their nets."""

from collections.abc import Hashable, Iterator

import torch
from torch import nn

from harness.groups import prepare
from harness.recipe import Recipe
from harness.settings import flat

PER_ROW = frozenset(
    (
        *("lr", "weight_decay", "beta1", "beta2", "momentum", "l1", "l2", "clip"),
        *("schedule", "step_every", "step_factor", "warmup", "seed", "patience"),
        "task.label_smoothing",
    )
)
"""Settings in which the recipes of one stack may differ; a smoothing is read by the loss alone."""


def fusion_key(recipe: Recipe) -> Hashable:
    """Return what is equal for recipes that can train as one stack; nothing is allocated.

    That is every setting outside PER_ROW and the model's: a model's counts by what it builds, so
    that a rate of dropout or an initialisation may differ and a width may not.
    """
    with torch.device("meta"):
        network = prepare(recipe.model.build(recipe.data.facts()), recipe.strategy).network
    settings = (
        item
        for item in flat(recipe).items()
        if item[0] not in PER_ROW and not item[0].startswith("model")
    )
    return (*settings, *signature(network))


def signature(network: nn.Module) -> Iterator[Hashable]:
    """Yield the structure of a network: its modules, their plain attributes, and its tensors."""
    names: dict[int, str] = {}
    for path, module in network.named_modules():
        yield path, type(module), attributes(module)
        tensors = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        for name, tensor in tensors:
            first = names.setdefault(id(tensor), f"{path}.{name}")  # another one if it is tied
            yield first, name, tensor.shape, tensor.dtype, tensor.requires_grad


def attributes(module: nn.Module) -> tuple[tuple[str, str], ...]:
    """Return a module's own attributes but a dropout's rate, which may differ within a stack."""
    plain = nn.Module().__dict__.keys()
    free = {"p"} if type(module) is nn.Dropout else set()
    mine = vars(module).items()
    return tuple((name, repr(value)) for name, value in mine if name not in plain | free)
