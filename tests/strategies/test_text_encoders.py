"""The text encoders of the literature have the counts that it gives, on the meta device."""

import pytest
import torch
from torch import nn

from harness.groups import prepare
from harness.outline import outline
from harness.selectors import select
from harness.strategies.gradual_unfreeze import GradualUnfreeze
from harness.strategies.linear_probe import LinearProbe
from harness.strategies.lora import LoRA

transformers = pytest.importorskip("transformers", reason="needs the text extra")

ATTENTION = ("name:*.query", "name:*.value")
MINILM = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12}
MINILM |= {"intermediate_size": 1536}


def bert(**settings: int) -> nn.Module:
    with torch.device("meta"):
        network: nn.Module = transformers.BertModel(transformers.BertConfig(**settings))
    return network


def roberta() -> nn.Module:
    config = transformers.RobertaConfig(
        vocab_size=50265, max_position_embeddings=514, type_vocab_size=1
    )
    with torch.device("meta"):
        network: nn.Module = transformers.RobertaForSequenceClassification(config)
    return network


def size(network: nn.Module, selector: str) -> int:
    return sum(entry.parameter.numel() for entry in select(outline(network), selector))


def test_bert_base_and_minilm_have_as_many_parameters_biases_and_norms_as_published() -> None:
    base, small = bert(), bert(**MINILM)
    assert (size(base, "all"), size(base, "bias")) == (109_482_240, 102_912)
    counts = (22_713_216, 26_112, 9_984)
    assert tuple(size(small, selector) for selector in ("all", "bias", "kind:norm")) == counts


def test_an_encoder_has_its_layers_as_blocks_and_its_embeddings_as_stem() -> None:
    parts = outline(roberta())
    assert parts.blocks == tuple(f"roberta.encoder.layer.{i}" for i in range(12))
    assert parts.head == "classifier"
    stem = {entry.name.split(".")[1] for entry in parts.entries if entry.place == "stem"}
    assert stem == {"embeddings"}
    with torch.device("meta"):
        assert len(prepare(roberta(), GradualUnfreeze()).plan.phases) == 13


def test_lora_has_the_published_counts() -> None:
    pytest.importorskip("peft", reason="needs pip install .[peft]")
    with torch.device("meta"):
        adapted = prepare(roberta(), LoRA(rank=8, targets=ATTENTION))
        small = prepare(bert(**MINILM), LoRA(rank=8, targets=ATTENTION))
    sizes = {group.name: group.size for group in adapted.groups}
    assert sizes["adapter"] == 294_912
    assert adapted.trainable(0) == 887_042
    assert {group.name: group.size for group in small.groups}["adapter"] == 73_728


def test_a_probe_trains_the_classifier_alone() -> None:
    probe = prepare(roberta(), LinearProbe())
    assert probe.trainable(0) == 768 * 768 + 768 + 768 * 2 + 2
