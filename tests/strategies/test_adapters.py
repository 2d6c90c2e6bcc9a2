"""Bottleneck adapters: published counts, nothing changes at first, never lost on the way."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from harness.groups import merged, prepare
from harness.models.cnn import CNN
from harness.models.encoder import Encoder
from harness.models.mlp import MLP
from harness.models.recurrent import GRU
from harness.recipe import Facts, Model, Strategy
from harness.settings import UserError
from harness.strategies.adapters import Adapters
from harness.strategies.lora import LoRA
from tests.test_resume_matrix import BASE

IMAGES = Facts(inputs=(1, 8, 8), outputs=10, train=1, validation=1, test=1)
SERIES = Facts(inputs=(7, 5), outputs=3, train=1, validation=1, test=1)
TEXTS = Facts(inputs=(9,), outputs=2, train=1, validation=1, test=1, vocabulary=20, ragged=True)
HOULSBY = Adapters(width=3, placement="houlsby")


def added(network: nn.Module, strategy: Strategy) -> int:
    groups = {group.name: group.size for group in prepare(network, strategy).groups}
    return groups["adapter"]


@pytest.mark.parametrize(("placement", "per_layer"), [("houlsby", 2), ("pfeiffer", 1)])
def test_bert_base_gets_as_many_as_published(placement: str, per_layer: int) -> None:
    transformers = pytest.importorskip("transformers", reason="needs the text extra")
    strategy = Adapters(width=64, placement=placement)  # type: ignore[arg-type]
    with torch.device("meta"):
        bert = transformers.BertModel(transformers.BertConfig(), add_pooling_layer=False)
        assert added(bert, strategy) == per_layer * 12 * (2 * 768 * 64 + 768 + 64)
    assert 2 * 12 * (2 * 768 * 64 + 768 + 64) == 2_379_264


@pytest.mark.parametrize(
    ("model", "facts", "strategy", "outputs"),
    [
        (MLP(depth=3, width=24), IMAGES, Adapters(width=3), [24] * 3),
        (CNN(stages=2, width=8), IMAGES, Adapters(width=3), [8, 16]),
        (Encoder(depth=2, width=12), TEXTS, Adapters(width=3), [12] * 2),
        (Encoder(depth=2, width=12), TEXTS, HOULSBY, [12] * 4),
    ],
)
def test_at_first_nothing_changes_and_later_every_bottleneck_matters(
    model: Model, facts: Facts, strategy: Strategy, outputs: list[int]
) -> None:
    torch.manual_seed(0)
    plain = model.build(facts).eval()
    network = prepare(copy.deepcopy(plain), strategy).network.eval()
    shape = (5, *facts.inputs)
    inputs = torch.randint(1, 20, shape) if facts.holds == "tokens" else torch.randn(shape)
    ups = [m for n, m in network.named_modules() if n.endswith("bottleneck.up")]
    with torch.no_grad():
        assert torch.equal(network(inputs), plain(inputs))
        assert sorted(len(up.get_parameter("weight")) for up in ups) == sorted(outputs)
        before = network(inputs)
        for up in ups:
            up.get_parameter("bias").add_(0.5)
            after = network(inputs)
            assert not torch.equal(after, before)
            before = after
    assert added(copy.deepcopy(plain), strategy) == sum(2 * d * 3 + d + 3 for d in outputs)
    plain_names = set(plain.state_dict())
    assert plain_names == {n for n in network.state_dict() if "bottleneck" not in n}


def test_a_torch_attention_is_followed_by_one() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    network = nn.Sequential(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False))
    network.add_module("head", nn.Linear(8, 2))
    inputs = torch.randn(3, 4, 8)
    with torch.no_grad():
        plain = network.eval()(inputs)
        adapted = prepare(network, HOULSBY).network.eval()
        torch.testing.assert_close(adapted(inputs), plain)
        for name, parameter in adapted.named_parameters():
            if name.endswith("self_attn.bottleneck.up.bias"):
                parameter.copy_(torch.randn(8))
        assert not torch.allclose(adapted(inputs), plain, atol=1e-3)


def test_where_none_fits_it_is_refused_with_what_would_do() -> None:
    with torch.device("meta"):
        with pytest.raises(UserError, match=r"blocks to adapt: .*allowed: blocks with an att"):
            prepare(MLP().build(IMAGES), HOULSBY)
        with pytest.raises(UserError, match=r"blocks to adapt: got 'none'.*use LoRA"):
            prepare(GRU().build(SERIES), Adapters())


def test_what_does_not_merge_says_that_it_is_left_beside_the_weights() -> None:
    pytest.importorskip("peft", reason="needs pip install .[peft]")
    for strategy, stays in ((Adapters(), True), (LoRA(), False)):
        recipe = replace(BASE, strategy=strategy)
        network = prepare(recipe.model.build(recipe.data.facts()), strategy).network
        _, left = merged(recipe, network.state_dict())
        assert (left is not None) == stays
