"""UNet and CentrePoint: exact counts, and what they refuse."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.canvases import ItemBoxes, ItemMasks
from harness.models.centre_point import CentrePoint
from harness.models.cnn import CNN
from harness.models.unet import UNet
from harness.recipe import Model
from harness.settings import UserError


def size(model: Model, inputs: tuple[int, ...], outputs: int) -> int:
    data = ItemMasks() if isinstance(model, UNet) else ItemBoxes()
    with torch.device("meta"):
        network = model.build(replace(data.facts(), inputs=inputs, outputs=outputs))
    return sum(parameter.numel() for parameter in network.parameters())


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 3), st.integers(1, 12))
def test_the_counts_are_their_formulas(depth: int, w: int, c: int, o: int) -> None:
    scales = 89 * w**2 * (4**depth - 1) // 3 + 13 * w * (2**depth - 1)
    unet = 9 * w * (c + w) + 4 * w + scales + (w + 1) * o
    assert size(UNet(depth=depth, width=w), (c, 16, 32), o) == unet
    points = 9 * c * w + (279 + 288 * depth) * w**2 + (36 + 16 * depth) * w + (4 * w + 1) * o + 4
    assert size(CentrePoint(depth=depth, width=w), (c, 16, 32), o) == points


def test_a_pixel_of_the_unet_sees_far_through_the_smallest_scale() -> None:
    torch.manual_seed(0)
    network = UNet(width=4).build(ItemMasks().facts()).eval()
    images = torch.randn(1, 1, 56, 56)
    other = images.clone()
    other[..., 28, 28] += 1
    moved = (network(images) - network(other)).abs().amax(dim=(0, 1)) > 0
    assert moved[28, 12]
    assert moved[28, 28]


@pytest.mark.parametrize("model", [UNet(), CentrePoint()])
def test_other_images_and_targets_are_refused(model: Model) -> None:
    data = ItemMasks() if isinstance(model, UNet) else ItemBoxes()
    facts = data.facts()
    with pytest.raises(UserError, match=r"^image size: got \(30, 30\)"):
        model.build(replace(facts, inputs=(1, 30, 30)))
    with pytest.raises(UserError, match=r"^model: got .*which answers"):
        model.require(replace(facts, targets="classes"), "images")
    with pytest.raises(UserError, match=r"^model: got 'CNN, which answers classes or values'"):
        CNN().require(facts, "canvases")
