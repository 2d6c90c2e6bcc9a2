"""Footprint: what was added at the peak is measured, what was there before is not."""

import pytest
import torch

from harness import footprint
from harness.footprint import NAME, Footprint

MANY = 64_000_000
pytestmark = pytest.mark.skipif(
    torch.cuda.is_available() or not footprint.RESET.exists(), reason="needs Linux without a GPU"
)


def test_a_peak_that_is_over_is_measured_and_not_counted_again() -> None:
    before, first = torch.ones(MANY // 4), Footprint()
    added = torch.ones(MANY // 4)
    del added
    assert MANY * 0.9 < first.costs()[NAME] < MANY * 1.5
    assert Footprint().costs()[NAME] < MANY * 0.5
    assert before.sum() == MANY // 4


def test_where_nothing_can_be_measured_nothing_is_said(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footprint, "RESET", tmp_path_factory.mktemp("none") / "no" / "file")
    assert Footprint().costs() == {}
