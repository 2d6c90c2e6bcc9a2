"""Calls: which module runs at each moment of a forward pass, and what it returned."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace

from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from harness.anatomy.graph import Call, Value


class Calls:
    """The module calls of a forward pass, in the order in which they began.

    torch's global hooks tell of them, so that no module is touched and none is missed, not even one
    that its owner keeps in a plain list.
    """

    def __init__(self, network: nn.Module) -> None:
        self.all: list[Call] = []
        self._paths = {module: path for path, module in network.named_modules()}
        self._counts: dict[nn.Module, int] = {}
        self._running: list[int] = []

    @property
    def current(self) -> int | None:
        """Return the place in `all` of the innermost call that runs, None outside of any."""
        return self._running[-1] if self._running else None

    @property
    def name(self) -> str:
        """Return the path of the module that runs, "the network" for the outermost."""
        return (self.all[self._running[-1]].path if self._running else "") or "the network"

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Write down the calls that happen meanwhile."""
        before = register_module_forward_pre_hook(self._begin)
        after = register_module_forward_hook(self._end, always_call=True)
        try:
            yield
        finally:
            before.remove()
            after.remove()

    def _begin(self, module: nn.Module, _inputs: object) -> None:
        kind = type(module).__name__
        number = self._counts.get(module, 0)
        path = self._paths.get(module, f"({kind})")
        call = Call(path=path, type=kind, number=number, parent=self.current, outputs=())
        self._counts[module] = number + 1
        self._running.append(len(self.all))
        self.all.append(call)

    def _end(self, _module: nn.Module, _inputs: object, output: object) -> None:
        place = self._running.pop()
        outputs = tuple(value_of(tensor) for _, tensor in tensors(output))
        self.all[place] = replace(self.all[place], outputs=outputs)


def value_of(tensor: Tensor) -> Value:
    """Return the shape and the type of a tensor."""
    return Value(shape=tuple(tensor.shape), dtype=tensor.dtype)


def tensors(tree: object, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield every tensor of nested tuples, lists, mappings and dataclasses with its path."""
    if isinstance(tree, Tensor):
        yield path, tree
        return
    items: list[tuple[object, object]] = []
    if isinstance(tree, Mapping):
        items = list(tree.items())
    elif isinstance(tree, tuple | list):
        items = list(enumerate(tree))
    elif is_dataclass(tree):
        items = [(field.name, getattr(tree, field.name)) for field in fields(tree)]
    for key, item in items:
        yield from tensors(item, f"{path}.{key}" if path else str(key))
