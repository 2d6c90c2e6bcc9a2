"""Graph: what ran in one forward pass, operator by operator, as plain frozen records."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

CONTROLS = {
    "gather": "index",
    "index": "indices",
    "index_add": "index",
    "index_copy": "index",
    "index_put": "indices",
    "index_select": "index",
    "masked_fill": "mask",
    "masked_scatter": "mask",
    "masked_select": "mask",
    "scaled_dot_product_attention": "attn_mask",
    "scatter": "index",
    "scatter_add": "index",
    "where": "condition",
}
"""Arguments that choose what flows, by operator: they carry no data and no gradient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """The shape and the type of a tensor."""

    shape: tuple[int, ...]
    dtype: torch.dtype


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """A tensor that an operator reads, or that the network returns."""

    argument: str
    """Its name in the operator's schema; in a list "tensors.1"; of an output its path."""
    value: Value
    offset: int
    """Where it begins in its storage, in elements: tells the parts of a packed weight apart."""
    sources: tuple[int, ...]
    """The nodes that made it: several where parts of it were written in place."""
    data: bool
    """Whether it depends on the network's inputs."""
    parameters: tuple[str, ...]
    """Names of the parameters it is computed from; empty where it depends on the inputs."""

    @property
    def role(self) -> str:
        """Return the argument without a place in a list: "tensors" for "tensors.1"."""
        return self.argument.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One operator that ran, or a leaf: "input", "parameter", "buffer" or "constant"."""

    op: str
    """The operator as torch names it, without "aten::" and the underscore of in-place forms."""
    name: str
    """Of a leaf: the path of the input, or the first name of the parameter or buffer."""
    operands: tuple[Operand, ...]
    outputs: tuple[Value, ...]
    attributes: Mapping[str, Any]
    """The arguments that are no tensors by name, defaults included: stride, groups, is_causal."""
    call: int | None
    """The place in `Trace.calls` of the innermost module call in which it ran."""
    data: bool
    """Whether its outputs depend on the network's inputs."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return the names of all parameters that it reads, directly or through views."""
        return tuple(dict.fromkeys(name for each in self.operands for name in each.parameters))

    @property
    def flow(self) -> tuple[Operand, ...]:
        """Return the operands through which the inputs' data flows, without masks and indices.

        Data that picks rows of what is no data, a learned table's for instance, does flow.
        """
        if not self.data:
            return ()
        data = tuple(each for each in self.operands if each.data)
        carrying = tuple(each for each in data if each.role != CONTROLS.get(self.op))
        return carrying or data


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of one module."""

    path: str
    """The module's first name in the network, "" for the network; "(Type)" if unregistered."""
    type: str
    number: int
    """How often this module had been called before."""
    parent: int | None
    """The place in `Trace.calls` of the call in which it ran."""
    outputs: tuple[Value, ...]
    """All tensors that it returned, in order."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One forward pass: nodes in the order they ran, so that sources come before their readers."""

    nodes: tuple[Node, ...]
    inputs: tuple[int, ...]
    outputs: tuple[Operand, ...]
    calls: tuple[Call, ...]
    """In the order in which they began."""
    notes: tuple[str, ...]
    """What a reader of any number made from this trace must know."""

    def stack(self, node: Node) -> Iterator[Call]:
        """Yield the module calls in which `node` ran, from the innermost to the network's."""
        place = node.call
        while place is not None:
            yield self.calls[place]
            place = self.calls[place].parent
