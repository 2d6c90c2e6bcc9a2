"""Attention: where a network looks, read off its calls of torch's own functions as it runs."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

SOFTMAX = (torch.softmax, Tensor.softmax)


class Looks(TorchFunctionMode):
    """Keeps the weights of every attention that runs within it.

    `maps` has (batch, heads, queries, keys) of each scaled-dot-product attention, in order;
    `pooled` (batch, time) of each softmax over the places of the inputs: additive pooling.
    """

    def __init__(self, places: tuple[int, ...]) -> None:
        super().__init__()
        self.places = places
        self.maps: list[Tensor] = []
        self.pooled: list[Tensor] = []

    def __torch_function__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run the function as it would have run, and keep what it weighed."""
        del types
        result = func(*args, **(kwargs or {}))
        if func is scaled_dot_product_attention:
            self.maps.append(_weights(*args, **(kwargs or {})))
        elif func in SOFTMAX and result.shape == self.places:
            self.pooled.append(result)
        return result


@torch.no_grad()
def looks(network: nn.Module, inputs: Tensor) -> Looks:
    """Return where the network looks in each of the inputs (n, *inputs)."""
    found = Looks(tuple(inputs.shape[:2]))
    with found:
        network(inputs)
    return found


def _weights(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return softmax(scale·QKᵀ + mask), what the fused kernel multiplies the values with."""
    del value, dropout_p
    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], dim=-3)
    scores = query @ key.transpose(-1, -2) * (scale or 1 / math.sqrt(query.shape[-1]))
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, -torch.inf)
    elif attn_mask is not None:
        scores = scores + attn_mask
    return scores.softmax(dim=-1)
