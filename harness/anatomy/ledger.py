"""Ledger: follows a run of a network operator by operator, its work and its memory."""

import weakref
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from harness.anatomy.compute import Shape, Shapes, Work, is_uncounted, macs, work
from harness.anatomy.parameters import layer_of

LOSS = "(loss)"
"""The row of what runs outside the network's own forward."""


@dataclass
class Row:
    """What one layer did in the step, over all its calls."""

    output_shape: Shape | None = None
    """Of the first output tensor of the first call; None if there was none."""
    calls: int = 0
    forward: int = 0
    """FLOPs counted from the operators that ran in the layer itself."""
    backward: int = 0
    masked: int = 0
    """FLOPs of `forward` on pairs that a causal mask leaves out."""
    formula: int | None = None
    """FLOPs forward by the formula of the layer's type; None without one."""
    saved: int = 0
    """Bytes kept for the backward pass and by no row above."""
    uncounted: set[str] = field(default_factory=set)
    """Operators that may multiply matrices in a way that nobody has a formula for."""


class Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operators and follows every storage from its first tensor to its end."""

    def __init__(self, held: list[Tensor], blocks: dict[str, str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rows: dict[str, Row] = {}
        self.order: list[str] = []
        self.stack = [LOSS]
        self.held = {_key(each) for each in held}
        self.blocks = blocks
        self.alive: dict[int, int] = {}
        self.live = self.peak = 0
        self.kept: Counter[str] = Counter()
        self.entering: dict[str, int] = {}
        self.saved: set[int] = set()
        self.forward = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; to say so costs a second of imports."""
        return False

    def __torch_dispatch__(
        self, operator: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        out = operator(*args, **(kwargs or {}))
        if self.forward:
            self.count(operator, args, kwargs or {}, out)
        self.follow(out)
        return out

    def row(self) -> Row:
        """Return the row of the layer that runs now."""
        return self.rows.setdefault(layer_of(self.stack[-1]), Row())

    def count(self, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
        """Count an operator, or say that nobody can."""
        done = work(operator, args, kwargs, out)
        if done is not None:
            self.add(done)
        elif is_uncounted(operator):
            self.row().uncounted.add(operator.name())

    def add(self, done: Work, masked: int = 0) -> None:
        """Count an operator's work for the layer that runs now."""
        row = self.row()
        row.forward += done.forward
        row.backward += done.backward
        row.masked += masked

    def follow(self, tensors: Any) -> None:
        """Count new storages as alive until they are freed."""
        for each in tree_leaves(tensors):
            if isinstance(each, Tensor):
                storage = each.untyped_storage()
                key = storage._cdata
                if key not in self.alive and key not in self.held:
                    self.alive[key] = storage.nbytes()
                    self.live += storage.nbytes()
                    self.peak = max(self.peak, self.live)
                    weakref.finalize(storage, self._free, key)

    def _free(self, key: int) -> None:
        self.live -= self.alive.pop(key)
        self.saved.discard(key)

    def pack(self, tensor: Tensor) -> Tensor:
        """Count what autograd keeps, once, for the layer and the block that run now."""
        key = _key(tensor)
        if key not in self.held and key not in self.saved:
            self.saved.add(key)
            size = tensor.untyped_storage().nbytes()
            self.row().saved += size
            self.kept[self.blocks.get(self.stack[-1], "")] += size
        return tensor

    def enter(
        self, name: str, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Note that a module begins; a block keeps its inputs if it is checkpointed."""
        self.stack.append(name)
        if self.blocks.get(name) == name:
            storages = {
                _key(each): each for each in tree_leaves((args, kwargs)) if _is_tensor(each)
            }
            size = sum(each.untyped_storage().nbytes() for each in storages.values())
            self.entering[name] = self.entering.get(name, 0) + size

    def leave(self, module: nn.Module, args: Any, kwargs: dict[str, Any], out: Any) -> None:
        """Note a finished call of a module, its shapes, and its FLOPs by formula."""
        name = self.stack.pop()
        row = self.rows.setdefault(name, Row())
        given = [tuple(each.shape) for each in tree_leaves((args, kwargs)) if _is_tensor(each)]
        shape = next((tuple(each.shape) for each in tree_leaves(out) if _is_tensor(each)), None)
        if not row.calls:
            row.output_shape = shape
            self.order.append(name)
        row.calls += 1
        known = macs(module, Shapes(given, shape)) if shape is not None and given else None
        row.formula = None if known is None else 2 * known + (row.formula or 0)


def _is_tensor(value: object) -> TypeGuard[Tensor]:
    return isinstance(value, Tensor)


def _key(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
