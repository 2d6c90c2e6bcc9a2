"""Encoder and AttentiveBiRNN: exact counts, padding that changes nothing, refusals."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from harness.models.attention import size_of_head
from harness.models.attentive_birnn import AttentiveBiRNN
from harness.models.encoder import Encoder
from harness.models.feed_forward import feed_forward_width
from harness.recipe import Facts, Model
from harness.settings import UserError

LENGTHS = (9, 1, 5)
VARIANTS: tuple[Model, ...] = (
    Encoder(),
    Encoder(depth=1, width=10, placement="post", feed_forward="swiglu", norm="rms"),
    AttentiveBiRNN(),
    AttentiveBiRNN(depth=2, width=6, embedding=4, cell="lstm"),
    AttentiveBiRNN(cell="rnn"),
)
every_variant = pytest.mark.parametrize("model", VARIANTS, ids=str)


def facts(length: int = 9, vocabulary: int = 11, outputs: int = 3, ragged: bool = True) -> Facts:
    text = Facts(inputs=(length,), outputs=outputs, train=10, validation=10, test=10)
    return replace(text, vocabulary=vocabulary, ragged=ragged)


def built(model: Model, of: Facts | None = None) -> nn.Module:
    torch.manual_seed(0)
    return model.build(of or facts()).double().eval()


def texts() -> Tensor:
    words = torch.randint(1, 11, (3, 9), generator=torch.Generator().manual_seed(1))
    return words * (torch.arange(9) < torch.tensor(LENGTHS)[:, None])


def size(model: Model, of: Facts) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in model.build(of).parameters())


@settings(deadline=None, max_examples=40)
@given(
    st.builds(
        Encoder,
        depth=st.integers(1, 3),
        width=st.integers(1, 20),
        heads=st.integers(1, 4),
        norm=st.sampled_from(["layer", "rms"]),
        placement=st.sampled_from(["pre", "post"]),
        feed_forward=st.sampled_from(["gelu", "relu", "swiglu"]),
        feed_forward_width=st.sampled_from([None, 7]),
    ),
    st.integers(1, 20),
    st.integers(1, 50),
    st.integers(1, 4),
)
def test_the_encoders_count_is_its_formula(model: Encoder, t: int, v: int, o: int) -> None:
    d, hs = model.width, model.heads * size_of_head(model.width, model.heads)
    f = model.feed_forward_width or feed_forward_width(model.feed_forward, d)
    n = 2 * d if model.norm == "layer" else d
    inner = 3 * d * f + 2 * f + d if model.feed_forward == "swiglu" else 2 * d * f + f + d
    block = 3 * hs * (d + 1) + hs * d + d + inner
    expected = (v + t) * d + (2 * model.depth + 1) * n + d * o + o + model.depth * block
    assert size(model, facts(t, v, o)) == expected


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 10),
    st.integers(1, 3),
    st.sampled_from([("rnn", 1), ("gru", 3), ("lstm", 4)]),
    st.sampled_from([None, 5]),
    st.integers(1, 30),
    st.integers(1, 4),
)
def test_the_birnns_count_is_its_formula(
    w: int, depth: int, cell: Any, embedding: int | None, v: int, o: int
) -> None:
    name, g = cell
    e = embedding or w
    expected = v * e + 2 * g * w * ((e + w + 2) + (depth - 1) * (3 * w + 2))
    expected += 2 * w**2 + 2 * w + 2 * w * o + o
    model = AttentiveBiRNN(depth=depth, width=w, embedding=embedding, cell=name)
    assert size(model, facts(5, v, o)) == expected


def test_the_encoder_has_berts_count() -> None:
    # Without pooler 108,891,648, of which two token types have 2·768; the head here has 768 + 1.
    bert = Encoder(depth=12, width=768, heads=12, placement="post")
    assert size(bert, facts(512, 30_522, 1)) == 108_891_648 - 2 * 768 + 768 + 1


@every_variant
def test_a_padded_text_gives_what_it_gives_alone(model: Model) -> None:
    network = built(model)
    found = network(texts())
    for index, length in enumerate(LENGTHS):
        alone = network(texts()[index : index + 1, :length])
        torch.testing.assert_close(found[index : index + 1], alone, rtol=0, atol=1e-12)


@every_variant
def test_without_padding_token_zero_is_a_word_like_any_other(model: Model) -> None:
    network = built(model, facts(ragged=False))
    other = texts().clone()
    other[:, -1] = 5
    assert not torch.allclose(network(texts())[1:], network(other)[1:])


@every_variant
def test_the_order_of_words_matters(model: Model) -> None:
    network = built(model)
    words = texts()[:1]
    assert not torch.allclose(network(words), network(words.flip(1)), atol=1e-9)


@every_variant
def test_training_and_evaluation_differ_by_dropout_alone(model: Model) -> None:
    network = built(model)
    assert torch.equal(network.train()(texts()), network.eval()(texts()))
    network = built(replace(model, dropout=0.5))  # type: ignore[type-var]
    assert not torch.equal(network.train()(texts()), network.eval()(texts()))


def test_the_padding_row_of_the_birnn_stays_zero() -> None:
    network = AttentiveBiRNN().build(facts())
    network(texts()).sum().backward()
    gradient = network.tokens.weight.grad
    assert gradient is not None
    assert not network.tokens.weight[0].any()
    assert not gradient[0].any()


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (Encoder, "depth", 0),
        (Encoder, "heads", 0),
        (Encoder, "norm", "batch"),
        (Encoder, "placement", "middle"),
        (Encoder, "feed_forward", "tanh"),
        (Encoder, "feed_forward_width", 0),
        (Encoder, "dropout", 1.0),
        (AttentiveBiRNN, "depth", True),
        (AttentiveBiRNN, "width", 0),
        (AttentiveBiRNN, "embedding", 0),
        (AttentiveBiRNN, "cell", "qrnn"),
        (AttentiveBiRNN, "dropout", -0.1),
    ],
)
def test_a_bad_setting_is_refused_by_name(kind: type[Model], name: str, value: Any) -> None:
    with pytest.raises(UserError, match=rf"^{name}: got "):
        kind(**{name: value})


@pytest.mark.parametrize("kind", [Encoder, AttentiveBiRNN])
def test_data_of_another_kind_are_refused(kind: type[Model]) -> None:
    with pytest.raises(UserError, match=r"^inputs: got "):
        kind().build(replace(facts(), vocabulary=None))
    with pytest.raises(UserError, match=r"^targets: got 'tokens'; allowed: classes or values"):
        kind().build(replace(facts(), targets="tokens"))
