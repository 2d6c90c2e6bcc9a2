"""Layers written by hand: products, norms, pooling and rectifiers made of simpler operators."""

import math
from collections import defaultdict
from collections.abc import Collection

from harness.anatomy.graph import Node, Operand, Trace

COMPARISONS = frozenset({"gt", "lt", "ge", "le"})
SCALINGS = frozenset({"mul", "addcmul", "div"})
STATISTICS = frozenset(["mean", "var", "std", "var_mean", "std_mean", "linalg_vector_norm", "norm"])
"""What a norm divides by, or by the root of."""
REDUCTIONS = frozenset({"mean", "amax", "max"})


def learned(trace: Trace, layers: Collection[str]) -> frozenset[int]:
    """Return the nodes whose value is a weight: parameters and what is computed from them alone.

    What an operator of `layers` makes of a parameter is data: a learned query, projected.
    """
    found: set[int] = set()
    for place, node in enumerate(trace.nodes):
        reads = any(source in found for each in node.operands for source in each.sources)
        if node.op == "parameter" or (reads and not node.data and node.op not in layers):
            found.add(place)
    return frozenset(found)


def products_by_hand(trace: Trace, weights: frozenset[int]) -> frozenset[int]:
    """Return products, later summed, of data repeated to meet a weight: (x[:, None]·W).sum(-1)."""
    sums = (node for node in trace.nodes if node.op == "sum" and node.attributes.get("dim"))
    summed = {source for node in sums for source in node.operands[0].sources}
    return frozenset(place for place in summed if _repeats_data(trace.nodes[place], weights))


def _repeats_data(node: Node, weights: frozenset[int]) -> bool:
    if node.op != "mul" or len(node.operands) != 2 or not node.data:
        return False
    one, other = node.operands
    data, weight = (one, other) if one.data else (other, one)
    repeated = math.prod(node.outputs[0].shape) > math.prod(data.value.shape)
    return repeated and weights.issuperset(weight.sources)


def norms_by_hand(trace: Trace, weights: frozenset[int]) -> frozenset[int]:
    """Return where a module without submodules scales by a weight what it divided by a statistic.

    The RMSNorm and LayerNorm modules that people write; the first scaling of each call counts.
    """
    parents = {call.parent for call in trace.calls}
    statistics: set[int | None] = set()
    found: dict[int | None, int] = {}
    for place, node in enumerate(trace.nodes):
        if node.data and node.call not in parents:
            if node.op in STATISTICS:
                statistics.add(node.call)
            if node.call in statistics and node.op in SCALINGS and _by_weight(node, weights):
                found.setdefault(node.call, place)
    return frozenset(found.values())


def _by_weight(node: Node, weights: frozenset[int]) -> bool:
    return any(weights.issuperset(each.sources) for each in node.operands)


def pools_by_hand(trace: Trace) -> frozenset[int]:
    """Return the means and maxima over places, not channels, that are the result of a layer.

    Over some dimensions of (batch, …) that are dropped, or over the last two of an image that are
    kept, unless the mean is then subtracted, as in a norm.
    """
    readers: defaultdict[int, set[str]] = defaultdict(set)
    for node in trace.nodes:
        for source in (source for each in node.operands for source in each.sources):
            readers[source].add(node.op)
    found: set[int] = set()
    for place, node in enumerate(trace.nodes):
        if node.data and node.op in REDUCTIONS and _over_places(node):
            again = any(source in found for source in node.operands[0].sources)
            if not again and "sub" not in readers[place]:
                found.add(place)
    return frozenset(found)


def _over_places(node: Node) -> bool:
    dims, rank = node.attributes.get("dim"), len(node.operands[0].value.shape)
    if dims is None or rank < 3:
        return False
    over = {dim % rank for dim in (dims if isinstance(dims, tuple) else (dims,))}
    if node.attributes.get("keepdim"):
        return rank > 3 and over == set(range(2, rank))
    return bool(over) and 0 not in over and len(over) < rank - 1


def is_rectifier(trace: Trace, node: Node) -> bool:
    """Return whether `node` cuts data off at 0 or between two bounds, or by a mask of its sign."""
    if node.op == "clamp_min":
        return node.attributes.get("min") == 0
    if node.op == "clamp":
        low, high = node.attributes.get("min"), node.attributes.get("max")
        return low == 0 or (low is not None and high is not None)
    masks = [each for each in node.operands if node.op == "mul" or each.role == "condition"]
    return node.op in {"mul", "where"} and any(_is_comparison(trace, each) for each in masks)


def _is_comparison(trace: Trace, operand: Operand) -> bool:
    """Whether `operand` is a comparison of real-valued data, perhaps turned into a number."""
    for source in operand.sources:
        node = trace.nodes[source]
        if node.op == "_to_copy" and not node.operands[0].value.dtype.is_floating_point:
            node = trace.nodes[node.operands[0].sources[0]]
        if node.op in COMPARISONS and node.operands[0].data:
            return node.operands[0].value.dtype.is_floating_point
    return False
