"""Signal: how activations and gradients pass a network at its initialisation, layer by layer."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils._pytree import tree_leaves

from harness.anatomy.given import Given
from harness.anatomy.parameters import kind, owned
from harness.settings import UserError


@dataclass(frozen=True, kw_only=True)
class Signal:
    """What one layer does to the signal before any training."""

    name: str
    type: str
    mean_square: float
    """E[x²] over all numbers of its (first) output in its first call, the batch's included."""
    variance: float
    """Of the same numbers; 0 where every example and every unit say the same."""
    gradient_norm: float | None
    """Euclidean norm of the loss's gradient by all its own parameters; None if none trains."""


def signal(network: nn.Module, example: Any, *, seed: int = 0) -> tuple[Signal, ...]:
    """Return one row for each layer that ran, in the order in which they first finish.

    `example` is a batch of what forward takes; real inputs that are all zero are drawn from N(0, 1)
    instead. The loss is the cross-entropy of the first output's last dimension against random
    classes, or half its mean square if it has one number. A copy of the network runs in training
    mode; with the default initialisation of a Linear, E[x²] shrinks to 1/6 in each layer with ReLU,
    with He's it stays (He 2015, arXiv:1502.01852, eq. 9).

    Raises UserError if the network has no weights (meta), or cannot be called with the example.
    """
    if any(each.is_meta for each in network.parameters()):
        do = "build it off the meta device"
        raise UserError("signal of a network", got="on meta", allowed="real weights", do=do)
    copied = copy.deepcopy(network)
    with torch.random.fork_rng([]), torch.enable_grad(), _watched(copied) as outputs:
        torch.manual_seed(seed)
        loss = _loss(_called(copied, Given.of(example).map(_drawn)))
        torch.autograd.backward(loss)
    norms = _gradient_norms(copied)
    return tuple(
        Signal(
            name=name,
            type=kind(copied.get_submodule(name)),
            mean_square=float(output.square().mean()),
            variance=float(output.var(correction=0)),
            gradient_norm=norms.get(name),
        )
        for name, output in outputs.items()
    )


def _called(network: nn.Module, given: Given) -> Any:
    try:
        return given.to(network.train())
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        shapes = [tuple(each.shape) for each in given.tensors()]
        said = f"inputs it can be called with ({str(error).partition(chr(10))[0]})"
        do = "pass what its forward takes"
        raise UserError("example", got=shapes, allowed=said, do=do) from error


@contextmanager
def _watched(network: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Collect the first real-valued output of every layer, by name."""
    outputs: dict[str, Tensor] = {}

    def note(name: str, _module: nn.Module, _inputs: Any, output: Any) -> None:
        tensors = (each for each in tree_leaves(output) if isinstance(each, Tensor))
        first = next((each for each in tensors if each.is_floating_point()), None)
        if first is not None and name not in outputs:
            outputs[name] = first.detach().clone()

    handles = [
        module.register_forward_hook(partial(note, name))
        for name, module in network.named_modules()
        if next(module.children(), None) is None or any(module.parameters(recurse=False))
    ]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def _drawn(tensor: Tensor) -> Tensor:
    empty = tensor.is_floating_point() and not bool(tensor.any())
    return torch.randn_like(tensor) if empty else tensor


def _loss(output: Any) -> Tensor:
    tensors = (each for each in tree_leaves(output) if isinstance(each, Tensor))
    first = next((each for each in tensors if each.requires_grad), None)
    if first is None:
        do = "let something train"
        raise UserError("network", got="no gradient", allowed="one that trains", do=do)
    if not first.dim() or first.shape[-1] == 1:
        return 0.5 * first.square().mean()
    rows = first.reshape(-1, first.shape[-1])
    return cross_entropy(rows, torch.randint(rows.shape[1], (len(rows),), device=rows.device))


def _gradient_norms(network: nn.Module) -> dict[str, float]:
    squares: dict[str, float] = {}
    for each in owned(network):
        if each.parameter.grad is not None:
            # In 64 bits: the square of 1e-20 is no 32-bit number.
            square = float(each.parameter.grad.double().square().sum())
            squares[each.layer] = squares.get(each.layer, 0.0) + square
    return {name: square**0.5 for name, square in squares.items()}
