"""Recorder: writes down every operator of a forward pass and where its operands come from."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from harness.anatomy.calls import Calls, tensors, value_of
from harness.anatomy.graph import Node, Operand
from harness.anatomy.operators import FRESH, signature
from harness.anatomy.storage import Memory, share_memory, storage
from harness.settings import UserError


class NotTraceable(UserError):  # noqa: N818  what the network is
    """A network whose operators cannot all be seen: nothing computed from them would be right."""


CONSTANT = ("constant", "")


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A mode in which every operator becomes a node of the graph; for use in inference mode.

    There torch hands over an operator as it was called, "linear" or "lstm", and not the pieces that
    autograd would see. All tensors stay alive meanwhile, so that an id means one tensor.
    """

    def __init__(self, network: nn.Module, inputs: Mapping[str, Tensor], calls: Calls) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.nodes: list[Node] = []
        self.notes: dict[str, None] = {}
        self._calls = calls
        self._made: dict[int, int] = {}
        self._in_storage: dict[int, int] = {}
        self._parameters: list[tuple[str, ...]] = []
        self._alive: list[Tensor] = []
        self._memory = Memory()
        named = [("buffer", each) for each in network.named_buffers()]
        named += [("parameter", each) for each in network.named_parameters()]
        self._names = {id(tensor): (kind, name) for kind, (name, tensor) in named}
        self._stored = {storage(tensor): (kind, name) for kind, (name, tensor) in named}
        self._escaped = ""
        self.inputs = tuple(self._leaf(tensor, "input", name) for name, tensor in inputs.items())

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run `func` and write it down, or take it apart."""
        known, kwargs = signature(func), kwargs or {}
        if known.composite:
            with self:
                return func.decompose(*args, **kwargs)
        arguments = known.defaults | dict(zip(known.defaults, args, strict=False)) | kwargs
        read = {name: each for name, each in arguments.items() if name not in known.unread}
        if known.op == "_local_scalar_dense":
            self.escape(args[0])
        operands = tuple(self.operands(read))  # before a write in place changes where they are from
        result = func(*args, **kwargs)
        outputs = [tensor for _, tensor in tensors(result)]
        if known.is_view:  # a node for each, so that those who read one do not depend on the others
            for view in outputs:
                shown = self._through_view(view, operands, read)
                self._add(known.op, shown, [view], _plain(arguments))
        elif outputs:
            node = self._add(known.op, operands, outputs, _plain(arguments))
            for _, tensor in tensors({name: arguments[name] for name in known.written}):
                self._memory.write(tensor, node)
                self._made[id(tensor)] = node
        if known.op in ("cat", "stack") and not known.written:
            self._join(outputs[0], operands, arguments["dim"], stack=known.op == "stack")
        return result

    def operands(self, tree: object) -> Iterator[Operand]:
        """Yield every tensor of nested containers with the nodes that made it."""
        for path, tensor in tensors(tree):
            yield self._operand(path, tensor, self._sources(tensor))

    def _operand(self, path: str, tensor: Tensor, sources: tuple[int, ...]) -> Operand:
        data = any(self.nodes[source].data for source in sources)
        names = (name for source in sources for name in self._parameters[source])
        return Operand(
            argument=path,
            value=value_of(tensor),
            offset=int(tensor.storage_offset()) if tensor.layout is torch.strided else 0,
            sources=sources,
            data=data,
            parameters=() if data else tuple(dict.fromkeys(names)),
        )

    def escape(self, tensor: Tensor) -> None:
        """Note that forward looks at the values of `tensor`; what it does with them is unseen."""
        if any(self.nodes[source].data for source in self._sources(tensor)):
            self._escaped = f"{self._calls.name} reads values of its data"
            self.notes[f"{self._escaped}: the graph is the one that this example takes"] = None

    def _through_view(
        self, view: Tensor, operands: tuple[Operand, ...], read: Mapping[str, Any]
    ) -> tuple[Operand, ...]:
        """The same operands, but of one that `view` is a view of only what the view shows."""
        shown = [tensor for _, tensor in tensors(read)]
        return tuple(
            self._operand(each.argument, tensor, self._memory.sources(view, min(each.sources)))
            if share_memory(tensor, view)
            else each
            for each, tensor in zip(operands, shown, strict=True)
        )

    def _join(
        self, joined: Tensor, operands: tuple[Operand, ...], dim: int, *, stack: bool
    ) -> None:
        same = {len(each.value.shape) for each in operands} == {joined.dim() - stack}
        if same and len(operands) > 1:  # cat also takes tensors without an element, of rank 1
            self._memory.join(joined, operands, dim, stack=stack)

    def _sources(self, tensor: Tensor) -> tuple[int, ...]:
        made = self._made.get(id(tensor))
        if made is None and tensor.layout is torch.strided:
            made = self._in_storage.get(storage(tensor))  # `.data` is a new tensor, without a word
        if made is None:
            made = self._unseen(tensor)
        return self._memory.sources(tensor, made)

    def _unseen(self, tensor: Tensor) -> int:
        kind, name = self._names.get(id(tensor), self._stored.get(storage(tensor), CONSTANT))
        if kind == "constant" and isinstance(tensor, nn.Parameter):
            kind, name = "parameter", f"(unregistered {len(self.nodes)})"
            self.notes["a parameter is not registered: no optimizer would find it"] = None
        if kind == "constant" and self._escaped and tensor.numel() > 1:
            do = "keep the data in tensors"
            raise NotTraceable("forward", got=self._escaped, allowed="no way back", do=do)
        return self._leaf(tensor, kind, name)

    def _leaf(self, tensor: Tensor, kind: str, name: str) -> int:
        return self._add(kind, (), [tensor], {}, name=name)

    def _add(
        self,
        op: str,
        operands: tuple[Operand, ...],
        outputs: list[Tensor],
        attributes: Mapping[str, Any],
        *,
        name: str = "",
    ) -> int:
        place = len(self.nodes)
        data = op == "input" or (op not in FRESH and any(each.data for each in operands))
        node = Node(
            op=op,
            name=name,
            operands=operands,
            outputs=tuple(value_of(tensor) for tensor in outputs),
            attributes=attributes,
            call=self._calls.current,
            data=data,
        )
        self.nodes.append(node)
        own = (name,) if op == "parameter" else () if data or op in FRESH else node.parameters
        self._parameters.append(own)
        for tensor in outputs:
            self._made[id(tensor)] = place
            self._alive.append(tensor)
            if tensor.layout is torch.strided:
                self._in_storage.setdefault(storage(tensor), place)
        return place


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are no tensors, lists as tuples."""
    return {
        name: tuple(each) if isinstance(each, list) else each
        for name, each in arguments.items()
        if next(tensors(each), None) is None
    }
