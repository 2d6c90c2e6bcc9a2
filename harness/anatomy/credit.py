"""Credit: the longest chain of weights that credit is assigned through, time steps included."""

from collections.abc import Sequence
from typing import NamedTuple

from harness.anatomy.graph import Node, Operand, Trace
from harness.anatomy.paths import edges
from harness.anatomy.roles import PRODUCTS, RECURRENT, Role, passes_weight
from harness.anatomy.unrolled import Recurrence

MIXING = frozenset({"scaled_dot_product_attention", "flip"})
"""Operators after which a path may be at any time step again, as after a product of data."""


class Way(NamedTuple):
    """What tells ways to a node apart: the longest of each kind is kept."""

    time: int | None
    """The time step that it has reached; None where it may be at any."""
    rate: int
    """Weight layers for each step of an nn.RNN, LSTM or GRU that it has gone on to get there."""
    in_state: bool
    """Whether its last weight layer is recurrent: reading the state out is one more layer."""


def credit_assignment_path(
    trace: Trace, roles: Sequence[Role], recurrence: Recurrence | None
) -> int | None:
    """Return the length of the longest credit assignment path; None where there is no path.

    Schmidhuber 2015, arXiv:1404.7828, §3: feed-forward, the hidden layers and 1 if the output layer
    has parameters, that is the weight layers on the longest path; recurrent, a function of the T
    steps of the example: T + L for L simple layers on each other. nn.RNN, LSTM and GRU are taken as
    unrolled: a path goes up a layer or one step on, never back, but for layers that are
    bidirectional, that begin in the state another left, or that follow an attention.
    """
    cyclic = frozenset() if recurrence is None else recurrence.cyclic
    steps = {} if recurrence is None else recurrence.steps
    best: dict[int, dict[Way, int]] = {place: {Way(None, 0, False): 0} for place in trace.inputs}
    for place, node in enumerate(trace.nodes):
        ways: dict[Way, int] = {}
        for operand, source in edges(node):
            before = (_at(way, n, steps.get(place)) for way, n in best.get(source, {}).items())
            for way, length in before:
                for then, n in _through(way, length, node, operand, roles[place]):
                    now = then._replace(in_state=place in cyclic) if n > length else then
                    ways[now] = max(n, ways.get(now, n))
        if ways:
            best[place] = ways
    ends = [best[s] for each in trace.outputs for s in each.sources if s in best]
    lengths = [length + way.in_state for end in ends for way, length in end.items()]
    return max(lengths, default=None)


def _at(way: Way, length: int, step: int | None) -> tuple[Way, int]:
    """The way bound to a step of a loop: less of a recurrent layer that it had gone through."""
    if step is None:
        return way, length
    back = way.rate * max(0, (way.time or 0) - step)
    return Way(step, 0, way.in_state), length - back


def _through(
    way: Way, length: int, node: Node, operand: Operand, role: Role
) -> list[tuple[Way, int]]:
    """The ways through `node`, by `operand`, and how long they are then."""
    if node.op in RECURRENT:
        return _through_time(way, length, role, node, operand)
    if role.weight_layers and passes_weight(node, operand):
        return [(way, length + role.weight_layers)]
    of_data = all(each.data for each in node.operands)
    mixing = node.op in MIXING or (node.op in PRODUCTS and of_data)
    return [(Way(None, 0, way.in_state) if mixing else way, length)]


def _through_time(
    way: Way, length: int, role: Role, node: Node, operand: Operand
) -> list[tuple[Way, int]]:
    layers, last = int(node.attributes["num_layers"]), time_steps(node) - 1
    each = role.weight_layers // layers
    length += role.weight_layers
    if node.attributes["bidirectional"]:
        return [(Way(last, 0, True), length + layers * last * each)]
    begin = 0 if way.time is None or operand.role == "hx" else min(way.time, last)
    there = Way(last, each, True), length + (last - begin) * each
    return [there, (Way(way.time, way.rate, True), length)]


def time_steps(node: Node) -> int:
    """Return T, the time steps that a node of `RECURRENT` runs."""
    packed = [each for each in node.operands if each.role == "batch_sizes"]
    if packed:
        return packed[0].value.shape[0]
    shape = node.operands[0].value.shape
    return shape[1] if node.attributes["batch_first"] else shape[0]
