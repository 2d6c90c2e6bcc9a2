"""Capability: what works with what is tried out, and a refusal names what does work."""

from pathlib import Path

import pytest

from harness.capability import probe, strategies, working
from harness.checks import check
from harness.models.mlp import MLP
from harness.recipe import Facts
from harness.settings import UserError
from harness.strategies.lp_ft import LPFT
from harness.strategies.norm_tuning import NormTuning
from harness.study import load
from tests import families

FACTS = Facts(inputs=(4,), outputs=3, train=1, validation=1, test=1)


def test_a_probe_counts_what_the_largest_phase_trains() -> None:
    assert probe(MLP(depth=1, width=5), FACTS, LPFT()) == 4 * 5 + 5 + 5 * 3 + 3
    with pytest.raises(UserError, match="NormTuning"):
        probe(MLP(depth=1), FACTS, NormTuning())


def test_every_strategy_works_with_a_model_that_has_everything() -> None:
    pytest.importorskip("peft", reason="needs pip install .[peft]")
    names = [type(strategy).__name__ for strategy in strategies()]
    assert working(MLP(depth=3, width=5, norm="layer"), FACTS) == names
    assert set(names) - set(working(MLP(depth=3, width=5), FACTS)) == {"NormTuning"}


def test_a_study_of_an_unsuitable_pair_is_refused_with_the_strategies_that_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    families.here(tmp_path, monkeypatch)
    families.write(tmp_path, "unsuitable", strategy=("norm_tuning", "NormTuning"))
    path = tmp_path / "studies" / "unsuitable.py"
    path.write_text(path.read_text().replace(', norm="batch"', ""))
    works = (
        r"MLP works with .*BitFit, .*LinearProbe.*: strategy NormTuning: selector: got 'kind:norm'"
    )
    with pytest.raises(UserError, match=works):
        check(load("unsuitable"))
