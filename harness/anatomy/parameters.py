"""Parameters: how many numbers a network learns, each unique tensor counted once."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn
from torch.nn.parameter import UninitializedParameter

from harness.settings import UserError


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Parameters of a network: total = trainable + frozen = the sum over layer types."""

    total: int
    trainable: int
    """Those of tensors that require a gradient, however they got to."""
    frozen: int
    by_type: dict[str, int]
    """Parameters by the class name of the module that holds them itself, e.g. "Linear"."""


def count(network: nn.Module) -> Counts:
    """Return the parameter counts of `network`; a tensor tied to several places counts once.

    A tied tensor counts for the type of the module that registered it first. Works on the meta
    device. Raises UserError if a lazy layer does not yet have its shape.
    """
    trainable = frozen = 0
    by_type: Counter[str] = Counter()
    for owner, parameter in unique_parameters(network):
        by_type[type(owner).__name__] += parameter.numel()
        if parameter.requires_grad:
            trainable += parameter.numel()
        else:
            frozen += parameter.numel()
    total = trainable + frozen
    return Counts(total=total, trainable=trainable, frozen=frozen, by_type=dict(by_type))


def unique_parameters(network: nn.Module) -> Iterator[tuple[nn.Module, nn.Parameter]]:
    """Yield every unique parameter with the first module that holds it, in registration order.

    Raises UserError if a lazy layer does not yet have its shape.
    """
    seen: set[nn.Parameter] = set()
    for name, module in network.named_modules():
        for parameter in module.parameters(recurse=False):
            if isinstance(parameter, UninitializedParameter):
                do = "run one forward pass on an example first"
                raise UserError("lazy layer", got=name, allowed="layers of known shape", do=do)
            if parameter not in seen:
                seen.add(parameter)
                yield module, parameter
