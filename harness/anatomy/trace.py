"""Trace: run a network once, on meta tensors where it can, and see every operator and source."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
import torch._dynamo  # the first product on meta would import it, 3 seconds: better here than there
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from harness.anatomy.calls import Calls, tensors
from harness.anatomy.given import Given
from harness.anatomy.graph import Trace
from harness.anatomy.recorder import NotTraceable, Recorder
from harness.anatomy.twin import on_meta, with_shapes
from harness.settings import UserError


def trace(network: nn.Module, example: object) -> Trace:
    """Return the graph of operators of `network`, found by running `example` through it once.

    `example` is what forward takes: a tensor, a tuple of arguments, or a mapping of named ones,
    (batch, …) each. A twin of the network runs on meta tensors, in eval mode, so that nothing is
    computed or allocated; where forward asks for values, a copy of the network runs, if it is real.
    The network, the example and the random generators stay as they are.

    Raises:
        NotTraceable: values are asked for where there are none, or leave torch and come back.
        UserError: forward does not take the example, or the network cannot be copied.
    """
    given = Given.of(example)
    if not given.tensors():
        allowed, do = "a tensor, a tuple or a mapping of them", "give what forward takes"
        raise UserError("example", got=type(example).__name__, allowed=allowed, do=do)
    network = with_shapes(network, given)
    try:
        return _run(on_meta(network), given.on_meta(), meta=True)
    except Exception as failure:  # noqa: BLE001 — whatever a forward raises on tensors without data
        refused = failure
    if any(parameter.is_meta for parameter in network.parameters()):
        raise _refusal(refused) from refused
    try:
        return _run(copy.deepcopy(network), given.map(_with_values), meta=False)
    except NotTraceable:
        raise
    except Exception as failure:
        raise _refusal(failure) from failure


def _with_values(tensor: Tensor) -> Tensor:
    return torch.zeros_like(tensor, device="cpu") if tensor.is_meta else tensor.clone()


def _run(network: nn.Module, given: Given, *, meta: bool) -> Trace:
    for module in network.modules():
        module.training = False  # not .eval(): an overridden train() may change weights
    inputs = {path or "0": tensor for path, tensor in tensors((*given.args, given.kwargs))}
    calls = Calls(network)
    recorder = Recorder(network, inputs, calls)
    with (
        torch.random.fork_rng([]),
        _plain_path(),
        torch.device("meta") if meta else nullcontext(),
        _Escapes(recorder),
        torch.inference_mode(),
        calls.watched(),
        recorder,
    ):
        result = given.to(network)
    return Trace(
        nodes=tuple(recorder.nodes),
        inputs=recorder.inputs,
        outputs=tuple(recorder.operands(result)),
        calls=tuple(calls.all),
        notes=tuple(recorder.notes),
    )


def _refusal(failure: Exception) -> UserError:
    got = f"{type(failure).__name__}: {failure}".partition("\n")[0]
    if "meta" in got.lower():
        do = "build it off the meta device and give a small real example"
        return NotTraceable("forward", got=got, allowed="no look at values on meta", do=do)
    do = "give an example of the shape and type that forward takes"
    return UserError("forward of the example", got=got, allowed="a call without an error", do=do)


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
