"""LoRA and IA3: exact counts, nothing changes at first, merging changes nothing, refusals."""

import copy

import pytest
import torch
from torch import nn

from harness.groups import Prepared, prepare
from harness.models.cnn import CNN
from harness.models.mlp import MLP
from harness.models.recurrent import GRU, LSTM, RNN, Recurrent
from harness.recipe import Facts, Model, Strategy
from harness.settings import UserError
from harness.strategies.ia3 import IA3
from harness.strategies.lora import VARIANTS, LoRA

pytest.importorskip("peft", reason="needs pip install .[peft]")

FACTS = Facts(inputs=(1, 8, 8), outputs=10, train=1, validation=1, test=1)
DEEP, CONVOLUTIONAL = MLP(depth=3, width=24), CNN(stages=2, width=8, norm="batch")
RANK = 4
HEAD = 24 * 10 + 10
LOW_RANK = RANK * (64 + 24) + 2 * RANK * (24 + 24)
CNN_HEAD = 16 * 10 + 10
COUNTS: list[tuple[Model, Strategy, int]] = [
    (DEEP, LoRA(rank=RANK), HEAD + LOW_RANK),
    (DEEP, LoRA(rank=RANK, magnitudes=True), HEAD + LOW_RANK + 3 * 24),
    (DEEP, LoRA(rank=RANK, targets=("blocks[0]",)), HEAD + RANK * (64 + 24)),
    (DEEP, IA3(), HEAD + 3 * 24),
    (CONVOLUTIONAL, LoRA(rank=RANK), CNN_HEAD + RANK * (9 + 8) + RANK * (72 + 16)),
    (CONVOLUTIONAL, IA3(), CNN_HEAD + 8 + 16),
]


def built(model: Model, strategy: Strategy) -> tuple[nn.Module, Prepared]:
    """Return a network, and a copy of it with adapters."""
    torch.manual_seed(0)
    plain = model.build(FACTS).eval()
    return plain, prepare(copy.deepcopy(plain), strategy)


@pytest.mark.parametrize(("model", "strategy", "count"), COUNTS)
def test_it_trains_as_many_as_its_formula_says(
    model: Model, strategy: Strategy, count: int
) -> None:
    with torch.device("meta"):
        prepared = prepare(model.build(FACTS), strategy)
    assert prepared.trainable(0) == count
    assert sum(p.numel() for p in prepared.network.parameters() if p.requires_grad) == count


@pytest.mark.parametrize("targets", [("kind:attention",), ("kind:embedding",)])
def test_the_formulas_of_attention_and_embeddings(targets: tuple[str, ...]) -> None:
    network = nn.ModuleDict(
        {
            "tokens": nn.Embedding(11, 8),
            "attention": nn.MultiheadAttention(8, 2),
            "head": nn.Linear(8, 3),
        }
    )
    head = 8 * 3 + 3
    added = {"kind:attention": 2 * 4 * 8 + 2 * 2 * 8, "kind:embedding": 2 * (11 + 8)}
    prepared = prepare(network, LoRA(rank=2, targets=targets))
    assert prepared.trainable(0) == head + added[targets[0]]


@pytest.mark.parametrize("name", VARIANTS)
def test_at_the_start_the_network_computes_what_it_did(name: str) -> None:
    inputs = torch.randn(5, 1, 8, 8)
    plain, prepared = built(DEEP, VARIANTS[name])
    with torch.no_grad():
        torch.testing.assert_close(
            prepared.network.eval()(inputs), plain(inputs), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("strategy", [LoRA(), IA3(), *VARIANTS.values()], ids=str)
def test_merged_it_is_a_plain_network_that_computes_the_same(strategy: Strategy) -> None:
    inputs = torch.randn(5, 1, 8, 8)
    plain, prepared = built(DEEP, strategy)
    with torch.no_grad():
        for group in prepared.groups:
            for parameter in group.members.values():
                parameter.add_(0.1 * torch.randn_like(parameter))
        expected = prepared.network.eval()(inputs)
        assert prepared.plan.adapter is not None
        weights = prepared.plan.adapter.merge(prepared.network).state_dict()
        assert list(weights) == list(plain.state_dict())
        plain.load_state_dict(weights)
        torch.testing.assert_close(plain(inputs), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model", [RNN(depth=2), LSTM(bidirectional=True), GRU()], ids=str)
def test_recurrent_matrices_get_one_each_and_merge(model: Recurrent) -> None:
    series = Facts(inputs=(7, 5), outputs=3, train=1, validation=1, test=1)
    torch.manual_seed(0)
    plain = model.build(series).eval()
    prepared = prepare(copy.deepcopy(plain), LoRA(rank=2))
    inputs = torch.randn(4, 7, 5)
    shapes = [p.shape for n, p in plain.named_parameters() if n.startswith("recurrent.weight")]
    sizes = {group.name: group.size for group in prepared.groups}
    assert sizes["adapter"] == 2 * sum(out + inner for out, inner in shapes)
    with torch.no_grad():
        assert torch.equal(prepared.network.eval()(inputs), plain(inputs))
        for parameter in prepared.groups[-1].members.values():
            parameter.add_(0.1 * torch.randn_like(parameter))
        expected = prepared.network(inputs)
        assert not torch.allclose(expected, plain(inputs))
        assert prepared.plan.adapter is not None
        plain.load_state_dict(prepared.plan.adapter.merge(prepared.network).state_dict())
        torch.testing.assert_close(plain(inputs), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(UserError, match="LoRA: got 'magnitudes'; allowed: none of them beside rec"):
        prepare(model.build(series), LoRA(magnitudes=True))


def test_lora_plus_trains_b_faster() -> None:
    _, prepared = built(DEEP, VARIANTS["LoRA+"])
    factors = {g.name: g.factors for g in prepared.groups}
    assert factors == {"head": (1.0,), "adapter": (1.0,), "name:*.lora_B": (16.0,)}
    faster = next(g for g in prepared.groups if g.name == "name:*.lora_B")
    assert all("lora_B" in name for name in faster.members)


def test_what_peft_cannot_do_is_refused() -> None:
    with pytest.raises(UserError, match=r"strategy LoRA: adapter: got .*pissa"):
        built(CONVOLUTIONAL, VARIANTS["PiSSA"])
    with pytest.raises(UserError, match=r"strategy LoRA: adapter's targets: .*below the head"):
        built(MLP(depth=0), LoRA())
    with pytest.raises(UserError, match=r"adapter's targets: got \('kind:norm',\)"):
        built(DEEP, LoRA(targets=("kind:norm",)))
