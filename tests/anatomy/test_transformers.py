"""Models of the transformers package, made from their configs: counts, depths and FLOPs."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from harness.anatomy.describe import Anatomy, describe

transformers = pytest.importorskip(
    "transformers", reason="the optional package transformers is not installed: harness[text]"
)
SMALL = {"vocab_size": 100, "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4}


def tokens(length: int = 16) -> Tensor:
    return torch.zeros(1, length, dtype=torch.long)


def gpt2() -> nn.Module:
    module: nn.Module = transformers.GPT2LMHeadModel(transformers.GPT2Config())
    return module


def bert() -> nn.Module:
    module: nn.Module = transformers.BertModel(transformers.BertConfig())
    return module


def llama() -> nn.Module:
    config = transformers.LlamaConfig(num_hidden_layers=3, num_key_value_heads=2, **SMALL)
    module: nn.Module = transformers.LlamaForCausalLM(config)
    return module


def t5() -> nn.Module:
    sizes = {"d_model": 64, "d_kv": 16, "num_heads": 4, "d_ff": 128, "vocab_size": 100}
    module: nn.Module = transformers.T5Model(transformers.T5Config(num_layers=2, **sizes))
    return module


def vit() -> nn.Module:
    module: nn.Module = transformers.ViTForImageClassification(
        transformers.ViTConfig(num_labels=1000)
    )
    return module


def albert() -> nn.Module:
    config = transformers.AlbertConfig(num_hidden_layers=12, embedding_size=32, **SMALL)
    module: nn.Module = transformers.AlbertModel(config)
    return module


TEXT: dict[str, Any] = {"input_ids": tokens()}
MODELS: dict[str, tuple[Callable[[], nn.Module], dict[str, Any]]] = {
    "GPT-2": (gpt2, TEXT),
    "BERT": (bert, TEXT),
    "Llama": (llama, TEXT),
    "T5": (t5, {**TEXT, "decoder_input_ids": tokens(8)}),
    "ViT": (vit, {"pixel_values": torch.zeros(1, 3, 224, 224)}),
    "ALBERT": (albert, TEXT),
}


def described(name: str) -> tuple[nn.Module, Anatomy]:
    build, example = MODELS[name]
    with torch.device("meta"):
        network = build()
    return network, describe(network, {key: each.to("meta") for key, each in example.items()})


@pytest.mark.parametrize("name", MODELS)
def test_sums_and_flops(name: str) -> None:
    network, anatomy = described(name)
    assert anatomy.counts.total == sum(each.numel() for each in network.parameters())
    assert anatomy.counts.total == sum(row.parameters for row in anatomy.layers)
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network(**{key: each.to("meta") for key, each in MODELS[name][1].items()})
    assert anatomy.flops.forward == counter.get_total_flops()
    assert not any("cannot run" in note for note in anatomy.notes)


@pytest.mark.parametrize(
    ("name", "parameters", "longest", "blocks"),
    [("GPT-2", 124_439_808, 50, 12), ("BERT", 109_482_240, 50, 12), ("ViT", 86_567_656, 50, 12)],
)
def test_published_counts_and_depths(name: str, parameters: int, longest: int, blocks: int) -> None:
    _, anatomy = described(name)
    assert anatomy.counts.total == parameters
    assert anatomy.depth.weight_layers_longest == longest
    assert anatomy.depth.blocks == blocks


def test_a_tied_head_and_what_untying_it_would_cost() -> None:
    _, anatomy = described("GPT-2")
    assert anatomy.counts.embedding == 38_597_376 + 786_432
    assert anatomy.uses.head == 0
    assert anatomy.uses.applied == 163_037_184


def test_grouped_query_attention_by_hand() -> None:
    _, anatomy = described("Llama")
    attention, feed_forward = 2 * 64 * 64 + 2 * 64 * 32, 3 * 64 * 128
    assert anatomy.counts.by_type["Linear"] == 3 * (attention + feed_forward) + 64 * 100


def test_one_block_applied_twelve_times() -> None:
    _, anatomy = described("ALBERT")
    assert anatomy.uses.applied is not None
    assert anatomy.uses.applied > 7 * anatomy.counts.total
    assert anatomy.depth.blocks == 12
