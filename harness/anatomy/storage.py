"""Storage: where each region of memory comes from that tensors share, write to and join."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from harness.anatomy.graph import Operand


@dataclass(frozen=True, slots=True)
class Region:
    """The elements of a storage that a strided tensor shows."""

    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @classmethod
    def of(cls, tensor: Tensor) -> "Region":
        """Return where in its storage `tensor` lies."""
        return cls(int(tensor.storage_offset()), tuple(tensor.shape), tensor.stride())

    def overlaps(self, other: "Region") -> bool:
        """Return whether they share an element; of unlike strides whether their spans do."""
        dims = sorted(zip(self.stride, self.size, other.size, strict=False), reverse=True)
        if self.stride == other.stride and _nested(dims):
            return _reachable(self.offset - other.offset, dims)
        return self.offset <= other._last and other.offset <= self._last

    def contains(self, other: "Region") -> bool:
        """Return whether `other` surely lies in it, with the same strides or some of them."""
        mine, sizes = self._long_dims, other._long_dims
        dims = sorted(((stride, size, size) for stride, size in mine.items()), reverse=True)
        distance = other.offset - self.offset
        if not _nested(dims) or not sizes.keys() <= mine.keys() or 0 in mine:
            return False
        for stride, size, _ in dims:
            steps, distance = divmod(distance, stride)
            if steps < 0 or steps + sizes.get(stride, 1) > size:
                return False
        return distance == 0

    @property
    def _long_dims(self) -> dict[int, int]:
        """The sizes above 1 by their stride."""
        steps = zip(self.stride, self.size, strict=True)
        return {stride: size for stride, size in steps if size > 1}

    @property
    def _last(self) -> int:
        steps = zip(self.size, self.stride, strict=True)
        return self.offset + sum((size - 1) * stride for size, stride in steps)


def _nested(dims: list[tuple[int, int, int]]) -> bool:
    """Whether a step in any dimension is longer than all of the dimensions below it."""
    return all(
        large > small * (max(own, other) - 1)
        for (large, _, _), (small, own, other) in pairwise(dims)
    )


def _reachable(distance: int, dims: list[tuple[int, int, int]]) -> bool:
    """Whether distance + Σ k·stride = 0 for some k in (−other, own) of every dimension."""
    if not dims:
        return distance == 0
    (stride, own, other), *rest = dims
    if stride == 0:
        return _reachable(distance, rest)
    steps = {math.floor(-distance / stride), math.ceil(-distance / stride)}
    return any(_reachable(distance + k * stride, rest) for k in steps if -other < k < own)


class Memory:
    """What each region of a storage comes from: writes in place, and the parts of a join."""

    def __init__(self) -> None:
        self._writes: defaultdict[int, list[tuple[int, Region]]] = defaultdict(list)
        self._parts: dict[int, list[tuple[Region, tuple[int, ...]]]] = {}

    def write(self, tensor: Tensor, node: int) -> None:
        """Note that `node` wrote to `tensor`."""
        if tensor.layout is torch.strided:
            self._writes[storage(tensor)].append((node, Region.of(tensor)))
            self._parts.pop(storage(tensor), None)

    def join(self, tensor: Tensor, operands: Sequence[Operand], dim: int, *, stack: bool) -> None:
        """Note that `tensor` is its operands in a row, concatenated or stacked along `dim`."""
        parts, begin = [], 0
        for each in operands:
            size = list(tensor.shape)
            size[dim] = 1 if stack else each.value.shape[dim]
            offset = int(tensor.storage_offset()) + begin * tensor.stride(dim)
            parts.append((Region(offset, tuple(size), tensor.stride()), each.sources))
            begin += size[dim]
        self._parts[storage(tensor)] = parts

    def sources(self, tensor: Tensor, made: int) -> tuple[int, ...]:
        """Return the nodes that `tensor` shows, made by node `made` and written to since."""
        if tensor.layout is not torch.strided:
            return (made,)
        place, region, found = storage(tensor), Region.of(tensor), []
        for node, written in reversed(self._writes.get(place, ())):
            if node > made and written.overlaps(region):
                found.append(node)
                if written == region:  # what was there before is gone, or read by that node
                    return tuple(found)
        for part, sources in self._parts.get(place, ()):
            if part.contains(region):
                return (*found, *sources)
        return (*found, made)


def share_memory(one: Tensor, other: Tensor) -> bool:
    """Return whether they are views of one storage."""
    strided = one.layout is other.layout is torch.strided
    return strided and storage(one) == storage(other)


def storage(tensor: Tensor) -> int:
    """Return what tensors that share memory have in common, on any device."""
    place: int = tensor.untyped_storage()._cdata
    return place
