"""Base: a network takes over the weights that it starts from."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from harness.outline import outline
from harness.recipe import Recipe
from harness.settings import UserError
from harness.start import Base


def begin(network: nn.Module, recipe: Recipe) -> Base | None:
    """Let a network take over the weights the recipe starts from; return them and what it drew."""
    if recipe.start is None:
        return None
    base = recipe.start.base()
    drawn = take_over(network, base, new_head=recipe.start.new_head)
    return replace(base, drawn=drawn)


@torch.no_grad()
def take_over(network: nn.Module, base: Base, *, new_head: bool) -> tuple[str, ...]:
    """Copy the base's tensors into the network and return the names of those that stay as drawn.

    Only the head may: where its shape differs, or all of it with `new_head`. A base without the
    network's own prefix (`embeddings…` for `encoder.embeddings…`) is found all the same. Tensors of
    the base that the network does not have, such as a pooler, are left.

    Raises:
        UserError: a tensor outside the head is missing in the base, or has another shape.
    """
    wanted = network.state_dict()
    head = _head_names(network)
    found = _under_the_prefix(base.weights, list(wanted), network)
    fits = {n: n in found and found[n].shape == tensor.shape for n, tensor in wanted.items()}
    if wrong := [name for name, fit in fits.items() if not fit and name not in head]:
        raise _does_not_fit(wrong, wanted, found)
    drawn = new_head or not all(fits[name] for name in head)
    for name, tensor in wanted.items():
        if not (drawn and name in head):
            tensor.copy_(found[name])
    return tuple(sorted(head)) if drawn else ()


def _head_names(network: nn.Module) -> set[str]:
    ids = {id(e.parameter) for e in outline(network).entries if e.place == "head"}
    named = network.named_parameters(remove_duplicate=False)
    return {name for name, parameter in named if id(parameter) in ids}


def _under_the_prefix(
    weights: Mapping[str, Tensor], wanted: list[str], network: nn.Module
) -> dict[str, Tensor]:
    """Return the weights under the module's name at which most of them are found."""
    prefixes = ["", *(f"{name}." for name, _ in network.named_modules() if name)]
    names = set(wanted)
    best = max(prefixes, key=lambda prefix: sum(prefix + name in names for name in weights))
    return {best + name: tensor for name, tensor in weights.items()}


def _does_not_fit(
    wrong: list[str], wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]
) -> UserError:
    shapes = [
        f"{name} {tuple(found[name].shape) if name in found else 'missing'}" for name in wrong[:3]
    ]
    allowed = ", ".join(f"{name} {tuple(wanted[name].shape)}" for name in wrong[:3])
    do = "take the model and the settings that the base was trained with"
    got = f"{', '.join(shapes)} ({len(wrong)} tensors do not fit)"
    return UserError("base", got=got, allowed=allowed, do=do)
