"""Plots of one run are small SVG files with their text as text, the same bytes every time."""

import math
from xml.etree import ElementTree

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plots.confusion import confusion
from harness.plots.learning_curves import learning_curve
from harness.plots.style import COLORS
from harness.plots.svg import ticks
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


SHAPES = "{http://www.w3.org/2000/svg}"


def shapes(drawn: bytes, kind: str, **look: str) -> list[ElementTree.Element]:
    """Return the shapes of a kind that have these attributes ("-" is written "_")."""
    wanted = {name.replace("_", "-"): value for name, value in look.items()}
    found = ElementTree.fromstring(drawn).iter(SHAPES + kind)
    return [one for one in found if wanted.items() <= one.attrib.items()]


def lines(drawn: bytes, color: str) -> list[int]:
    """Return how many points each line of a colour has, the one of the legend apart."""
    return [len(one.attrib["points"].split()) for one in shapes(drawn, "polyline", stroke=color)][
        1:
    ]


@pytest.mark.parametrize("gap", [{}, {"train/loss": math.nan}, {"train/loss": -math.inf}])
def test_a_line_has_a_gap_where_it_has_no_value(gap: dict[str, float]) -> None:
    history = [{"train/loss": 1.0}, {"train/loss": 0.5}, gap, {"train/loss": 0.3}, gap]
    drawn = learning_curve(history)
    assert lines(drawn, COLORS[0]) == [2]
    assert len(shapes(drawn, "circle")) == 1


def test_splits_differ_in_colour_and_dashes() -> None:
    drawn = learning_curve([{f"{split}/loss": 1.0 for split in ("train", "val", "test")}] * 2)
    found = shapes(drawn, "polyline", stroke_width="1.8")
    looks = {(one.attrib["stroke"], one.attrib.get("stroke-dasharray")) for one in found}
    assert len(looks) == 3
    assert {"train", "val", "test"} <= set(words(drawn))


def test_epochs_are_whole_numbers() -> None:
    found = words(learning_curve([{"train/loss": 7.0}] * 3))
    assert [word for word in found if word in ("0", "0.5", "1", "1.5", "2")] == ["0", "1", "2"]


@given(
    finite=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=5),
    metric=st.text(max_size=8),
)
def test_any_numbers_and_names_are_drawn_inside(finite: list[float], metric: str) -> None:
    drawn = learning_curve([{"epoch": n, f"val/{metric}": x} for n, x in enumerate(finite)])
    for one in shapes(drawn, "polyline"):
        for point in one.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 360
            assert 0 <= y <= 290
    assert len(words(drawn)) < 40


@pytest.mark.parametrize("low", [-3e9, -0.1, 0, 1e-9, 1234.5, 1e6])
@pytest.mark.parametrize("span", [1e-6, 0.013, 1, 7, 990, 4e12])
def test_ticks_are_few_and_told_apart(low: float, span: float) -> None:
    found = ticks(low, low + span)
    assert 3 <= len(found) <= 9
    assert len(set(found.values())) == len(found)
    assert all(abs(float(label) - number) <= 1e-4 * span for number, label in found.items())


def test_pictures_have_a_white_ground_and_scale() -> None:
    for drawn in (learning_curve(HISTORY), confusion(numpy.eye(3), "abc")):
        root = ElementTree.fromstring(drawn)
        size = {name: root.attrib[name] for name in ("width", "height")}
        assert root.attrib["viewBox"] == f"0 0 {size['width']} {size['height']}"
        assert root[0].attrib == {**size, "fill": "white"}


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


def test_the_shade_is_the_share_of_the_true_class() -> None:
    drawn = confusion(numpy.array([[3, 1, 0], [0, 8, 0], [0, 5, 5]]), "abc")
    paths = {one.attrib["fill-opacity"]: one.attrib["d"] for one in shapes(drawn, "path")}
    assert paths == {
        "0.25": "M1 0h1v1h-1z",
        "0.5": "M1 2h2v1h-2z",
        "0.75": "M0 0h1v1h-1z",
        "1": "M1 1h1v1h-1z",
    }


def test_a_class_that_never_occurs_has_no_shade() -> None:
    assert shapes(confusion(numpy.zeros((4, 4)), range(4)), "path") == []


def test_up_to_twelve_classes_have_all_counts_and_labels() -> None:
    found = words(confusion(numpy.arange(144).reshape(12, 12) + 100, [f"c{n}" for n in range(12)]))
    assert {str(count) for count in range(100, 244)} <= set(found)
    assert sum(word.startswith("c") for word in found) == 24


@pytest.mark.parametrize("classes", [13, 20, 21, 100, 1000])
def test_many_classes_have_at_most_twenty_labels(classes: int) -> None:
    found = words(confusion(numpy.eye(classes), range(classes)))
    assert len(found) - 2 <= 20


def test_labels_of_any_kind_are_valid_xml() -> None:
    found = words(confusion(numpy.eye(3), ["\x00&", "\ud800\"'", "]]>" + "x" * 99]))
    assert {"\ufffd&", "\ufffd\"'", "]]>" + "x" * 16 + "…"} <= set(found)


def test_labels_must_fit_the_matrix() -> None:
    with pytest.raises(UserError, match="confusion matrix"):
        confusion(numpy.eye(3), ["a", "b"])
    with pytest.raises(UserError, match="confusion matrix"):
        confusion(numpy.zeros((0, 0)), [])
