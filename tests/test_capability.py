"""Capability: what works with what is tried out, and a refusal names what does work."""

# mypy: disable-error-code="type-abstract"

from pathlib import Path

import pytest

import harness.data
import harness.models
from harness.capability import probe, refusal, strategies, working
from harness.checks import check
from harness.discovery import discover
from harness.models.mlp import MLP
from harness.recipe import Data, Facts, Model
from harness.settings import UserError
from harness.strategies.lp_ft import LPFT
from harness.strategies.norm_tuning import NormTuning
from harness.study import load
from tests import families

DOCUMENT = Path(__file__).parents[1] / "docs" / "strategies.md"
SMALL = ("CNN", "GRU", "MLP")
"""Models whose column is probed in `make test` as well."""
FACTS = Facts(inputs=(4,), outputs=3, train=1, validation=1, test=1)


def test_a_probe_counts_what_the_largest_phase_trains() -> None:
    assert probe(MLP(depth=1, width=5), FACTS, LPFT()) == 4 * 5 + 5 + 5 * 3 + 3
    with pytest.raises(UserError, match="NormTuning"):
        probe(MLP(depth=1), FACTS, NormTuning())


def test_every_strategy_works_with_a_model_that_has_everything() -> None:
    pytest.importorskip("peft", reason="needs pip install .[peft]")
    of_encoders = {"Prefix", "Prompt"}
    names = [n for each in strategies() if (n := type(each).__name__) not in of_encoders]
    assert working(MLP(depth=3, width=5, norm="layer"), FACTS) == names
    assert set(names) - set(working(MLP(depth=3, width=5), FACTS)) == {"NormTuning"}


def rows() -> list[list[str]]:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    return [[c.strip() for c in line.split("|")[1:-1]] for line in lines if line[:1] == "|"]


def reasons() -> dict[str, str]:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    numbered = [line.partition(". ") for line in lines if line[:1].isdigit()]
    return {f"[{number}]": reason for number, _, reason in numbered}


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(n, id=name, marks=() if name.split()[0] in SMALL else pytest.mark.slow)
        for n, name in enumerate(rows()[0])
        if name
    ],
)
def test_the_page_tells_what_a_probe_finds(column: int) -> None:
    """A model or a dataset that is not on the page yet is no mistake; `make docs` adds it."""
    pytest.importorskip("peft", reason="needs pip install .[peft]")
    head, _, *body = rows()
    model_name, data_name = head[column].split(" on ")
    models = {kind.__name__: kind for kind in discover(Model, harness.models)}
    data = {kind.__name__: kind for kind in discover(Data, harness.data)}
    model, facts = models[model_name](), data[data_name]().facts()
    every = {type(strategy).__name__: strategy for strategy in strategies()}
    assert len(body) > 15
    for name, *cells in body:
        said = reasons().get(cells[column - 1], cells[column - 1])
        refused = refusal(model, facts, every[name])
        assert said == (refused or f"{probe(model, facts, every[name]):,}"), f"{name}: make docs"


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
