"""Paths: longest and shortest ways from the inputs to the outputs of a trace, by any cost."""

from collections.abc import Callable, Iterator

from harness.anatomy.graph import Node, Operand, Trace

Cost = Callable[[int, Operand], int]
"""What a path pays to go through node number … by this operand."""


def longest(trace: Trace, cost: Cost) -> int | None:
    """Return the highest cost of a path from an input to an output, None where there is none."""
    return _extreme(trace, cost, max)


def shortest(trace: Trace, cost: Cost) -> int | None:
    """Return the lowest cost of a path from an input to an output, None where there is none."""
    return _extreme(trace, cost, min)


def _extreme(trace: Trace, cost: Cost, best: Callable[[Iterator[int]], int]) -> int | None:
    """Dynamic programming in the order in which the nodes ran: O(nodes + edges)."""
    so_far: dict[int, int] = dict.fromkeys(trace.inputs, 0)
    for place, node in enumerate(trace.nodes):
        ways = [so_far[s] + cost(place, each) for each, s in edges(node) if s in so_far]
        if ways:
            so_far[place] = best(iter(ways))
    ends = [so_far[s] for each in trace.outputs for s in each.sources if s in so_far]
    return best(iter(ends)) if ends else None


def edges(node: Node) -> Iterator[tuple[Operand, int]]:
    """Yield every operand through which data flows with every node that made it."""
    for operand in node.flow:
        for source in operand.sources:
            yield operand, source
