"""A network's twin on the meta device: the same shapes and ties, no weights."""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from harness.anatomy.given import Given
from harness.anatomy.parameters import lazy
from harness.settings import UserError

LAZY = (UninitializedBuffer, UninitializedParameter)


def on_meta(network: nn.Module) -> nn.Module:
    """Return a copy of `network` without weights; what is tied in one is tied in the other.

    `network.to("meta")` would break the ties; a copy that finds each tensor replaced already keeps
    them. A lazy layer stays lazy. Raises UserError if the network cannot be copied.
    """
    replaced: dict[int, object] = {id(each): _without_data(each) for each in _tensors(network)}
    try:
        return copy.deepcopy(network, replaced)
    except (TypeError, RuntimeError, AttributeError) as error:
        do = "keep what cannot be copied (a lock, a file, a generator) out of the module"
        raise UserError("network", got=str(error), allowed="one to be copied", do=do) from error


def with_shapes(network: nn.Module, given: Given) -> nn.Module:
    """Return `network`, or if a layer is lazy a copy whose shapes one forward has found."""
    if not any(lazy(network)):
        return network
    shaped = copy.deepcopy(network)
    with torch.random.fork_rng([]), torch.no_grad():
        given.to(shaped)
    return shaped


def _tensors(network: nn.Module) -> Iterable[Tensor]:
    for module in network.modules():
        for value in vars(module).values():
            inner = value.values() if isinstance(value, dict) else (value,)
            for each in inner:
                if isinstance(each, Tensor) and not isinstance(each, LAZY):
                    yield each


def _without_data(tensor: Tensor) -> Tensor:
    # Strides are kept: a layer in channels_last saves what one in its memory format would.
    empty = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(empty, requires_grad=tensor.requires_grad)
    return empty.requires_grad_(tensor.requires_grad and tensor.is_leaf)
