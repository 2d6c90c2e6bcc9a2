"""Networks whose forward is a function, and what a test asks of their trace."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from harness.anatomy.graph import Node, Trace
from harness.anatomy.trace import trace


class Written(nn.Module):
    """A forward given as a function, with one Linear called `layer` and a Parameter `scale`."""

    def __init__(self, forward: Callable[..., Any]) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.scale = nn.Parameter(torch.ones(4))
        self.function = forward

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(self, *args, **kwargs)


def traced(forward: Callable[..., Any], example: object = None) -> Trace:
    return trace(Written(forward), torch.zeros(2, 4) if example is None else example)


def ops(graph: Trace, *, data: bool = True) -> list[str]:
    return [node.op for node in graph.nodes if node.data or not data][1:]


def made(graph: Trace, output: int = 0) -> set[str]:
    """The operators that the output is computed from, through all sources."""
    waiting, seen = list(graph.outputs[output].sources), set()
    while waiting:
        place = waiting.pop()
        seen.add(place)
        waiting += [s for each in graph.nodes[place].operands for s in each.sources]
    return {graph.nodes[place].op for place in seen}


def one(graph: Trace, op: str) -> Node:
    (node,) = [node for node in graph.nodes if node.op == op]
    return node
