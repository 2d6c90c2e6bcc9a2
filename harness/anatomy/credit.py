"""Credit: the longest chain of weights that credit is assigned through, time steps included."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from harness.anatomy.graph import Node, Operand, Trace
from harness.anatomy.paths import edges
from harness.anatomy.roles import PRODUCTS, RECURRENT, Role, passes_weight

MIXING = frozenset({"scaled_dot_product_attention", "flip"})
"""Operators after which a path may be at any time step again, as after a product of data."""


class Way(NamedTuple):
    """What tells ways to a node apart: the longest of each kind is kept."""

    walked: bool
    """Whether it has gone through time to the last step."""
    in_state: bool
    """Whether its last weight layer is recurrent: reading the state out is one more layer."""


def credit_assignment_path(
    trace: Trace, roles: Sequence[Role], cyclic: Collection[int]
) -> int | None:
    """Return the length of the longest credit assignment path; None where there is no path.

    Schmidhuber 2015, arXiv:1404.7828, §3: feed-forward, the hidden layers and 1 if the output layer
    has parameters, that is the weight layers on the longest path; recurrent, a function of the T
    steps of the example: T + L for L simple layers on each other. nn.RNN, LSTM and GRU are taken as
    unrolled: a path goes up a layer or one step on, and may go through time once, or once in each
    layer that is bidirectional, or begins in the state another left, or follows an attention.
    """
    best: dict[int, dict[Way, int]] = {place: {Way(False, False): 0} for place in trace.inputs}
    for place, node in enumerate(trace.nodes):
        ways: dict[Way, int] = {}
        for operand, source in edges(node):
            for way, length in best.get(source, {}).items():
                for then, longer in _through(
                    way, length, node, operand, roles[place], place in cyclic
                ):
                    ways[then] = max(longer, ways.get(then, longer))
        if ways:
            best[place] = ways
    ends = [best[s] for each in trace.outputs for s in each.sources if s in best]
    lengths = [length + way.in_state for end in ends for way, length in end.items()]
    return max(lengths, default=None)


def _through(
    way: Way, length: int, node: Node, operand: Operand, role: Role, cyclic: bool
) -> list[tuple[Way, int]]:
    """The ways through `node`, by `operand`, and how long they are then."""
    if node.op in RECURRENT:
        return _through_time(way, length, role, node, operand)
    if role.weight_layers and passes_weight(node, operand):
        return [(Way(way.walked, cyclic), length + role.weight_layers)]
    of_data = all(each.data for each in node.operands)
    mixing = node.op in MIXING or (node.op in PRODUCTS and of_data)
    return [(Way(way.walked and not mixing, way.in_state), length)]


def _through_time(
    way: Way, length: int, role: Role, node: Node, operand: Operand
) -> list[tuple[Way, int]]:
    layers = int(node.attributes["num_layers"])
    length += role.weight_layers
    walk = (time_steps(node) - 1) * (role.weight_layers // layers)
    if node.attributes["bidirectional"]:
        return [(Way(True, True), length + walk * layers)]
    if way.walked and operand.role != "hx":
        return [(Way(True, True), length)]
    return [(Way(True, True), length + walk), (Way(False, True), length)]


def time_steps(node: Node) -> int:
    """Return T, the time steps that a node of `RECURRENT` runs."""
    packed = [each for each in node.operands if each.role == "batch_sizes"]
    if packed:
        return packed[0].value.shape[0]
    shape = node.operands[0].value.shape
    return shape[1] if node.attributes["batch_first"] else shape[0]
