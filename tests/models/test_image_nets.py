"""LeNet5, ResNet, WideResNet and ViT: published counts, closed formulas, shortcuts, refusals."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from harness.models.cnn import ResidualBlock
from harness.models.lenet5 import LeNet5
from harness.models.resnet import PaddedShortcut, ResNet
from harness.models.vit import ViT
from harness.models.wide_resnet import WideBlock, WideResNet
from harness.recipe import Facts, Model
from harness.settings import UserError


def facts(*inputs: int, outputs: int = 10) -> Facts:
    return Facts(inputs=inputs, outputs=outputs, train=10, validation=10, test=10)


CIFAR = facts(3, 32, 32)


def size(model: Model, of: Facts) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in model.build(of).parameters())


@pytest.mark.parametrize(
    ("model", "count"),
    [
        *[
            (ResNet(depth=depth, shortcut=shortcut), count)
            for depth, count in (
                (20, 269_722),
                (32, 464_154),
                (44, 658_586),
                (56, 853_018),
                (110, 1_727_962),
            )
            for shortcut in ("A", "none")
        ],
        (ResNet(depth=20, shortcut="B"), 272_474),
        (ResNet(depth=56, shortcut="B"), 855_770),
        (ResNet(depth=110, shortcut="B"), 1_730_714),
        (WideResNet(depth=16, width=64), 2_748_890),
        (WideResNet(depth=40, width=64), 8_949_210),
        (WideResNet(depth=28, width=160), 36_479_194),
    ],
    ids=str,
)
def test_the_counts_on_cifar_are_those_of_the_literature(model: Model, count: int) -> None:
    assert size(model, CIFAR) == count


def test_lenet_has_the_counts_of_the_literature() -> None:
    assert size(LeNet5(), facts(1, 28, 28)) == size(LeNet5(), facts(1, 32, 32)) == 61_706
    assert size(LeNet5(), CIFAR) == 62_006


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 12), st.integers(1, 4), st.integers(1, 9), st.integers(12, 40))
def test_lenets_count_is_its_formula(w: int, i: int, o: int, side: int) -> None:
    u, padded = -(-8 * w // 3), side + 4 if side < 32 else side
    p = (((padded - 4) // 2 - 4) // 2) ** 2
    expected = 25 * i * w + w + 25 * w * u + u
    expected += 20 * w * (p * u + 1) + 14 * w * (20 * w + 1) + o * (14 * w + 1)
    assert size(LeNet5(width=w), facts(i, side, side, outputs=o)) == expected


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 4), st.integers(1, 20), st.integers(1, 4), st.integers(1, 12))
def test_resnets_counts_are_their_formulas(n: int, w: int, i: int, o: int) -> None:
    of = facts(i, 8, 8, outputs=o)
    plain = 9 * i * w + (378 * n - 90) * w**2 + (28 * n + 2) * w + 4 * w * o + o
    model = ResNet(depth=6 * n + 2, width=w)
    assert size(model, of) == size(replace(model, shortcut="none"), of) == plain
    assert size(replace(model, shortcut="B"), of) == plain + 10 * w**2 + 12 * w
    wide = 144 * i + 144 * w + (378 * n - 89) * w**2 + 28 * n * w + 32 + 4 * w * o + o
    expected = wide if w == 16 else wide + 16 * w
    assert size(WideResNet(depth=6 * n + 4, width=w), of) == expected


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 3),
    st.integers(1, 20),
    st.integers(1, 4),
    st.sampled_from([1, 2, 4]),
    st.integers(1, 3),
    st.integers(1, 9),
)
def test_vits_count_is_its_formula(depth: int, d: int, heads: int, p: int, c: int, o: int) -> None:
    patches, hs = (8 // p) * (12 // p), heads * -(-d // heads)
    block = 3 * hs * (d + 1) + hs * d + 8 * d**2 + 10 * d
    expected = c * p**2 * d + d + d + (patches + 1) * d + 2 * d + d * o + o + depth * block
    model = ViT(depth=depth, width=d, heads=heads, patch=p)
    assert size(model, facts(c, 8, 12, outputs=o)) == expected


def test_vit_has_the_count_of_the_literature() -> None:
    model = ViT(depth=12, width=768, heads=12, patch=16)
    assert size(model, facts(3, 224, 224, outputs=1_000)) == 86_567_656


def test_a_vit_sees_where_a_patch_is_and_every_patch() -> None:
    torch.manual_seed(0)
    network = ViT(patch=4).build(facts(1, 8, 8)).eval()
    images = torch.randn(1, 1, 8, 8)
    moved = torch.cat([images[..., 4:], images[..., :4]], dim=-1)
    assert not torch.allclose(network(images), network(moved), atol=1e-6)
    for row, column in ((0, 0), (0, 7), (7, 0), (7, 7)):
        other = images.clone()
        other[..., row, column] += 1
        assert not torch.allclose(network(images), network(other), atol=1e-6)


def test_a_patch_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError, match=r"^patch: got 5; allowed: a divisor of both sides 28"):
        ViT(patch=5).build(facts(1, 28, 28))


@pytest.mark.parametrize("model", [ResNet(width=4), WideResNet(depth=10, width=8)], ids=str)
def test_each_stage_doubles_the_channels_and_the_later_ones_halve_the_image(model: Any) -> None:
    network = model.build(facts(1, 12, 12))
    hidden, shapes = network.get_submodule("stem")(torch.zeros(2, 1, 12, 12)), []
    for stage in (1, 2, 3):
        hidden = network.get_submodule(f"stage_{stage}")(hidden)
        shapes.append(tuple(hidden.shape[1:]))
    w = model.width
    assert shapes == [(w, 12, 12), (2 * w, 6, 6), (4 * w, 3, 3)]


def test_option_a_keeps_every_second_pixel_and_adds_empty_channels() -> None:
    images = torch.randn(2, 3, 5, 4)
    result = PaddedShortcut(2)(images)
    assert torch.equal(result[:, :3], images[:, :, ::2, ::2])
    assert result.shape == (2, 5, 3, 2)
    assert not result[:, 3:].any()


def test_a_residual_block_is_the_identity_where_its_body_is_zero_and_a_plain_one_is_not() -> None:
    images = torch.rand(2, 4, 8, 8)
    for shortcut, kept in (("A", True), ("none", False)):
        model = ResNet(depth=14, width=4, shortcut=shortcut)  # type: ignore[arg-type]
        block = model.build(facts(4, 8, 8)).get_submodule("stage_1.1").eval()
        for module in block.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.zeros_(module.weight)
        assert torch.equal(block(images), images) is kept
        assert isinstance(block, ResidualBlock) is kept


def test_a_wide_block_adds_its_input_before_any_activation() -> None:
    block = WideBlock(4, 4, 1, 0.0).eval()
    nn.init.zeros_(block.body[-1].weight)  # type: ignore[arg-type]
    images = torch.randn(2, 4, 8, 8)
    assert torch.equal(block(images), images)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        *[(ResNet, "depth", value) for value in (2, 18, 21, True)],
        *[(WideResNet, "depth", value) for value in (4, 20, 0)],
        (ResNet, "shortcut", "C"),
        (ResNet, "width", 0),
        (ResNet, "init", "default"),
        (WideResNet, "width", 1.5),
        (WideResNet, "dropout", 1.0),
        (LeNet5, "width", 0),
        (LeNet5, "pooling", "stride"),
        (LeNet5, "activation", "swish"),
        (LeNet5, "dropout", -0.1),
        (ViT, "patch", 0),
        (ViT, "heads", 0),
        (ViT, "dropout", 1.0),
    ],
)
def test_a_bad_setting_is_refused_by_name(kind: type[Model], name: str, value: Any) -> None:
    with pytest.raises(UserError, match=rf"^{name}: got "):
        kind(**{name: value})


@pytest.mark.parametrize("model", [LeNet5(), ResNet(), WideResNet()], ids=str)
def test_what_is_no_image_or_too_small_is_refused(model: Model) -> None:
    with pytest.raises(UserError, match=r"^inputs: got \(64,\)"):
        model.build(facts(64))
    with pytest.raises(UserError, match=r"^image size: got \(3, 9\)"):
        model.build(facts(1, 3, 9))
