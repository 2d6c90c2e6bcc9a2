"""The page on depth is what the code says."""

from pathlib import Path

import torch

from harness.anatomy.depth import DEFINITIONS
from harness.anatomy.depths import depths
from harness.anatomy.known.video import Video
from harness.anatomy.page import page

PAGE = Path(__file__).parents[2] / "docs" / "depth.md"


def test_the_committed_page_is_what_the_command_makes() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "say make docs"


def test_all_definitions_differ_on_the_example() -> None:
    found = depths(Video(), torch.zeros(1, 6, 3, 16, 16)).as_dict()
    numbers = [value for value in found.values() if isinstance(value, int | float)]
    assert len(numbers) == len(set(numbers)) == len(DEFINITIONS) - 1
    assert found["residual_path_lengths"] == [n / 64 for n in (1, 6, 15, 20, 15, 6, 1)]
