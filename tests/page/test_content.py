"""Content: how wide a picture must be at least, so that a phone scrolls instead of squeezing it."""

import json

import pandas
import plotly.graph_objects as go
import pytest

from harness.page.content import Drawing, drawing
from harness.plots import style


@pytest.mark.parametrize(("panels", "columns"), [(1, 1), (2, 2), (4, 2), (5, 3)])
def test_a_picture_needs_the_width_of_its_panels(panels: int, columns: int) -> None:
    assert drawn(go.Figure(), panels).width == columns * style.PANEL_WIDTH


def test_a_picture_that_asks_for_more_gets_it_and_still_fills_a_wide_page() -> None:
    made = drawn(go.Figure(layout={"width": 1234}), 1)
    assert made.width == 1234
    assert "width" not in json.loads(made.figure)["layout"]


def drawn(figure: go.Figure, panels: int) -> Drawing:
    data = pandas.DataFrame({"panel": [f"panel {number}" for number in range(panels)]})
    return drawing("title", "caption", data, figure)
