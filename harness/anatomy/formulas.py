"""Formulas: how many parameters a layer of a known type has, from its settings alone."""

import math
from functools import singledispatch
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils import parametrizations, parametrize

BARE = "activation channelshuffle distance dropout flatten fold padding pixelshuffle pooling"
NONE = frozenset(f"torch.nn.modules.{file}" for file in (*BARE.split(), "upsampling"))
"""torch's own files whose layers hold no parameters, but for those with a formula below."""
GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "GRU": 3, "LSTM": 4}


def expected(module: nn.Module) -> int | None:
    """Return how many parameters `module` and what lies in it must hold; None without a formula.

    Weight norm adds one number for each output (Salimans & Kingma 2016, arXiv:1602.07868), spectral
    norm none (Miyato 2018, arXiv:1802.05957); any other parametrization has no formula.
    """
    plain = formula(module)
    if plain is None or not parametrize.is_parametrized(module):
        return plain
    added = [_added(each) for each in module.parametrizations.values()]  # type: ignore[operator]
    return None if None in added else plain + sum(each or 0 for each in added)


def _added(parametrization: Any) -> int | None:
    (outer,) = parametrization if len(parametrization) == 1 else (None,)
    if isinstance(outer, parametrizations._WeightNorm):
        direction = parametrization.original1
        return 1 if outer.dim in (None, -1) else int(direction.shape[outer.dim])
    return 0 if isinstance(outer, parametrizations._SpectralNorm) else None


@singledispatch
def formula(module: nn.Module) -> int | None:
    """Return the parameters of a layer by the formula of its type; None if it has none."""
    bare = isinstance(module, nn.Identity | nn.LocalResponseNorm | nn.CrossMapLRN2d)
    return 0 if bare or type(module).__module__ in NONE else None


@formula.register
def _linear(module: nn.Linear) -> int:
    """i·o + o."""
    return module.out_features * (module.in_features + (module.bias is not None))


@formula.register
def _bilinear(module: nn.Bilinear) -> int:
    """a·b·o + o."""
    inputs = module.in1_features * module.in2_features
    return module.out_features * (inputs + (module.bias is not None))


@formula.register
def _convolution(module: _ConvNd) -> int:
    """Outputs · inputs/groups · Πk + outputs; a transposed one alike, as both sides are grouped."""
    pairs = module.in_channels * module.out_channels // module.groups
    bias = module.out_channels * (module.bias is not None)
    return pairs * math.prod(module.kernel_size) + bias


@formula.register(nn.Embedding)
@formula.register(nn.EmbeddingBag)
def _embedding(module: nn.Embedding | nn.EmbeddingBag) -> int:
    """V·d; the padding row counts, though it never gets a gradient."""
    return module.num_embeddings * module.embedding_dim


@formula.register
def _batch_norm(module: _NormBase) -> int:
    """2C, for batch and instance norm."""
    return 2 * module.num_features * module.affine


@formula.register
def _group_norm(module: nn.GroupNorm) -> int:
    """2C."""
    return module.num_channels * (module.affine + (module.bias is not None))


@formula.register
def _layer_norm(module: nn.LayerNorm) -> int:
    """2·numel."""
    present = module.elementwise_affine + (module.bias is not None)
    return math.prod(module.normalized_shape) * present


@formula.register
def _rms_norm(module: nn.RMSNorm) -> int:
    """One factor for each number (Zhang & Sennrich 2019, arXiv:1910.07467)."""
    return math.prod(module.normalized_shape) * module.elementwise_affine


@formula.register
def _prelu(module: nn.PReLU) -> int:
    return module.num_parameters


@formula.register
def _recurrent(module: nn.RNNBase) -> int:
    """Σ_l D·(G·H·in_l + G·H·R + 2·G·H + P·H): torch has two bias vectors; R = P or H."""
    directions = 2 if module.bidirectional else 1
    gates = GATES[module.mode] * module.hidden_size
    state = module.proj_size or module.hidden_size
    inputs = [module.input_size] + [directions * state] * (module.num_layers - 1)
    projection = module.proj_size * module.hidden_size
    each = [gates * (size + state + 2 * module.bias) + projection for size in inputs]
    return directions * sum(each)


@formula.register
def _recurrent_cell(module: nn.RNNCellBase) -> int:
    """G·H·(I + H + 2)."""
    gates = {nn.GRUCell: 3, nn.LSTMCell: 4}.get(type(module), 1) * module.hidden_size
    return gates * (module.input_size + module.hidden_size + 2 * module.bias)


@formula.register
def _attention(module: nn.MultiheadAttention) -> int:
    """e·(e + k + v + e) + 4e, whatever the number of heads; two learned rows with `bias_kv`."""
    size = int(module.embed_dim)
    projections = size * (2 * size + int(module.kdim) + int(module.vdim))
    biases = 4 * (module.in_proj_bias is not None) + 2 * (module.bias_k is not None)
    return projections + biases * size


@formula.register(nn.TransformerEncoderLayer)
@formula.register(nn.TransformerDecoderLayer)
@formula.register(nn.TransformerEncoder)
@formula.register(nn.TransformerDecoder)
@formula.register(nn.Transformer)
@formula.register(nn.Sequential)
@formula.register(nn.ModuleList)
def _sum_of_parts(module: nn.Module) -> int | None:
    """Σ over the parts: 12d² + 13d for an encoder layer with f = 4d."""
    parts = [expected(child) for child in module.children()]
    known = [each for each in parts if each is not None]
    return sum(known) if len(known) == len(parts) else None
