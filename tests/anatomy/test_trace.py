"""Traces: what ran, in whatever style the forward is written."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.anatomy.trace import trace
from tests.anatomy.traced import Written, one, ops, traced


def test_operators_are_seen_as_they_were_called() -> None:
    graph = traced(lambda net, x: F.relu(net.layer(x)) * net.scale)
    assert ops(graph) == ["linear", "relu", "mul"]
    linear = one(graph, "linear")
    assert [each.argument for each in linear.operands] == ["input", "weight", "bias"]
    assert [each.data for each in linear.operands] == [True, False, False]
    assert linear.parameters == ("layer.weight", "layer.bias")
    assert one(graph, "mul").parameters == ("scale",)
    assert linear.outputs[0].shape == (2, 4)
    assert [call.path for call in graph.stack(linear)] == ["layer", ""]
    assert [call.type for call in graph.stack(one(graph, "mul"))] == ["Written"]


@pytest.mark.parametrize(
    ("example", "forward"),
    [
        (torch.zeros(2, 4), lambda net, x: net.layer(x)),
        ((torch.zeros(2, 4), torch.zeros(2, 4)), lambda net, x, y: net.layer(x) + y),
        ({"y": torch.zeros(2, 4), "x": torch.ones(2, 4)}, lambda net, x, y: net.layer(x) + y),
        (({"x": [torch.zeros(2, 4)]},), lambda net, inner: net.layer(inner["x"][0])),
    ],
    ids=["tensor", "tuple", "dict", "nested"],
)
def test_examples_of_every_form(example: Any, forward: Callable[..., Any]) -> None:
    graph = traced(forward, example)
    assert all(graph.nodes[place].op == "input" for place in graph.inputs)
    assert graph.outputs[0].data


@dataclasses.dataclass
class Outputs:
    logits: Tensor
    states: tuple[Tensor, ...]


def test_outputs_of_every_form() -> None:
    graph = traced(lambda net, x: {"a": x, "b": [Outputs(net.layer(x), (x + 1, x + 2))]})
    assert [each.argument for each in graph.outputs] == ["a", "b.0.logits", *STATES]


STATES = ("b.0.states.0", "b.0.states.1")


@pytest.mark.parametrize(
    "wrap",
    [nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm],
)
def test_parameters_are_seen_through_parametrizations(
    wrap: Callable[[nn.Module], nn.Module],
) -> None:
    graph = trace(wrap(nn.Linear(4, 3)), torch.zeros(2, 4))
    names = one(graph, "linear").parameters
    assert any(name.startswith("parametrizations.weight") for name in names)


def test_recurrent_layers_are_one_operator_and_cells_are_calls() -> None:
    graph = trace(nn.LSTM(3, 5, 2, bidirectional=True), torch.zeros(7, 2, 3))
    node = one(graph, "lstm")
    assert node.attributes["num_layers"] == 2
    assert node.attributes["bidirectional"]
    cell = nn.GRUCell(4, 4)

    def forward(_net: Written, x: Tensor) -> Tensor:
        state = torch.zeros(2, 4)
        for _ in range(3):
            state = cell(x, state)
        return state

    graph = traced(forward)
    assert [(call.path, call.number) for call in graph.calls[1:]] == [
        ("(GRUCell)", number) for number in range(3)
    ]
    assert graph.notes == ("a parameter is not registered: no optimizer would find it",)


def test_attention_is_seen_on_its_plain_path() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    graph = trace(layer, torch.zeros(2, 3, 8))
    assert ops(graph).count("linear") == 4
    assert one(graph, "scaled_dot_product_attention").attributes["is_causal"] is False
    assert torch.backends.mha.get_fastpath_enabled()


def test_einsum_is_the_products_it_stands_for() -> None:
    graph = traced(lambda net, x: torch.einsum("bd,od->bo", x, net.layer.weight))
    assert one(graph, "bmm").parameters == ("layer.weight",)
    graph = traced(lambda net, x: torch.einsum("bd,d->bd", x, net.scale))
    assert "bmm" not in ops(graph)
