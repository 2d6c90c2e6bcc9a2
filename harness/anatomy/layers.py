"""Layers: what runs in a network, in order, with output shapes and parameters."""

from dataclasses import dataclass

from torch import Tensor, nn

from harness.anatomy.parameters import unique_parameters
from harness.anatomy.undisturbed import undisturbed


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One row of a network's table: a leaf module, or one that holds parameters itself."""

    name: str
    """The module's path in the network; empty for the network itself."""
    type: str
    output_shape: tuple[int, ...] | None
    """Of the (first) output tensor of the first call, batch included; None if it never ran."""
    parameters: int
    """Held by this module itself and by no row above."""
    trainable: int
    """How many of `parameters` require a gradient."""


def layers(network: nn.Module, example: Tensor) -> tuple[Layer, ...]:
    """Return one row per layer in the order in which they first finish when `example` runs.

    Modules that do not run come last. A tied tensor counts in its first row. `example` is what
    the network's forward takes, (batch, …), on the network's device; meta works. Runs one forward
    in eval mode without gradients; training modes, hooks, buffers of norm layers and the random
    generators are left as they were. Raises UserError if a lazy layer does not have its shape.
    """
    list(unique_parameters(network))  # a lazy layer must be refused before a forward changes it
    names = {module: name for name, module in network.named_modules() if _is_row(module)}
    shapes = _output_shapes(network, tuple(names), example)
    rows: list[Layer] = []
    seen: set[nn.Parameter] = set()
    for module in (*shapes, *(module for module in names if module not in shapes)):
        own = [each for each in module.parameters(recurse=False) if each not in seen]
        seen.update(own)
        row = Layer(
            name=names[module],
            type=type(module).__name__,
            output_shape=shapes.get(module),
            parameters=sum(each.numel() for each in own),
            trainable=sum(each.numel() for each in own if each.requires_grad),
        )
        rows.append(row)
    return tuple(rows)


def _is_row(module: nn.Module) -> bool:
    leaf = next(module.children(), None) is None
    return leaf or next(module.parameters(recurse=False), None) is not None


def _output_shapes(
    network: nn.Module, modules: tuple[nn.Module, ...], example: Tensor
) -> dict[nn.Module, tuple[int, ...] | None]:
    shapes: dict[nn.Module, tuple[int, ...] | None] = {}

    def record(module: nn.Module, _inputs: object, output: object) -> None:
        shapes.setdefault(module, _shape(output))

    hooks = [module.register_forward_hook(record) for module in modules]
    try:
        with undisturbed(network, example.device):
            network(example)
    finally:
        for hook in hooks:
            hook.remove()
    return shapes


def _shape(output: object) -> tuple[int, ...] | None:
    first = output[0] if isinstance(output, tuple | list) and output else output
    return tuple(first.shape) if isinstance(first, Tensor) else None
