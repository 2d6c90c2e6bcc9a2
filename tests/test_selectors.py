"""Selectors: short texts find parameters, and a wrong one is told what there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from harness.models.mlp import MLP
from harness.outline import Outline, outline
from harness.recipe import Facts
from harness.selectors import require_some, select
from harness.settings import UserError

FACTS = Facts(inputs=(4,), outputs=3, train=1, validation=1, test=1)
DEPTH = 4


def deep() -> Outline:
    return outline(MLP(depth=DEPTH, width=5, norm="layer").build(FACTS))


def names(selector: str, of: Outline | None = None) -> list[str]:
    return [entry.name for entry in select(of or deep(), selector)]


def test_places_kinds_and_biases() -> None:
    assert names("head") == ["head.weight", "head.bias"]
    assert names("blocks[0]") == [f"hidden_1.{n}" for n in (
        "linear.weight", "linear.bias", "norm.weight", "norm.bias")]  # fmt: skip
    assert names("kind:norm") == [
        f"hidden_{i}.norm.{n}" for i in range(1, 5) for n in ("weight", "bias")
    ]
    assert len(names("bias")) == 2 * DEPTH + 1
    assert len(names("all")) == 4 * DEPTH + 2
    assert names("blocks") + names("head") == names("all")


@given(st.none() | st.integers(-6, 6), st.none() | st.integers(-6, 6))
def test_slices_are_pythons(low: int | None, high: int | None) -> None:
    text = f"blocks[{'' if low is None else low}:{'' if high is None else high}]"
    expected = range(DEPTH)[low:high]
    assert {entry.block for entry in select(deep(), text)} == set(expected)


@given(st.integers(-6, 6))
def test_an_index_is_pythons_or_finds_nothing(index: int) -> None:
    found = {entry.block for entry in select(deep(), f"blocks[{index}]")}
    assert found == ({range(DEPTH)[index]} if -DEPTH <= index < DEPTH else set())


def test_a_name_matches_whole_segments() -> None:
    layers = nn.ModuleDict({f"layer_{i}": nn.Linear(1, 1) for i in (1, 10)})
    network = nn.ModuleDict({"encoder": layers, "query": nn.Linear(1, 1)})
    of = outline(network)
    assert names("name:encoder.layer_1", of) == ["encoder.layer_1.weight", "encoder.layer_1.bias"]
    assert names("name:encoder.layer_*.bias", of) == [
        "encoder.layer_1.bias",
        "encoder.layer_10.bias",
    ]
    assert names("name:*.bias", of) == names("bias", of)
    assert names("name:layer_1", of) == []
    assert names("name:encoder.*", of) == names("name:encoder", of)


@pytest.mark.parametrize("wrong", ["heads", "blocks[]", "blocks[a]", "kind:magic", "name:", ""])
def test_no_selector_is_refused_with_all_that_are(wrong: str) -> None:
    with pytest.raises(UserError, match=r"head.*blocks\[i\].*kind:norm"):
        select(deep(), wrong)


@pytest.mark.parametrize("empty", ["blocks[9]", "kind:conv", "name:encoder", "adapter", "stem"])
def test_an_empty_selection_is_refused_with_what_exists(empty: str) -> None:
    with pytest.raises(UserError, match=r"blocks\[0:4\] \(hidden_1, .*kind:linear, kind:norm"):
        require_some(deep(), empty)
