"""Canvases: the boxes and masks are exactly those of the pixels, and no piece touches another."""

import pytest
import torch

from harness.data.canvases import ItemBoxes, ItemMasks
from harness.data.content import Content
from harness.settings import UserError


@pytest.fixture(scope="module")
def contents() -> tuple[Content, Content]:
    try:
        return ItemMasks().load(), ItemBoxes().load()
    except UserError as error:
        pytest.skip(str(error))


def test_every_pixel_that_is_not_black_is_in_its_box(contents: tuple[Content, Content]) -> None:
    masks, boxes = (content.test for content in contents)
    assert torch.equal(masks.inputs, boxes.inputs)
    assert torch.equal(masks.inputs[:, 0] > 0, masks.targets > 0)
    for mask, rows in zip(masks.targets[:200], boxes.targets[:200], strict=True):
        covered = torch.zeros_like(mask)
        for name, left, top, right, bottom in rows[rows[:, 0] > 0].tolist():
            inner = mask[top:bottom, left:right]
            assert not covered[top:bottom, left:right].any(), "boxes that overlap"
            covered[top:bottom, left:right] = 1
            assert set(inner.flatten().tolist()) <= {0, name}
            for edge in (inner[0], inner[-1], inner[:, 0], inner[:, -1]):
                assert edge.any(), "a box that is too large"
        assert not (mask * (1 - covered)).any()


def test_scenes_have_one_to_three_pieces_of_every_class(contents: tuple[Content, Content]) -> None:
    names = contents[1].test.targets[..., 0]
    counts = (names > 0).sum(dim=1).bincount(minlength=4)
    assert counts[0] == 0
    assert (counts[1:] > 100).all()
    assert set(names.flatten().tolist()) == set(range(11))
