"""Laws of the depths that hold for every network, tried on random ones."""

from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from harness.anatomy.depths import Depths, depths

WIDTH = 4
EXAMPLE = torch.zeros(2, WIDTH, device="meta")


class Residual(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.inner(x)
        return result


class Branches(nn.Module):
    def __init__(self, one: nn.Module, other: nn.Module) -> None:
        super().__init__()
        self.one, self.other = one, other

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = torch.maximum(self.one(x), self.other(x))
        return result


class Twice(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.inner(self.inner(x))
        return result


def parts(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Networks as nested tuples, so that hypothesis can show and shrink them."""
    return st.one_of(
        st.tuples(st.just("chain"), st.lists(inner, max_size=3)),
        st.tuples(st.sampled_from(["residual", "twice"]), inner),
        st.tuples(st.just("branches"), inner, inner),
    )


LEAVES = st.sampled_from(["linear", "relu", "norm", "identity"])
NETWORKS = st.recursive(LEAVES, parts, max_leaves=8)


def build(plan: Any) -> nn.Module:
    match plan:
        case "linear":
            return nn.Linear(WIDTH, WIDTH, device="meta")
        case "relu":
            return nn.ReLU()
        case "norm":
            return nn.LayerNorm(WIDTH, device="meta")
        case "identity":
            return nn.Identity()
        case ("chain", inner):
            return nn.Sequential(*map(build, inner))
        case ("residual", inner):
            return Residual(build(inner))
        case ("twice", inner):
            return Twice(build(inner))
        case (_, one, other):
            return Branches(build(one), build(other))
    raise AssertionError(plan)


def longest(plan: Any) -> int:
    """The longest path in Linears, by the plan and not by the trace."""
    match plan:
        case str():
            return int(plan == "linear")
        case ("chain", inner):
            return sum(map(longest, inner))
        case ("twice", inner):
            return 2 * longest(inner)
        case (_, *inner):
            return max(map(longest, inner))
    raise AssertionError(plan)


def counts(found: Depths) -> tuple[int, int, int]:
    assert found.weight_layers_longest is not None
    assert found.weight_layers_shortest is not None
    assert found.weight_layers_applied is not None
    return found.weight_layers_shortest, found.weight_layers_longest, found.weight_layers_applied


@settings(deadline=None, max_examples=40)
@given(NETWORKS)
def test_paths_lie_within_what_is_applied(plan: Any) -> None:
    found = depths(build(plan), EXAMPLE)
    fewest, most, applied = counts(found)
    assert 0 <= fewest <= most <= applied
    assert most == longest(plan)
    assert found.parametric_layers_longest is not None
    assert found.weight_layers_total is not None
    assert most <= found.parametric_layers_longest
    assert found.weight_layers_total <= applied


@settings(deadline=None, max_examples=25)
@given(NETWORKS)
def test_an_identity_shortcut_never_lengthens_a_path(plan: Any) -> None:
    plain, residual = depths(build(plan), EXAMPLE), depths(Residual(build(plan)), EXAMPLE)
    assert counts(residual)[0] == 0
    assert counts(residual)[1:] == counts(plain)[1:]


@settings(deadline=None, max_examples=25)
@given(NETWORKS)
def test_a_wrapper_changes_nothing(plan: Any) -> None:
    plain = depths(build(plan), EXAMPLE).as_dict()
    wrapped = depths(nn.Sequential(nn.Sequential(build(plan)), nn.Identity()), EXAMPLE).as_dict()
    assert wrapped == plain


@settings(deadline=None, max_examples=25)
@given(NETWORKS, NETWORKS)
def test_paths_of_networks_in_a_row_add_up(one: Any, other: Any) -> None:
    first, second = depths(build(one), EXAMPLE), depths(build(other), EXAMPLE)
    row = depths(nn.Sequential(build(one), build(other)), EXAMPLE)
    expected = tuple(a + b for a, b in zip(counts(first), counts(second), strict=True))
    assert counts(row) == expected


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 6))
def test_units_in_a_row_are_a_binomial(units: int, inner: int, steps: int) -> None:
    branch = ("chain", ["linear", "relu"] * inner)
    plan = ("chain", [("residual", branch)] * units)
    lengths = depths(build(plan), EXAMPLE.expand(steps, 2, WIDTH)).residual_path_lengths
    assert lengths is not None
    assert lengths.paths == ((1, 1), (1, 2, 1), (1, 3, 3, 1), (1, 4, 6, 4, 1))[units - 1]
