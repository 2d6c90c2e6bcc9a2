"""Trace: run a network once, on meta tensors where it can, and see every operator and source."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from itertools import chain
from typing import Any

import torch
import torch._dynamo  # the first product on meta would import it, 3 seconds: better here than there
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from harness.anatomy.calls import Calls, tensors
from harness.anatomy.graph import Trace
from harness.anatomy.parameters import unique_parameters
from harness.anatomy.recorder import NotTraceable, Recorder
from harness.anatomy.undisturbed import undisturbed
from harness.settings import UserError

META = torch.device("meta")
FAILURES = (RuntimeError, TypeError, ValueError, AttributeError, IndexError, KeyError)
"""What a copy or a forward raises that needs values where there are none, or cannot go on."""


def trace(network: nn.Module, example: object) -> Trace:
    """Return the graph of operators of `network`, found by running `example` through it once.

    `example` is what forward takes: a tensor, a tuple of arguments, or a dict of keyword arguments,
    (batch, …) each. A copy of the network runs on meta tensors, in eval mode, so that nothing is
    computed or allocated; where forward asks for values, the network itself runs, if it is real.
    Either way modes, buffers, hooks, the example and the random generators are as they were.

    Raises:
        NotTraceable: values are asked for where there are none, or leave torch and come back.
        UserError: forward does not take the example, or a layer is lazy.
    """
    list(unique_parameters(network))  # a lazy layer must be refused before a forward changes it
    if next(tensors(example), None) is None:
        allowed, do = "a tensor, a tuple or a dict of them", "give what forward takes"
        raise UserError("example", got=type(example).__name__, allowed=allowed, do=do)
    try:
        return _run(_shadow(network), _moved(example, META), META)
    except FAILURES:
        device = _device(network, example)
    try:
        return _run(network, _moved(example, device), device)
    except NotTraceable:
        raise
    except FAILURES as failure:
        raise _refusal(failure, device) from failure


def _run(network: nn.Module, example: object, device: torch.device) -> Trace:
    inputs = {path or "0": tensor for path, tensor in tensors(example)}
    calls = Calls(network)
    recorder = Recorder(network, inputs, calls)
    factories = META if device == META else nullcontext()
    with (
        undisturbed(network, device),
        _plain_path(),
        factories,
        _Escapes(recorder),
        torch.inference_mode(),
        calls.watched(),
        recorder,
    ):
        result = _forward(network, example)
    return Trace(
        nodes=tuple(recorder.nodes),
        inputs=recorder.inputs,
        outputs=tuple(recorder.operands(result)),
        calls=tuple(calls.all),
        notes=tuple(recorder.notes),
    )


def _forward(network: nn.Module, example: Any) -> object:
    if isinstance(example, Mapping):
        return network(**example)
    return network(*example) if type(example) in (tuple, list) else network(example)


def _refusal(failure: Exception, device: torch.device) -> UserError:
    got = f"{type(failure).__name__}: {failure}".partition("\n")[0]
    if device == META and "meta" in got.lower():
        do = "build it off the meta device and give a small real example"
        return NotTraceable("forward", got=got, allowed="no look at values on meta", do=do)
    do = "give an example of the shape and type that forward takes"
    return UserError("forward of the example", got=got, allowed="a call without an error", do=do)


def _device(network: nn.Module, example: object) -> torch.device:
    given = (tensor for _, tensor in tensors(example))
    return next(chain(network.parameters(), network.buffers(), given)).device


def _shadow(network: nn.Module) -> nn.Module:
    """A copy on meta; tied tensors stay tied, and nothing that forward changes is shared."""
    memo: dict[int, Tensor] = {}
    for parameter in network.parameters():
        moved = nn.Parameter(parameter.detach().to(META), parameter.requires_grad)
        memo[id(parameter)] = parameter if parameter.is_meta else moved
    with _Moving(META):
        return copy.deepcopy(network, memo)


def _moved(example: object, device: torch.device) -> object:
    with _Moving(device):
        return copy.deepcopy(example)


class _Moving(TorchFunctionMode):
    """Makes a deep copy put its tensors on a device; those without values become zeros."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._device = device

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func not in (Tensor.__deepcopy__, Tensor.clone):  # a Parameter's copy is a clone
            return func(*args, **(kwargs or {}))
        tensor, memo = args[0], args[1] if func is Tensor.__deepcopy__ else {}
        if id(tensor) not in memo:
            if tensor.is_meta and self._device != META:
                moved = torch.zeros_like(tensor, device=self._device)
            else:
                moved = tensor.detach().to(self._device, copy=True)
            memo[id(tensor)] = moved
        return memo[id(tensor)]


class _Escapes(TorchFunctionMode):
    """Tells the recorder of values that leave torch, where it cannot follow them."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in (Tensor.numpy, Tensor.tolist, Tensor.__array__):
            self._recorder.escape(args[0])
        return func(*args, **(kwargs or {}))


@contextmanager
def _plain_path() -> Iterator[None]:
    """Attention modules as they are written, without the fused operators of their eval mode."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
