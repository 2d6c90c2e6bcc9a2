"""Decoder: exact counts, causality, positions, and decoding step by step."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state
from torch.nn.attention import SDPBackend, sdpa_kernel

from harness.models.attention import Memory, size_of_head
from harness.models.decoder import Decoder, DecoderNetwork
from harness.models.feed_forward import feed_forward_width
from harness.models.generate import generate
from harness.recipe import Facts
from harness.settings import UserError

LLAMA = Decoder(norm="rms", positions="rope", feed_forward="swiglu", bias=False, kv_heads=2)
VARIANTS = (
    Decoder(),
    LLAMA,
    Decoder(depth=3, width=30, kv_heads=1, tied=False),
    Decoder(depth=1, width=10, heads=4, positions="rope", dropout=0.3),
)
every_variant = pytest.mark.parametrize("model", VARIANTS, ids=str)


def facts(context: int = 12, vocabulary: int = 11) -> Facts:
    text = Facts(inputs=(context,), outputs=vocabulary, train=10, validation=10, test=10)
    return replace(text, vocabulary=vocabulary, targets="tokens")


def built(model: Decoder, seed: int = 0) -> DecoderNetwork:
    torch.manual_seed(seed)
    return model.build(facts()).eval()


def text(count: int = 3, length: int = 12) -> Tensor:
    return torch.randint(11, (count, length), generator=torch.Generator().manual_seed(1))


def size(model: Decoder, context: int, vocabulary: int) -> int:
    with torch.device("meta"):
        network = model.build(facts(context, vocabulary))
    return sum(parameter.numel() for parameter in network.parameters())


def formula(model: Decoder, context: int, vocabulary: int) -> int:
    d, h, b = model.width, model.heads, int(model.bias)
    k = model.kv_heads or h
    s = size_of_head(d, h, even=model.positions == "rope")
    f = model.feed_forward_width or feed_forward_width(model.feed_forward, d)
    n = 2 * d if model.norm == "layer" else d
    inner = 3 * d * f + b * (2 * f + d)
    if model.feed_forward == "gelu":
        inner = 2 * d * f + b * (f + d)
    tables = vocabulary * d * (1 if model.tied else 2)
    tables += context * d if model.positions == "learned" else 0
    attention = (h + 2 * k) * s * (d + b) + h * s * d + b * d
    return tables + (2 * model.depth + 1) * n + model.depth * (attention + inner)


@settings(deadline=None, max_examples=60)
@given(
    st.builds(
        Decoder,
        depth=st.integers(1, 4),
        width=st.integers(1, 40),
        heads=st.sampled_from([2, 4, 6]),
        kv_heads=st.sampled_from([None, 1, 2]),
        norm=st.sampled_from(["layer", "rms"]),
        positions=st.sampled_from(["learned", "rope"]),
        feed_forward=st.sampled_from(["gelu", "swiglu"]),
        feed_forward_width=st.sampled_from([None, 7]),
        tied=st.booleans(),
        bias=st.booleans(),
    ),
    st.integers(1, 20),
    st.integers(1, 50),
)
def test_the_count_is_its_formula(model: Decoder, context: int, vocabulary: int) -> None:
    assert size(model, context, vocabulary) == formula(model, context, vocabulary)


def test_the_counts_are_those_of_published_models() -> None:
    gpt2 = Decoder(depth=12, width=768, heads=12)
    assert size(gpt2, 1_024, 50_257) == 124_439_808
    assert size(replace(gpt2, depth=24, width=1_024, heads=16), 1_024, 50_257) == 354_823_168
    smollm2 = replace(LLAMA, depth=30, width=576, heads=9, kv_heads=3)
    assert size(smollm2, 2_048, 49_152) == 134_515_008


@every_variant
def test_no_place_sees_what_follows(model: Decoder) -> None:
    network, tokens = built(model), text()
    other = tokens.clone()
    other[:, 7:] = (other[:, 7:] + 1) % 11
    before, after = network(tokens), network(other)
    torch.testing.assert_close(before[:, :7], after[:, :7])
    assert not torch.allclose(before[:, 7:], after[:, 7:], atol=1e-3)


@every_variant
def test_each_place_sees_all_before_it(model: Decoder) -> None:
    network, tokens = built(model), text()
    other = tokens.clone()
    other[:, 0] = (other[:, 0] + 1) % 11
    changed = (network(tokens) - network(other)).abs().amax(dim=(0, 2))
    assert (changed > 1e-6).all()


@every_variant
@pytest.mark.parametrize("steps", [[1] * 12, [5, 1, 6], [12]])
def test_decoding_by_steps_equals_decoding_at_once(model: Decoder, steps: list[int]) -> None:
    network, tokens = built(model).double(), text()
    memories = [Memory() for _ in range(model.depth)]
    pieces = [network(piece, memories) for piece in torch.split(tokens, steps, dim=1)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), network(tokens), rtol=0, atol=1e-12)


def test_tied_is_one_tensor_and_untied_two() -> None:
    tied, untied = built(Decoder()), built(Decoder(tied=False))
    assert tied.head.weight is tied.tokens.weight
    assert untied.head.weight is not untied.tokens.weight


def test_at_the_start_the_loss_is_that_of_guessing() -> None:
    network = built(Decoder(depth=8))
    logits = network(text(32))
    loss = nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), text(32)[:, 1:].flatten())
    assert loss.item() == pytest.approx(torch.tensor(11.0).log().item(), abs=0.3)


def test_greedy_generation_takes_the_likeliest_token_each_time() -> None:
    network, prompt = built(Decoder()), text(2, 4)
    tokens = generate(network, prompt, count=6, temperature=0)
    assert torch.equal(tokens[:, :4], prompt)
    for place in range(4, 10):
        expected = network(tokens[:, :place])[:, -1].argmax(dim=-1)
        assert torch.equal(tokens[:, place], expected)


def test_a_low_temperature_is_greedy_and_a_generator_decides_the_rest() -> None:
    network, prompt = built(Decoder()), text(2, 4)
    greedy = generate(network, prompt, count=6, temperature=0)
    assert torch.equal(generate(network, prompt, count=6, temperature=1e-4), greedy)
    draws = [
        generate(network, prompt, count=6, generator=torch.Generator().manual_seed(seed))
        for seed in (0, 0, 1)
    ]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_samples_follow_the_probabilities_and_top_k_keeps_the_likeliest() -> None:
    network = built(Decoder())
    prompt = text(1, 4).expand(4_000, 4)
    chances = network(prompt[:1])[0, -1].softmax(dim=-1)
    for k in (11, 3):
        generator = torch.Generator().manual_seed(0)
        drawn = generate(network, prompt, count=1, top_k=k, generator=generator)[:, -1]
        kept = chances.topk(k).indices
        expected = torch.zeros(11).index_put((kept,), chances[kept] / chances[kept].sum())
        share = drawn.bincount(minlength=11) / 4_000
        assert set(drawn.tolist()) <= set(kept.tolist())
        assert (share - expected).abs().max() < 0.04  # 5 standard deviations of a share of one half


def test_generation_leaves_the_network_in_its_mode() -> None:
    network = built(Decoder(dropout=0.5)).train()
    generate(network, text(1, 2), count=3)
    assert network.training


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count: got 0"),
        ({"count": 1, "temperature": -1.0}, "temperature: got -1.0"),
        ({"count": 1, "top_k": 0}, "top_k: got 0"),
    ],
)
def test_a_generation_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        generate(built(Decoder()), text(1, 4), **options)
    with pytest.raises(UserError, match="prompt: got 13; allowed: 1 to 12 tokens"):
        generate(built(Decoder()), text(1, 13), count=1)


@every_variant
def test_past_its_context_it_goes_on_from_the_last_half(model: Decoder) -> None:
    network = built(replace(model, dropout=0.0))
    tokens = generate(network, text(1, 4), count=20, temperature=0)
    assert tokens.shape == (1, 24)
    assert torch.equal(tokens[:, :13], generate(network, text(1, 4), count=9, temperature=0))
    for start in (7, 14):  # the context of 12 is full when the 13th is drawn, then every 7 tokens
        again = generate(network, tokens[:, start : start + 6], count=4, temperature=0)
        assert torch.equal(again, tokens[:, start : start + 10])


@every_variant
def test_two_models_as_one_equal_each_alone(model: Decoder) -> None:
    networks = [built(replace(model, dropout=0.0), seed) for seed in (0, 1)]
    parameters, buffers = stack_module_state(networks)
    skeleton, tokens = networks[0], text()

    def forward(weights: dict[str, Tensor], state: dict[str, Tensor]) -> Tensor:
        result: Tensor = functional_call(skeleton, (weights, state), (tokens,))
        return result

    with sdpa_kernel(SDPBackend.MATH):  # the other kernels have no rule for vmap
        together = torch.vmap(forward)(parameters, buffers)
    for index, network in enumerate(networks):
        torch.testing.assert_close(together[index], network(text()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("depth", 0),
        ("width", 0),
        ("heads", True),
        ("kv_heads", 3),
        ("norm", "batch"),
        ("positions", "sine"),
        ("feed_forward", "relu"),
        ("feed_forward_width", 0),
        ("dropout", 1.0),
        ("tied", 2),
        ("bias", "no"),
    ],
)
def test_a_bad_setting_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(UserError, match=rf"^{name}: got "):
        Decoder(**{name: value})


@pytest.mark.parametrize(
    "wrong", [{"vocabulary": None}, {"targets": "classes"}, {"inputs": (3, 4)}]
)
def test_data_of_another_kind_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"^(inputs|targets): got "):
        Decoder().build(replace(facts(), **wrong))
