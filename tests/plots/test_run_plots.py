"""Plots of one run are small SVG files with their text as text, the same bytes every time."""

import math
from xml.etree import ElementTree

import numpy
import pytest

from harness.plots.confusion import confusion
from harness.plots.learning_curves import learning_curve
from harness.settings import UserError

HISTORY = [
    {
        "epoch": epoch,
        "train/loss": 1 / (epoch + 1),
        "val/loss": 2 / (epoch + 1),
        "val/accuracy": 1 - 1 / (epoch + 2),
        "lr": 0.1,
    }
    for epoch in range(12)
]


def words(drawn: bytes) -> list[str]:
    root = ElementTree.fromstring(drawn)
    return [(one.text or "").strip() for one in root.iter("{http://www.w3.org/2000/svg}text")]


def test_loss_and_metric_have_a_panel_each() -> None:
    found = words(learning_curve(HISTORY))
    assert {"loss", "accuracy", "epoch", "train", "val"} <= set(found)
    assert "lr" not in found


@pytest.mark.parametrize(
    "history",
    [
        [],
        [{"epoch": 0}],
        HISTORY[:1],
        [{"val/loss": 0.5}, {"train/loss": 0.1}],
        [*HISTORY, {"epoch": 12, "train/loss": math.nan}],
        [{"epoch": 0, "train/loss": math.inf}, {"epoch": 1, "train/loss": math.inf}],
        [{"epoch": 0, "val/$x_": 1.0}],
    ],
)
def test_any_history_can_be_drawn(history: list[dict[str, float]]) -> None:
    assert ElementTree.fromstring(learning_curve(history)).tag.endswith("svg")


def test_same_numbers_same_bytes() -> None:
    assert learning_curve(HISTORY) == learning_curve(HISTORY)
    assert confusion(numpy.eye(3), "abc") == confusion(numpy.eye(3), "abc")


def test_counts_and_labels_are_written() -> None:
    found = words(confusion(numpy.array([[17, 3], [0, 21]]), ["cat", "<dog> $5"]))
    assert {"17", "3", "21", "cat", "<dog> $5", "predicted", "true"} <= set(found)
    assert "0" not in found


def test_many_classes_are_drawn_without_counts() -> None:
    found = words(confusion(numpy.ones((100, 100)), [f"class {n}" for n in range(100)]))
    assert len(found) < 30
    assert "class 0" in found


def test_labels_must_fit_the_matrix() -> None:
    with pytest.raises(UserError, match="confusion matrix"):
        confusion(numpy.eye(3), ["a", "b"])
    with pytest.raises(UserError, match="confusion matrix"):
        confusion(numpy.zeros((0, 0)), [])
