"""MLP: exact counts, what the connections do at the start, refusals of bad settings."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from harness.models.connection import ReZero
from harness.models.mlp import MLP
from harness.recipe import Facts
from harness.settings import UserError


def facts(*inputs: int, outputs: int) -> Facts:
    return Facts(inputs=inputs, outputs=outputs, train=10, validation=10, test=10)


def size(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("model", "inputs", "outputs", "expected"),
    [
        (MLP(depth=2, width=64), 2, 3, 4_547),
        (MLP(depth=1, width=3), 2, 1, 13),
        (MLP(depth=0), 10, 5, 55),
    ],
)
def test_counts_of_the_literature(model: MLP, inputs: int, outputs: int, expected: int) -> None:
    assert size(model.build(facts(inputs, outputs=outputs))) == expected


def formula(model: MLP, inputs: int, outputs: int) -> int:
    d, w = model.depth, model.width
    if d == 0:
        return inputs * outputs + outputs
    bias = 0 if model.norm == "batch" else w
    norm = 0 if model.norm == "none" else 2 * w
    alphas = d - 1 if model.connection == "rezero" else 0
    hidden = (inputs * w + bias) + (d - 1) * (w * w + bias) + d * norm
    return hidden + w * outputs + outputs + alphas


@settings(deadline=None, max_examples=60)
@given(
    st.builds(
        MLP,
        depth=st.integers(0, 6),
        width=st.integers(1, 40),
        norm=st.sampled_from(["none", "batch", "layer"]),
        connection=st.sampled_from(["plain", "residual", "rezero"]),
        init=st.sampled_from(["torch", "he", "xavier", "gaussian", "zero"]),
        dropout=st.sampled_from([0.0, 0.5]),
    ),
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
    st.integers(1, 12),
)
def test_count_is_the_documented_formula(model: MLP, inputs: list[int], outputs: int) -> None:
    built = model.build(facts(*inputs, outputs=outputs))
    assert size(built) == formula(model, math.prod(inputs), outputs)


def test_rezero_starts_as_the_network_without_its_later_hidden_layers() -> None:
    network = MLP(depth=5, width=16, connection="rezero").build(facts(4, outputs=3))
    first, head = network.get_submodule("hidden_1"), network.get_submodule("head")
    batch = torch.randn(8, 4)
    assert torch.equal(network(batch), head(first(batch)))


def test_rezero_starts_with_gradients_for_alpha_and_none_inside_the_branches() -> None:
    torch.manual_seed(0)
    network = MLP(depth=3, width=16, connection="rezero").build(facts(4, outputs=3))
    network(torch.randn(8, 4)).square().mean().backward()
    blocks = [module for module in network.modules() if isinstance(module, ReZero)]
    assert len(blocks) == 2
    for block in blocks:
        assert block.alpha.grad is not None
        assert block.alpha.grad.any()
        inside = [parameter.grad for parameter in block.body.parameters()]
        assert all(gradient is not None and not gradient.any() for gradient in inside)


@pytest.mark.parametrize("connection", ["plain", "residual"])
def test_connection_joins_the_branch_as_documented(connection: Any) -> None:
    model = MLP(depth=4, width=16, connection=connection, init="he")
    network = model.build(facts(4, outputs=3))
    batch = torch.randn(8, 4)
    hidden = network.get_submodule("hidden_1")(batch)
    for index in (2, 3, 4):
        layer = network.get_submodule(f"hidden_{index}")
        if connection == "residual":
            hidden = hidden + layer.get_submodule("body")(hidden) / 4
        else:
            hidden = layer(hidden)
    torch.testing.assert_close(network(batch), network.get_submodule("head")(hidden))


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("depth", -1, "whole number from 0"),
        ("width", 0, "whole number from 1"),
        ("width", 2.5, "whole number"),
        ("activation", "softplus", "'relu'"),
        ("norm", "group", "'layer'"),
        ("dropout", 1.0, "a number in"),
        ("connection", "dense", "'rezero'"),
        ("init", "orthogonal", "'he'"),
    ],
)
def test_a_bad_setting_is_refused_by_name(name: str, value: Any, hint: str) -> None:
    with pytest.raises(UserError, match=rf"^{name}: got .*{hint}"):
        MLP(**{name: value})
