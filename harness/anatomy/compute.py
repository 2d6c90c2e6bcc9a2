"""Compute: multiplications and additions of a layer, forward and backward.

One multiply-accumulate (MAC) is 2 FLOPs; matrix products and convolutions count, nothing else.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.utils.flop_counter import flop_registry

from harness.anatomy.formulas import GATES

aten = torch.ops.aten
Shape = tuple[int, ...]

PRODUCTS = {aten.mm: 0, aten.bmm: 0, aten.addmm: 1, aten.baddbmm: 1, aten.convolution: 0}
"""Operators and the place of the first of their two factors."""
VECTORS = {aten.mv: 0, aten.addmv: 1, aten.dot: 0, aten.vdot: 0}
"""Products with a vector, which torch's counter leaves out."""
UNCOUNTED = ("linalg_", "fft_", "_cdist", "conv_tbc", "rnn", "lstm", "gru", "native_mu")
"""In the names of torch's own operators that multiply matrices by a method of their own."""


@dataclass(frozen=True)
class Work:
    """FLOPs of one operator: forward, and backward as far as its factors need a gradient."""

    forward: int
    backward: int


def work(operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Work | None:
    """Return what an operator of the dispatcher costs; None if it is nothing that counts.

    Each factor of a product that needs a gradient costs one more product of the forward's size,
    grouped convolutions too (torch's counter reads up to `groups` times as much). So a first layer
    costs 2 times its forward in all, a later one 3 times, a frozen one 2 times behind a layer that
    trains and 1 time before.
    """
    packet = operator._overloadpacket
    if packet in PRODUCTS or packet in VECTORS:
        first = (PRODUCTS | VECTORS)[packet]
        factors = list(args[first : first + 2])
        formula = flop_registry.get(packet)
        vectors = 2 * factors[0].numel()
        forward = formula(*args, **kwargs, out_val=out) if formula else vectors
    elif packet is aten._trilinear:
        factors = list(args[:3])
        forward = 2 * out.numel() * args[2].shape[-1] * (args[0].shape[-1] + 1)
    elif packet in flop_registry:
        factors = [each for each in args if isinstance(each, Tensor)][:2]
        forward = flop_registry[packet](*args, **kwargs, out_val=out)
    else:
        return None
    return Work(forward, forward * sum(map(needs_gradient, factors)))


def needs_gradient(tensor: Tensor) -> bool:
    """Return whether autograd will compute the gradient of a tensor that is used now."""
    return tensor.requires_grad and torch.is_grad_enabled()


def is_uncounted(operator: Any) -> bool:
    """Return whether an operator may multiply matrices without our knowing how much."""
    if operator._overloadpacket in flop_registry:
        return False
    name = operator.name()
    space, _, short = name.partition("::")
    known = space in ("aten", "prim", "prims", "profiler")
    return not known or any(part in short for part in UNCOUNTED)


def attention_work(query: Tensor, key: Tensor, value: Tensor) -> Work:
    """Return the FLOPs of softmax(QKᵀ)V with every query seeing every key.

    Shapes (…, heads, queries, e), (…, keys, e), (…, keys, v). Backward: dQ and dK each cost QKᵀ
    again, dV and the gradient of the weights each cost the second product; what a fused kernel
    recomputes of the forward is no work of the model.
    """
    pairs = math.prod(query.shape[:-1]) * key.shape[-2]
    scores, mixed = 2 * pairs * query.shape[-1], 2 * pairs * value.shape[-1]
    inner = needs_gradient(query) or needs_gradient(key)
    backward = scores * (needs_gradient(query) + needs_gradient(key))
    return Work(scores + mixed, backward + mixed * (needs_gradient(value) + inner))


def recurrent_work(
    data: Tensor, state: Tensor, weights: Sequence[Tensor], layers: int, both: bool
) -> Work:
    """Return the FLOPs of a recurrent layer over all its time steps.

    `weights` are torch's flat ones: for every layer and direction matrices for the input, the
    state and, with a projection, the output, and biases. The first state of each sequence, of
    `state`'s (layers, sequences, R), needs a gradient only if it was given with one.
    """
    rows = data.numel() // data.shape[-1]
    later = rows - math.prod(state.shape[1:-1]) * (not needs_gradient(state))
    each = len(weights) // (layers * (2 if both else 1))
    forward = backward = 0
    below, trains = needs_gradient(data), False
    for start in range(0, len(weights), each):
        if both is False or start % (2 * each) == 0:
            below, trains = below or trains, False
        group = weights[start : start + each]
        trains = trains or any(map(needs_gradient, group)) or needs_gradient(state)
        inner = below or trains
        for place, weight in enumerate(each for each in group if each.dim() == 2):
            forward += 2 * rows * weight.numel()
            backward += 2 * rows * weight.numel() * needs_gradient(weight)
            entered = (below * rows, inner * later, inner * rows)[place]
            backward += 2 * entered * weight.numel()
    return Work(forward, backward)


def causal_share(queries: int, keys: int) -> tuple[int, int]:
    """Return how many of the pairs a causal mask leaves, and of how many: T(T + 1)/2 of T²."""
    seen = sum(min(query + 1, keys) for query in range(queries))
    return seen, queries * keys


@dataclass(frozen=True)
class Shapes:
    """The shapes of a layer's input tensors, and of its first output."""

    inputs: list[Shape]
    output: Shape


@singledispatch
def macs(module: nn.Module, shapes: Shapes) -> int | None:
    """Return a layer's multiply-accumulates forward by its type's formula; None without one."""
    del module, shapes
    return None


@macs.register
def _linear(module: nn.Linear, shapes: Shapes) -> int:
    """One row of weights for each output, whatever the dimensions before the last."""
    return math.prod(shapes.output) * module.in_features


@macs.register
def _bilinear(module: nn.Bilinear, shapes: Shapes) -> int:
    """b·o sums over a, and o sums over b."""
    return math.prod(shapes.output) * module.in2_features * (module.in1_features + 1)


@macs.register
def _convolution(module: _ConvNd, shapes: Shapes) -> int:
    """Each output sums inputs/groups · Πk; each input of a transposed one spreads alike."""
    transposed = isinstance(module, _ConvTransposeNd)
    numbers = math.prod(shapes.inputs[0] if transposed else shapes.output)
    others = module.out_channels if transposed else module.in_channels
    return numbers * others // module.groups * math.prod(module.kernel_size)


@macs.register
def _recurrent(module: nn.RNNBase, shapes: Shapes) -> int:
    """T·B·Σ_l D·(G·H·(in_l + R) + P·H)."""
    directions = 2 if module.bidirectional else 1
    gates = GATES[module.mode] * module.hidden_size
    state = module.proj_size or module.hidden_size
    sizes = [module.input_size] + [directions * state] * (module.num_layers - 1)
    each = [gates * (size + state) + module.proj_size * module.hidden_size for size in sizes]
    return math.prod(shapes.inputs[0][:-1]) * directions * sum(each)


@macs.register
def _recurrent_cell(module: nn.RNNCellBase, shapes: Shapes) -> int:
    gates = {nn.GRUCell: 3, nn.LSTMCell: 4}.get(type(module), 1) * module.hidden_size
    return math.prod(shapes.inputs[0][:-1]) * gates * (module.input_size + module.hidden_size)


@macs.register
def _attention(module: nn.MultiheadAttention, shapes: Shapes) -> int:
    """Four projections, and 2·B·T·S·e for the scores and their use."""
    queries, keys, values = (*shapes.inputs, *shapes.inputs[:1] * 2)[:3]
    size, axis = int(module.embed_dim), -2 if module.batch_first or len(queries) == 2 else 0
    rows, others = math.prod(queries[:-1]), math.prod(keys[:-1])
    projections = rows * 2 * size * size + others * size * (int(module.kdim) + int(module.vdim))
    seen = keys[axis] + (module.bias_k is not None) + bool(module.add_zero_attn)
    assert math.prod(values[:-1]) == others
    return projections + 2 * rows * seen * size
