"""Detect and Segment: a perfect map has loss near 0 and average precision 1; COCO's by hand."""

import pytest
import torch
from torch import Tensor

from harness.data.canvases import ItemMasks
from harness.tasks.average_precision import MeanAveragePrecision, detections
from harness.tasks.detect import Detect
from harness.tasks.segment import Segment

BOXES = torch.tensor([[[1, 8, 8, 36, 36], [3, 40, 40, 54, 54], [0, 0, 0, 0, 0]]])
CLASSES = 3


def logits_of(boxes: Tensor) -> Tensor:
    """Return the map (1, 7, 14, 14) that says exactly these boxes."""
    output = torch.zeros(len(boxes), CLASSES + 4, 14, 14)
    output[:, :CLASSES] = -20
    for image, row in enumerate(boxes.tolist()):
        for name, left, top, right, bottom in row:
            if name:
                x, y = (left + right) / 8, (top + bottom) / 8
                size = torch.tensor([(right - left) / 4, (bottom - top) / 4])
                output[image, name - 1, int(y), int(x)] = 20
                output[image, CLASSES : CLASSES + 2, int(y), int(x)] = size
                output[image, CLASSES + 2 :, int(y), int(x)] = torch.tensor([x % 1, y % 1])
    return output


def test_an_exact_map_is_decoded_costs_nothing_and_is_precise() -> None:
    output, task = logits_of(BOXES), Detect()
    found = detections(output)[0, :2, :5]
    torch.testing.assert_close(found[found[:, 0].argsort()], BOXES[0, :2].float())
    assert task.loss(output, [BOXES, BOXES], training=True).item() == pytest.approx(0, abs=1e-4)
    for overlap in (0.5, 0.95):
        metric = MeanAveragePrecision((overlap,))
        metric.update(output, BOXES)
        assert float(metric.compute()) == pytest.approx(1)


def test_the_loss_is_that_of_the_paper_for_one_object() -> None:
    boxes = torch.tensor([[[2, 8, 8, 36, 36]]])
    output = torch.zeros(1, CLASSES + 4, 14, 14)
    chance = torch.tensor(0.5)
    cells = torch.arange(14.0)
    deviation = 0.54 / 6 * 7
    bump = (-0.5 * ((cells - 5) / deviation) ** 2).exp()
    bumps = torch.zeros(CLASSES, 14, 14)
    bumps[1] = bump[:, None] * bump
    elsewhere = (1 - bumps) ** 4 * chance**2 * (1 - chance).log()
    elsewhere[1, 5, 5] = (1 - chance) ** 2 * chance.log()
    expected = -elsewhere.sum() + 0.1 * (7 + 7) + 0.5 + 0.5
    torch.testing.assert_close(Detect().loss(output, [boxes, boxes], training=True), expected)


def test_average_precision_is_cocos_by_hand() -> None:
    """Two true boxes; the surest finds one, the next nothing, the third finds it again."""
    true = torch.tensor([[[1, 0, 0, 20, 20], [1, 32, 32, 52, 52]]])
    output = logits_of(true[:, :1])
    output[0, :CLASSES] = -20
    output[0, 0, 2, 2] = 3
    output[0, 0, 6, 2], output[0, CLASSES : CLASSES + 2, 6, 2] = 2, 5
    output[0, 0, 10, 10], output[0, CLASSES : CLASSES + 2, 10, 10] = 1, 5
    output[0, CLASSES + 2 :, 10, 10] = 0.5
    metric = MeanAveragePrecision((0.5,))
    metric.update(output, true)
    # Precision 1 up to a recall of ½ (51 of 101 points), then 2/3.
    assert float(metric.compute()) == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_two_detections_of_one_object_are_one_too_many() -> None:
    true = torch.tensor([[[1, 0, 0, 20, 20], [1, 32, 32, 52, 52]]])
    output = logits_of(true)
    output[0, 0, 2, 2], output[0, 0, 10, 10] = 4, 3
    output[0, 0, 2, 5], output[0, CLASSES : CLASSES + 2, 2, 5] = 5, 5  # as the first, but surer
    output[0, CLASSES + 2 :, 2, 5] = torch.tensor([-2.5, 0.5])
    metric = MeanAveragePrecision((0.5,))
    metric.update(output, true)
    assert float(metric.compute()) == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_the_intersection_over_union_is_the_mean_over_classes() -> None:
    targets = torch.zeros(1, 2, 2, dtype=torch.uint8)
    targets[0, 0] = 1
    guessed = torch.tensor([[[1, 0], [0, 0]]])
    facts = ItemMasks().facts()
    logits = torch.nn.functional.one_hot(guessed, facts.outputs).permute(0, 3, 1, 2).float()
    metric = Segment().metrics(facts)["mean_iou"]
    metric.update(logits, targets)
    assert float(metric.compute()) == pytest.approx((2 / 3 + 1 / 2) / 2)
