"""Attention and Block agree with torch's own, the weights copied; rotary scores know distances."""

from typing import cast

import pytest
import torch
from torch import Tensor, nn

from harness.models.attention import Attention
from harness.models.block import Block, Placement, initialise_transformer
from harness.models.feed_forward import feed_forward
from harness.models.rotary import Rotary

WIDTH, HEADS, LENGTH = 24, 4, 7


def hidden(seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(3, LENGTH, WIDTH, generator=random, dtype=torch.float64)


def attention(*, causal: bool = False, kv_heads: int = HEADS) -> Attention:
    torch.manual_seed(0)
    size = WIDTH // HEADS
    return Attention(WIDTH, heads=HEADS, kv_heads=kv_heads, head_size=size, causal=causal).double()


def copy(ours: Attention, theirs: nn.MultiheadAttention) -> None:
    theirs.in_proj_weight = cast("nn.Parameter", ours.qkv.weight)
    theirs.in_proj_bias = ours.qkv.bias
    theirs.out_proj.weight, theirs.out_proj.bias = ours.out.weight, ours.out.bias


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_torchs_multihead_attention(causal: bool) -> None:
    ours = attention(causal=causal)
    theirs = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, dtype=torch.float64)
    copy(ours, theirs)
    future = torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1) if causal else None
    expected, _ = theirs(hidden(), hidden(), hidden(), attn_mask=future)
    torch.testing.assert_close(ours(hidden()), expected, rtol=0, atol=1e-12)


def test_a_mask_hides_keys_as_torchs_padding_mask_does() -> None:
    ours = attention()
    theirs = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, dtype=torch.float64)
    copy(ours, theirs)
    present = torch.arange(LENGTH) < torch.tensor([[LENGTH], [4], [1]])
    expected, _ = theirs(hidden(), hidden(), hidden(), key_padding_mask=~present)
    found = ours(hidden(), present[:, None, None, :])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    other = hidden() + torch.where(present, 0.0, 9.0)[..., None]
    again = ours(other, present[:, None, None, :])
    torch.testing.assert_close(again[present], found[present], rtol=0, atol=1e-12)


def test_shared_keys_are_those_of_attention_with_each_head_repeated() -> None:
    grouped, full = attention(kv_heads=2), attention()
    size = WIDTH // HEADS
    heads = torch.arange((HEADS + 4) * size).reshape(HEADS + 4, size)
    rows = heads[[0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7]].flatten()
    full.qkv.weight = nn.Parameter(grouped.qkv.weight[rows])
    full.qkv.bias = nn.Parameter(grouped.qkv.bias[rows])
    full.out = grouped.out
    torch.testing.assert_close(grouped(hidden()), full(hidden()), rtol=0, atol=1e-12)


@pytest.mark.parametrize("placement", ["pre", "post"])
def test_a_block_is_torchs_encoder_layer(placement: Placement) -> None:
    inner = feed_forward("gelu", WIDTH, 50)
    ours = Block(WIDTH, attention(), inner, placement=placement).double()
    theirs = nn.TransformerEncoderLayer(
        WIDTH,
        HEADS,
        50,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=placement == "pre",
        dtype=torch.float64,
    )
    copy(ours.attention, theirs.self_attn)
    theirs.linear1 = cast("nn.Linear", inner.get_submodule("up"))
    theirs.linear2 = cast("nn.Linear", inner.get_submodule("down"))
    torch.testing.assert_close(ours(hidden()), theirs(hidden()), rtol=0, atol=1e-12)


def test_rotary_scores_depend_on_the_distance_alone() -> None:
    rotary = Rotary(20, 8).double()
    random = torch.Generator().manual_seed(0)
    query, key = torch.randn(2, 1, 1, 1, 8, generator=random, dtype=torch.float64)
    turned = [rotary(query, first) for first in (0, 3, 11)]
    keys = [rotary(key, first + 5) for first in (0, 3, 11)]
    scores = torch.stack([(q * k).sum() for q, k in zip(turned, keys, strict=True)])
    torch.testing.assert_close(scores, scores[:1].expand(3), rtol=1e-5, atol=1e-6)
    assert torch.equal(turned[0], query)
    assert (rotary(key, 6) * turned[0]).sum() != scores[0]
    torch.testing.assert_close(turned[2].norm(), query.norm(), rtol=1e-6, atol=0)


def test_the_start_has_the_documented_spread() -> None:
    torch.manual_seed(0)
    attentions = [Attention(400, heads=4, kv_heads=4, head_size=100) for _ in range(2)]
    blocks = [Block(400, each, feed_forward("gelu", 400, 800)) for each in attentions]
    network = nn.Sequential(*blocks)
    initialise_transformer(network, width=400, depth=2)
    spread = (2 / 2_000) ** 0.5
    attention = attentions[0]
    assert attention.qkv.weight.std().item() == pytest.approx(spread, rel=0.02)
    assert attention.out.weight.std().item() == pytest.approx(spread / 2, rel=0.02)
    down = blocks[1].feed_forward.get_parameter("down.weight")
    assert down.std().item() == pytest.approx(spread / 2, rel=0.02)
    assert not attention.qkv.bias.any()
