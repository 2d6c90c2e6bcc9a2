"""CNN and TwoLayerCNN: exact counts, shapes inside, refusals of bad settings and images."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from harness.models.cnn import CNN, ResidualBlock
from harness.models.two_layer_cnn import TwoLayerCNN
from harness.recipe import Facts, Model
from harness.settings import UserError


def facts(*inputs: int, outputs: int = 10) -> Facts:
    return Facts(inputs=inputs, outputs=outputs, train=10, validation=10, test=10)


def size(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_two_layer_cnn_has_the_counts_of_the_literature() -> None:
    network = TwoLayerCNN().build(facts(1, 28, 28))
    parts = {name: size(part) for name, part in network.named_children() if size(part)}
    assert parts == {"convolution": 320, "hidden": 692_352, "head": 1_290}
    assert size(network) == 693_962


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 8), st.integers(1, 12), st.integers(1, 4), st.integers(4, 12), st.integers(4, 12)
)
def test_two_layer_cnn_count_is_its_formula(w: int, h: int, c: int, rows: int, cols: int) -> None:
    network = TwoLayerCNN(width=w, hidden=h).build(facts(c, rows, cols, outputs=3))
    features = w * ((rows - 2) // 2) * ((cols - 2) // 2)
    assert size(network) == 9 * c * w + w + features * h + h + 3 * h + 3
    assert network(torch.zeros(2, c, rows, cols)).shape == (2, 3)


def convolution(before: int, after: int, side: int, norm: str) -> int:
    return before * after * side**2 + (after if norm == "none" else 2 * after)


def formula(model: CNN, channels: int, outputs: int) -> int:
    total, before = 0, channels
    for stage in range(model.stages):
        after = model.width * 2**stage
        for block in range(model.blocks):
            total += convolution(before, after, 3, model.norm)
            if model.connection == "residual":
                total += convolution(after, after, 3, model.norm)
                halves = model.pooling == "stride" and stage > 0 and block == 0
                if before != after or halves:
                    total += convolution(before, after, 1, model.norm)
            before = after
    return total + before * outputs + outputs


@settings(deadline=None, max_examples=60)
@given(
    st.builds(
        CNN,
        stages=st.integers(1, 4),
        blocks=st.integers(1, 3),
        width=st.integers(1, 6),
        pooling=st.sampled_from(["max", "average", "stride"]),
        connection=st.sampled_from(["plain", "residual"]),
        norm=st.sampled_from(["none", "batch", "group"]),
        dropout=st.sampled_from([0.0, 0.5]),
    ),
    st.integers(1, 3),
    st.integers(1, 5),
    st.integers(8, 11),
)
def test_cnn_count_is_its_formula(model: CNN, channels: int, outputs: int, side: int) -> None:
    network = model.build(facts(channels, side, 8, outputs=outputs)).eval()
    assert size(network) == formula(model, channels, outputs)
    assert network(torch.zeros(2, channels, side, 8)).shape == (2, outputs)


@pytest.mark.parametrize("pooling", ["max", "average", "stride"])
def test_each_stage_halves_the_image_and_doubles_the_channels(pooling: Any) -> None:
    network = CNN(stages=3, width=4, pooling=pooling).build(facts(1, 8, 8))
    hidden, shapes = torch.zeros(2, 1, 8, 8), []
    for stage in (1, 2, 3):
        hidden = network.get_submodule(f"stage_{stage}")(hidden)
        shapes.append(tuple(hidden.shape[1:]))
    assert shapes == [(4, 8, 8), (8, 4, 4), (16, 2, 2)]


def test_residual_block_adds_its_input_and_projects_only_where_the_shape_changes() -> None:
    network = CNN(stages=2, blocks=2, width=4, connection="residual").build(facts(4, 8, 8))
    blocks = [module for module in network.modules() if isinstance(module, ResidualBlock)]
    plain = [isinstance(block.shortcut, nn.Identity) for block in blocks]
    assert plain == [True, True, False, True]
    images = torch.randn(2, 4, 8, 8)
    torch.testing.assert_close(blocks[0](images), torch.relu(images + blocks[0].body(images)))


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (CNN, "stages", 0),
        (CNN, "blocks", 0),
        (CNN, "width", True),
        (CNN, "pooling", "median"),
        (CNN, "connection", "rezero"),
        (CNN, "norm", "layer"),
        (CNN, "dropout", -0.1),
        (CNN, "activation", "swish"),
        (CNN, "init", "default"),
        (TwoLayerCNN, "width", 0),
        (TwoLayerCNN, "hidden", 1.5),
        (TwoLayerCNN, "dropout", 2.0),
    ],
)
def test_a_bad_setting_is_refused_by_name(kind: type[Model], name: str, value: Any) -> None:
    with pytest.raises(UserError, match=rf"^{name}: got "):
        kind(**{name: value})


@pytest.mark.parametrize(
    ("model", "inputs", "message"),
    [
        (CNN(stages=5), (1, 8, 8), r"image size: got \(8, 8\); .* 16 pixels; use fewer stages"),
        (CNN(), (64,), r"inputs: got \(64,\); .*use image data or an MLP"),
        (TwoLayerCNN(), (1, 8, 3), r"image size: got \(8, 3\); .* 4 pixels; use an MLP"),
    ],
)
def test_an_image_too_small_is_refused(model: Model, inputs: tuple[int, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        model.build(facts(*inputs))
