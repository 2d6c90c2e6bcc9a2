"""Storage: which in-place writes a tensor's values come from, by the memory they share."""

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor


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


class Writes:
    """The in-place writes of a forward pass, by storage."""

    def __init__(self) -> None:
        self._writes: defaultdict[int, list[tuple[int, Region]]] = defaultdict(list)

    def __bool__(self) -> bool:
        return bool(self._writes)

    def add(self, tensor: Tensor, node: int) -> None:
        """Note that `node` wrote to `tensor`."""
        if tensor.layout is torch.strided:
            self._writes[storage(tensor)].append((node, Region.of(tensor)))

    def sources(self, tensor: Tensor, made: int) -> tuple[int, ...]:
        """Return the nodes that `tensor` shows, made by node `made` and written to since."""
        if tensor.layout is not torch.strided:
            return (made,)
        region, found = Region.of(tensor), []
        for node, written in reversed(self._writes.get(storage(tensor), ())):
            if node > made and written.overlaps(region):
                found.append(node)
                if written == region:  # what was there before is gone, or read by that node
                    return tuple(found)
        return (*found, made)


def share_memory(one: Tensor, other: Tensor) -> bool:
    """Return whether they are views of one storage."""
    strided = one.layout is other.layout is torch.strided
    return strided and storage(one) == storage(other)


def storage(tensor: Tensor) -> int:
    """Return what tensors that share memory have in common, on any device."""
    place: int = tensor.untyped_storage()._cdata
    return place
