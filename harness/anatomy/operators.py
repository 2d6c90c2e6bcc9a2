"""Operators: what torch's schema says of one, and which are taken apart before they are seen."""

from functools import cache
from typing import Any, NamedTuple

import torch
from torch._ops import OpOverload


def words(text: str) -> frozenset[str]:
    """Return the words of `text`."""
    return frozenset(text.split())


WHOLE = words(
    """
    linear matmul bilinear tensordot embedding_bag conv1d conv2d conv3d conv_transpose1d
    conv_transpose2d conv_transpose3d lstm gru rnn_tanh rnn_relu lstm_cell gru_cell
    rnn_tanh_cell rnn_relu_cell scaled_dot_product_attention batch_norm layer_norm group_norm
    instance_norm rms_norm max_pool1d max_pool2d max_pool3d avg_pool1d adaptive_avg_pool1d
    adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d relu6 selu celu silu mish prelu
    rrelu hardswish log_sigmoid dropout feature_dropout alpha_dropout feature_alpha_dropout
    softmax log_softmax
    """
)
"""Composite operators that are one node each; all others are taken apart."""

FRESH = words(
    """
    zeros_like ones_like full_like empty_like rand_like randn_like randint_like new_zeros
    new_ones new_full new_empty new_empty_strided
    """
)
"""Operators that read a tensor's shape and not its values."""

OVERWRITING = words(
    """
    copy_ fill_ zero_ normal_ uniform_ random_ bernoulli_
    """
)
"""In-place operators that do not read what they write over."""


class Signature(NamedTuple):
    """What an operator's schema says of it."""

    op: str
    defaults: dict[str, Any]
    written: frozenset[str]
    """Arguments that it writes to in place."""
    unread: frozenset[str]
    """Arguments of which it does not use the values."""
    is_view: bool
    """Whether its outputs show the memory of an argument."""
    composite: bool


@cache
def signature(operator: OpOverload) -> Signature:
    """Return what the recorder needs to know of `operator`."""
    schema = operator._schema
    name = schema.name.removeprefix("aten::")
    op = name if name.startswith("_") or "::" in name else name.removesuffix("_")
    written = [each for each in schema.arguments if each.alias_info and each.alias_info.is_write]
    unread = {each.name for each in written if each.is_out or name in OVERWRITING}
    composite = torch._C._dispatch_has_kernel_for_dispatch_key(
        str(operator._name), "CompositeImplicitAutograd"
    )
    return Signature(
        op=op,
        defaults={each.name: each.default_value for each in schema.arguments},
        written=frozenset(each.name for each in written),
        unread=frozenset(unread),
        is_view=any(each.alias_info and not each.alias_info.is_write for each in schema.returns),
        composite=composite and op not in WHOLE,
    )
