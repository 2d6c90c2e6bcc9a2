"""Transformer: exact counts, torch's own results, masks, and writing step by step and by beams."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from harness.facts import END, PADDING
from harness.models.attention import Memory, size_of_head
from harness.models.feed_forward import feed_forward_width
from harness.models.positions import Sinusoids
from harness.models.transformer import Transformer, TransformerNetwork
from harness.models.translate import translate
from harness.recipe import Facts
from harness.settings import UserError

SOURCE, TARGET, V, U = 6, 5, 9, 7
VARIANTS = (
    Transformer(),
    Transformer(positions="learned", placement="post", feed_forward="gelu", tied=False),
    Transformer(depth=1, decoder_depth=3, width=30, heads=3, feed_forward="swiglu", norm="rms"),
)
every_variant = pytest.mark.parametrize("model", VARIANTS, ids=str)


def facts(source: int = SOURCE, target: int = TARGET, v: int = V, u: int = U) -> Facts:
    return Facts(
        inputs=(source + target,),
        outputs=u,
        targets="translation",
        vocabulary=v,
        ragged=True,
        source=source,
        train=9,
        validation=9,
        test=9,
    )


def built(model: Transformer, seed: int = 0, dtype: torch.dtype = torch.float64) -> Any:
    torch.manual_seed(seed)
    return model.build(facts()).to(dtype).eval()


def texts() -> Tensor:
    return torch.tensor([[3, 4, 5, 6, 7, 8], [2, 3, 0, 0, 0, 0], [5, 1, 4, 0, 0, 0]])


def pairs(count: int = TARGET) -> Tensor:
    beginning = torch.tensor([[1, 2, 3, 4, 5], [1, 6, 5, 2, 2], [1, 4, 4, 3, 6]])
    return torch.cat([texts(), beginning[:, :count]], dim=1)


@settings(deadline=None, max_examples=10)
@given(
    st.builds(
        Transformer,
        depth=st.integers(1, 3),
        decoder_depth=st.sampled_from([None, 1, 4]),
        width=st.integers(1, 30),
        heads=st.sampled_from([1, 3, 4]),
        positions=st.sampled_from(["sinusoidal", "learned"]),
        norm=st.sampled_from(["layer", "rms"]),
        placement=st.sampled_from(["pre", "post"]),
        feed_forward=st.sampled_from(["gelu", "relu", "swiglu"]),
        feed_forward_width=st.sampled_from([None, 7]),
        tied=st.booleans(),
    ),
    st.integers(1, 9),
    st.integers(2, 30),
)
def test_the_count_is_its_formula(model: Transformer, places: int, u: int) -> None:
    with torch.device("meta"):
        network = model.build(facts(places, TARGET, V, u))
    d, h, length = model.width, model.heads, places + TARGET
    s = size_of_head(d, h)
    f = model.feed_forward_width or feed_forward_width(model.feed_forward, d)
    n = 2 * d if model.norm == "layer" else d
    a = 3 * h * s * (d + 1) + h * s * d + d
    g = 3 * d * f + 2 * f + d if model.feed_forward == "swiglu" else 2 * d * f + f + d
    tables = (V + u) * d + (0 if model.tied else u * d)
    tables += length * d if model.positions == "learned" else 0
    reads, writes = model.depth, model.decoder_depth or model.depth
    expected = tables + reads * (a + g + 2 * n) + writes * (2 * a + g + 3 * n) + 2 * n
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_torchs_default_transformer_has_as_many() -> None:
    base = Transformer(depth=6, width=512, heads=8, feed_forward_width=2048, placement="post")
    with torch.device("meta"):
        network = base.build(facts())
    bodies = [network.encoder, network.encoder_norm, network.decoder, network.decoder_norm]
    assert sum(p.numel() for body in bodies for p in body.parameters()) == 44_140_544


def copy(ours: Any, theirs: Any) -> None:
    """Let torch's layer have the tensors of a block."""
    pairs = {
        "self_attn.in_proj": ours.attention.qkv,
        "self_attn.out_proj.": ours.attention.out,
        "linear1.": ours.feed_forward.up,
        "linear2.": ours.feed_forward.down,
        "norm1.": ours.attention_norm,
        "norm3." if ours.cross else "norm2.": ours.feed_forward_norm,
    }
    if ours.cross:
        pairs |= {"multihead_attn.out_proj.": ours.cross.out, "norm2.": ours.cross_norm}
    state = {}
    for name, layer in pairs.items():
        for kind in ("weight", "bias"):
            joint = name if name.endswith(".") else f"{name}_"
            state[f"{joint}{kind}"] = layer.get_parameter(kind)
    if ours.cross:
        for kind in ("weight", "bias"):
            joined = [ours.cross.query.get_parameter(kind), ours.cross.kv.get_parameter(kind)]
            state[f"multihead_attn.in_proj_{kind}"] = torch.cat(joined)
    theirs.load_state_dict(state)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
@pytest.mark.parametrize("placement", ["pre", "post"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_it_is_torchs_transformer(placement: Any, activation: Any) -> None:
    model = Transformer(
        depth=2, decoder_depth=3, width=32, placement=placement, feed_forward=activation
    )
    network = built(model)
    theirs = nn.Transformer(
        32, 4, 2, 3, 128, 0.0, activation, batch_first=True, norm_first=placement == "pre"
    )
    theirs = theirs.double().eval()
    for ours, layer in zip(network.encoder, theirs.encoder.layers, strict=True):
        copy(ours, layer)
    for ours, layer in zip(network.decoder, theirs.decoder.layers, strict=True):
        copy(ours, layer)
    with torch.no_grad():  # so that the last norms do something of their own
        for norm, last in (
            (network.encoder_norm, theirs.encoder),
            (network.decoder_norm, theirs.decoder),
        ):
            norm.weight.normal_()
            norm.bias.normal_()
            last.norm.load_state_dict(norm.state_dict())
    beginning = pairs()[:, SOURCE:]
    padding = texts() == PADDING
    hidden = theirs(
        network.source_places(network.source_tokens(texts())),
        network.target_places(network.target_tokens(beginning)),
        tgt_mask=torch.ones(TARGET, TARGET, dtype=torch.bool).triu(1),
        src_key_padding_mask=padding,
        memory_key_padding_mask=padding,
    )
    torch.testing.assert_close(network(pairs()), network.head(hidden), rtol=0, atol=1e-12)


@every_variant
def test_padding_of_a_text_changes_nothing(model: Transformer) -> None:
    network = built(model)
    for row, length in enumerate((6, 2, 3)):
        alone = network.read(texts()[row : row + 1, :length])
        beginning = pairs()[row : row + 1, SOURCE:]
        found = network(pairs()[row : row + 1])
        torch.testing.assert_close(network.write(beginning, alone), found, rtol=0, atol=1e-12)


@every_variant
def test_no_place_sees_what_follows_but_all_see_the_text(model: Transformer) -> None:
    network, before = built(model), pairs()
    after = before.clone()
    after[:, SOURCE + 3 :] = 2 + (after[:, SOURCE + 3 :] - 1) % 5
    changed = (network(before) - network(after)).abs().amax(dim=(0, 2))
    assert (changed[:3] < 1e-12).all()
    assert (changed[3:] > 1e-6).all()
    after = before.clone()
    after[:, 0] += torch.tensor([1, 1, -1])
    changed = (network(before) - network(after)).abs().amax(dim=(0, 2))
    assert (changed > 1e-6).all()


@every_variant
@pytest.mark.parametrize("steps", [[1] * 5, [2, 3], [5]])
def test_writing_by_steps_equals_writing_at_once(model: Transformer, steps: list[int]) -> None:
    network = built(model)
    reading, memories = network.read(texts()), [Memory() for _ in network.decoder]
    pieces = [
        network.write(piece, reading, memories)
        for piece in torch.split(pairs()[:, SOURCE:], steps, dim=1)
    ]
    torch.testing.assert_close(torch.cat(pieces, dim=1), network(pairs()), rtol=0, atol=1e-12)


def test_tied_is_one_tensor_and_untied_two() -> None:
    tied, untied = built(Transformer()), built(Transformer(tied=False))
    assert tied.head.weight is tied.target_tokens.weight
    assert untied.head.weight is not untied.target_tokens.weight


def test_sinusoids_are_those_of_the_paper() -> None:
    places = Sinusoids(50, 8)(torch.zeros(1, 50, 8))[0]
    for place, index in ((0, 0), (3, 1), (49, 3)):
        angle = torch.tensor(place / 10_000 ** (2 * index / 8))
        torch.testing.assert_close(places[place, 2 * index], angle.sin(), rtol=0, atol=1e-6)
        torch.testing.assert_close(places[place, 2 * index + 1], angle.cos(), rtol=0, atol=1e-6)
    assert torch.equal(Sinusoids(50, 9)(torch.ones(1, 2, 9), 7)[0], 3 + Sinusoids(50, 9).table[7:9])


@torch.no_grad()
def chances(network: TransformerNetwork, text: Tensor, written: Tensor) -> Tensor:
    """Return the log-probability of each translation (n, time) of a text, up to its END."""
    late = torch.cat([torch.full((len(written), 1), END), written[:, :-1]], dim=1)
    logits = network.write(late, network.read(text[None]).repeated(len(written)))
    each = logits.log_softmax(dim=-1).gather(2, written[..., None])[..., 0]
    after = (written == END).cumsum(dim=1) - (written == END).long()
    return (each * (after == 0)).sum(dim=1)


def test_greedy_writing_takes_the_likeliest_token_each_time() -> None:
    network = built(Transformer(tied=False))
    found = translate(network, texts(), length=TARGET)
    for row in range(3):
        late = [END]
        for token in found[row].tolist():
            logits = network.write(torch.tensor([late]), network.read(texts()[row : row + 1]))
            logits[..., PADDING] = -torch.inf
            assert token == int(logits[0, -1].argmax())
            late.append(token)
            if token == END:
                break
        assert not found[row, len(late) - 1 :].any(), "padding follows the end"


def test_enough_beams_find_the_likeliest_of_all_translations() -> None:
    network, length = built(Transformer(tied=False), seed=3), 3
    ended = [
        [*each, *[PADDING] * (length - len(each))]
        for size in range(length)
        for each in ([*tokens, END] for tokens in product(range(2, U), repeat=size))
    ]
    valid = torch.tensor([*ended, *product(range(2, U), repeat=length)])
    every, few, greedy = (
        translate(network, texts(), length=length, beams=beams) for beams in (U**length, 3, 1)
    )
    for row, text in enumerate(texts()):
        scores = chances(network, text, valid)
        assert torch.equal(every[row], valid[scores.argmax()])
        found = chances(network, text, torch.stack([greedy[row], few[row]]))
        assert found[0] <= found[1] + 1e-12


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("depth", 0),
        ("decoder_depth", 0),
        ("heads", True),
        ("positions", "rope"),
        ("norm", "batch"),
        ("placement", "mid"),
        ("feed_forward", "tanh"),
        ("dropout", 1.0),
        ("tied", 2),
    ],
)
def test_a_bad_setting_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(UserError, match=rf"^{name}: got "):
        Transformer(**{name: value})


def test_data_of_another_kind_are_refused() -> None:
    with pytest.raises(UserError, match=r"^targets: got 'tokens'"):
        Transformer().build(replace(facts(), targets="tokens"))
