"""Roles: which operators of a trace are weight layers, pooling, norms and activations."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.anatomy.by_hand import (
    is_rectifier,
    learned,
    norms_by_hand,
    pools_by_hand,
    products_by_hand,
)
from harness.anatomy.graph import Node, Operand, Trace
from harness.anatomy.operators import words

LAYERS = words(
    """
    linear bilinear _trilinear embedding embedding_bag _embedding_bag
    _embedding_bag_forward_only conv1d conv2d conv3d conv_transpose1d conv_transpose2d
    conv_transpose3d convolution conv_tbc
    """
)
"""Operators that apply a layer's weight."""

PRODUCTS = words(
    """
    matmul mm bmm mv dot vdot tensordot addmm baddbmm addbmm addmv
    """
)
"""Operators that contract two tensors: a weight layer where one is learned and one is data."""

ADDING = frozenset({"addmm", "baddbmm", "addbmm", "addmv"})
"""Products that add `self`, which is neither weight nor multiplied."""

LOOKUPS = frozenset({"index", "index_select", "gather", "take"})
"""Operators that pick rows: an embedding where `self` is learned and data picks."""

RECURRENT = {"lstm": 2, "gru": 2, "rnn_tanh": 1, "rnn_relu": 1}
"""Stacks of recurrent layers, with the activations in a row in one layer at one time step."""

CELLS = {"lstm_cell": 2, "gru_cell": 2, "rnn_tanh_cell": 1, "rnn_relu_cell": 1}
"""One recurrent layer at one time step."""

POOLING = frozenset(
    f"{kind}_pool{dims}d{suffix}"
    for kind in ("max", "avg", "adaptive_max", "adaptive_avg", "_adaptive_avg", "fractional_max")
    for dims in (1, 2, 3)
    for suffix in ("", "_with_indices")
)

NORMS = words(
    """
    batch_norm layer_norm group_norm instance_norm rms_norm native_batch_norm native_layer_norm
    native_group_norm _fused_rms_norm
    """
)

ACTIVATIONS = words(
    """
    relu relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish sigmoid tanh hardtanh
    hardswish hardsigmoid hardshrink softshrink softplus log_sigmoid log_sigmoid_forward glu
    threshold erf sin cos abs maximum minimum
    """
)
"""Softmax is none, it normalises; nor is exp, which is mostly a part of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What one node is to the depths: how many layers of each kind."""

    weight_layers: int = 0
    """On a path through it."""
    weight_layers_in_all: int = 0
    """Counting both directions of a recurrent layer, and layers of what is no data."""
    pooling: int = 0
    norms: int = 0
    """With learned parameters."""
    activations: int = 0


NOTHING = Role()


def roles(trace: Trace) -> tuple[Role, ...]:
    """Return the role of every node of `trace`, in their order."""
    weights = learned(trace, LAYERS | NORMS)
    products, pools = products_by_hand(trace, weights), pools_by_hand(trace)
    norms = norms_by_hand(trace, weights)
    return tuple(
        _role(
            trace,
            node,
            product=place in products or _is_product(node, weights),
            pooling=place in pools,
            norm=place in norms,
        )
        if node.operands
        else NOTHING
        for place, node in enumerate(trace.nodes)
    )


def passes_weight(node: Node, operand: Operand) -> bool:
    """Return whether `operand` is multiplied in a weight layer, and not added to its result."""
    return not (node.op in ADDING and operand.role == "self")


def weight_of(node: Node) -> Operand | None:
    """Return the operand that is the weight of a weight layer, the first of a recurrent layer."""
    weights = [each for each in node.operands if each.parameters and passes_weight(node, each)]
    named = [each for each in weights if each.role in ("weight", "params", "w_ih")]
    return max(named[:1] or weights, key=lambda each: len(each.value.shape), default=None)


def applications(trace: Trace, roles: Sequence[Role]) -> dict[str, list[int]]:
    """Return every weight layer with the nodes that apply it, in the order in which they ran.

    A weight layer is a part of a parameter, used by one module in one way: a tied weight is a layer
    in each module that uses it, and a module called several times is one.
    """
    found: dict[str, list[int]] = {}
    for place, (node, role) in enumerate(zip(trace.nodes, roles, strict=True)):
        weight = weight_of(node)
        if role.weight_layers_in_all and weight is not None:
            path = "" if node.call is None else trace.calls[node.call].path
            names, shape = " ".join(weight.parameters), weight.value.shape
            key = f"{path} {node.op} {names} {shape} {weight.offset}"
            found.setdefault(key, []).append(place)
    return found


def _role(trace: Trace, node: Node, *, product: bool, pooling: bool, norm: bool) -> Role:
    layers = _stacked(node) if node.op in RECURRENT else int(product or node.op in CELLS)
    if node.op in LAYERS:
        layers = int(bool(node.parameters))
    in_all = layers * (2 if node.attributes.get("bidirectional") else 1)
    if not node.data:
        return Role(weight_layers_in_all=in_all)
    return Role(
        weight_layers=layers,
        weight_layers_in_all=in_all,
        pooling=int(pooling or node.op in POOLING),
        norms=int(norm or (node.op in NORMS and bool(node.parameters))),
        activations=_activations(trace, node),
    )


def _stacked(node: Node) -> int:
    """Recurrent layers on top of each other, twice where a state is projected (LSTM only)."""
    layers = int(node.attributes["num_layers"])
    directions = 2 if node.attributes["bidirectional"] else 1
    weights = [
        each for each in node.operands if each.role == "params" and len(each.value.shape) > 1
    ]
    return layers * (2 if len(weights) == 3 * layers * directions else 1)


def _is_product(node: Node, weights: frozenset[int]) -> bool:
    if not node.data:
        return False
    if node.op in LOOKUPS:
        table = next(each for each in node.operands if each.role == "self")
        return weights.issuperset(table.sources)
    return node.op in PRODUCTS and any(
        weights.issuperset(each.sources) for each in node.operands if passes_weight(node, each)
    )


def _activations(trace: Trace, node: Node) -> int:
    if node.op in RECURRENT:
        return RECURRENT[node.op] * int(node.attributes["num_layers"])
    return CELLS.get(node.op, int(node.op in ACTIVATIONS or is_rectifier(trace, node)))
