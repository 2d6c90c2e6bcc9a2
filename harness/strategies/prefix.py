"""Prefix: every attention sees a few learned keys and values besides; the head trains with them."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from harness.phases import Adapter, Plan
from harness.recipe import Strategy
from harness.settings import require_whole
from harness.strategies.virtual_tokens import encoder_of, plan_of, seen_by_all

CHILD = "prefix"
"""What the keys and values are called within the encoder."""


@dataclass(frozen=True, kw_only=True)
class Prefix(Strategy):
    """Let every layer's attention see `tokens` learned keys and values (Li & Liang 2021).

    Prefix tuning, arXiv:2101.00190, by PEFT and without the reparametrising network, as in P-Tuning
    v2 (arXiv:2110.07602), for encoders of the transformers library. 2·layers·tokens·width numbers
    train, and the head. The text keeps its positions. It cannot be merged into the weights.
    """

    tokens: int = 10

    def __post_init__(self) -> None:
        require_whole("tokens", self.tokens)

    def plan(self, blocks: int) -> Plan:
        """Return one phase of the head and the prefix."""
        del blocks
        return plan_of(_KeysAndValues(strategy=self))


@dataclass(frozen=True, kw_only=True)
class _KeysAndValues(Adapter):
    merges: ClassVar[bool] = False

    strategy: Prefix

    def apply(self, network: nn.Module) -> nn.Module:
        """Put the keys and values in, before those of the text by a hook: no tensor is renamed."""
        encoder = encoder_of(network)
        from peft import PrefixEncoder, PrefixTuningConfig

        config = PrefixTuningConfig(
            num_virtual_tokens=self.strategy.tokens,
            token_dim=encoder.config.hidden_size,
            num_layers=encoder.config.num_hidden_layers,
            num_attention_heads=encoder.config.num_attention_heads,
            num_transformer_submodules=1,
        )
        encoder.add_module(CHILD, PrefixEncoder(config))  # type: ignore[no-untyped-call]
        encoder.register_forward_pre_hook(_before, with_kwargs=True)
        return network

    def owns(self, name: str) -> bool:
        """Say whether it is the prefix."""
        return CHILD in name.split(".")

    def merge(self, network: nn.Module) -> nn.Module:
        """Return the network as it is."""
        return network

    def count(self, network: nn.Module) -> int:
        """Return 2 · layers · tokens · width."""
        config = encoder_of(network).config
        numbers: int = 2 * config.num_hidden_layers * self.strategy.tokens * config.hidden_size
        return numbers


def _before(encoder: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """Give the encoder the prefix as what its attentions have seen already."""
    from transformers import DynamicCache

    weight = encoder.get_submodule(CHILD).embedding.weight
    batch, time = kwargs["input_ids"].shape
    layers, heads = encoder.config.num_hidden_layers, encoder.config.num_attention_heads
    numbers = weight.view(len(weight), 2 * layers, heads, -1).permute(1, 2, 0, 3)
    cache = DynamicCache()
    for layer, (keys, values) in enumerate(numbers.unflatten(0, (layers, 2))):
        each = (batch, -1, -1, -1)
        cache.update(keys.expand(each), values.expand(each), layer)
    given = {
        "past_key_values": cache,
        "position_ids": torch.arange(time, device=weight.device)[None],
        "attention_mask": seen_by_all(kwargs["attention_mask"], len(weight)),
    }
    return args, kwargs | given
