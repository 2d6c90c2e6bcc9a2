"""One training step, on the meta device if it can be: what runs, its work, what it keeps."""

import copy
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch._dynamo  # meta kernels would import it within the first description: a second
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._pytree import tree_leaves

from harness.anatomy.given import Given
from harness.anatomy.kernels import Kernels
from harness.anatomy.ledger import LOSS, Ledger, Row
from harness.anatomy.parameters import CONTAINERS, PART
from harness.anatomy.twin import on_meta
from harness.settings import UserError


@dataclass(frozen=True, kw_only=True)
class Step:
    """A training step's record; bytes are those of tensors, parameters and buffers left out."""

    rows: dict[str, Row]
    """By the name of the module, in the order in which they first finished."""
    saved: dict[str, int]
    """Bytes kept for the backward pass by the outermost block that keeps them, "" outside one."""
    entering: dict[str, int]
    """Bytes of the tensors that enter each of these blocks."""
    work: dict[str, int]
    """FLOPs forward in each of these blocks."""
    peak: int
    """Most bytes alive at once: the batch, activations, gradients, and what is in passing."""
    notes: tuple[str, ...]
    """What could not be done as usual."""


def take_step(network: nn.Module, given: Given) -> Step:
    """Return the record of a forward in training mode and of its backward pass.

    The network stays as it is: a twin without weights runs, or, if its forward asks for numbers
    (a branch on the data, `.item()`), a copy with its weights. The loss is a mean of logarithms of
    softmax over the first output. Raises UserError if neither can be called with what is given.
    """
    twin = on_meta(network)
    try:
        return _training_step(twin, given.on_meta(), ())
    except Exception as error:  # noqa: BLE001 — whatever a forward raises on tensors without data
        refused = _line(error)
    if any(each.is_meta for each in (*network.parameters(), *given.tensors())):
        raise _uncallable(network, given, refused)
    note = f"run with its weights, as it cannot run without: {refused}"
    try:
        return _training_step(copy.deepcopy(network), given, (note,))
    except Exception as error:
        raise _uncallable(network, given, _line(error)) from error


def _uncallable(network: nn.Module, given: Given, said: str) -> UserError:
    shapes = [tuple(each.shape) for each in given.tensors()]
    do = "pass what its forward takes: the number, order, shapes and types of its inputs"
    what = f"example for {type(network).__name__}"
    return UserError(what, got=shapes, allowed=f"inputs it can be called with ({said})", do=do)


def _training_step(network: nn.Module, given: Given, notes: tuple[str, ...]) -> Step:
    for module in network.modules():
        module.training = True  # not .train(): an overridden one may change weights
    try:
        return _step(network, given, notes)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
    for module in network.modules():
        module.training = False
    said = "memory is of evaluation mode: a batch of one example has no batch statistics"
    return _step(network, given, (*notes, said))


def _step(network: nn.Module, given: Given, notes: tuple[str, ...]) -> Step:
    blocks = _blocks(network)
    ledger = Ledger([*network.parameters(), *network.buffers()], blocks)
    handles = _watch(network, ledger)
    with ExitStack() as stack:
        stack.callback(lambda: [handle.remove() for handle in handles])
        stack.enter_context(torch.random.fork_rng([]))
        if all(each.is_meta for each in given.tensors()):
            stack.enter_context(torch.device("meta"))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(Kernels(ledger.add))
        stack.enter_context(ledger)
        ledger.follow(given.tensors())
        with saved_tensors_hooks(ledger.pack, lambda tensor: tensor):
            loss = _loss(given.to(network))
        ledger.forward = False
        if loss is not None:
            torch.autograd.backward(loss)
    inside = dict.fromkeys(ledger.entering, 0)
    for name, row in ledger.rows.items():
        if blocks.get(name):
            inside[blocks[name]] += row.forward
    ledger.rows.pop(LOSS, None)
    ordered = {name: ledger.rows[name] for name in (*ledger.order, *ledger.rows)}
    return Step(
        rows=ordered,
        saved=dict(ledger.kept),
        entering=ledger.entering,
        work=inside,
        peak=ledger.peak,
        notes=notes,
    )


def _watch(network: nn.Module, ledger: Ledger) -> list[Any]:
    handles: list[Any] = []
    for name, module in network.named_modules():
        before = partial(ledger.enter, name)
        handles.append(module.register_forward_pre_hook(before, with_kwargs=True, prepend=True))
        handles.append(module.register_forward_hook(ledger.leave, with_kwargs=True))
    return handles


def _loss(output: Any) -> Tensor | None:
    """Return a scalar of the first output that has a gradient; it keeps one more copy of it."""
    for each in tree_leaves(output):
        if isinstance(each, Tensor) and each.requires_grad and each.is_floating_point():
            flat = each if each.dim() else each[None]
            return -torch.log_softmax(flat, -1).mean()
    return None


def _blocks(network: nn.Module) -> dict[str, str]:
    """Return, for every module in one, the outermost block it lies in.

    A block is an element of a Sequential or ModuleList that consists of modules itself.
    """
    found: dict[str, str] = {}
    for name, module in network.named_modules():
        above = found.get(name.rpartition(".")[0])
        if above is not None:
            found[name] = above
        elif isinstance(module, nn.Sequential | nn.ModuleList) and PART not in f".{name}.":
            for child, inner in module.named_children():
                if next(inner.children(), None) is not None and not isinstance(inner, CONTAINERS):
                    place = f"{name}.{child}" if name else child
                    found[place] = place
    return found


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
