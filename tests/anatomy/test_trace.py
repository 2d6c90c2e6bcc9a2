"""Traces: what ran and where it came from, in whatever style the forward is written."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.anatomy.graph import Node, Trace
from harness.anatomy.known import residual, sequence
from harness.anatomy.parameters import count
from harness.anatomy.recorder import NotTraceable
from harness.anatomy.trace import trace
from harness.settings import UserError


class Written(nn.Module):
    """A forward given as a function, with one Linear called `layer` and a Parameter `scale`."""

    def __init__(self, forward: Callable[..., Any]) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.scale = nn.Parameter(torch.ones(4))
        self.function = forward

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(self, *args, **kwargs)


def traced(forward: Callable[..., Any], example: object = None) -> Trace:
    return trace(Written(forward), torch.zeros(2, 4) if example is None else example)


def ops(graph: Trace, *, data: bool = True) -> list[str]:
    return [node.op for node in graph.nodes if node.data or not data][1:]


def made(graph: Trace, output: int = 0) -> set[str]:
    """The operators that the output is computed from, through all sources."""
    waiting, seen = list(graph.outputs[output].sources), set()
    while waiting:
        place = waiting.pop()
        seen.add(place)
        waiting += [s for each in graph.nodes[place].operands for s in each.sources]
    return {graph.nodes[place].op for place in seen}


def one(graph: Trace, op: str) -> Node:
    (node,) = [node for node in graph.nodes if node.op == op]
    return node


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


def half_written(net: Written, x: Tensor) -> tuple[Tensor, Tensor]:
    out = torch.zeros(2, 2, 4)
    out[:, 0] = net.layer(x)
    out[:, 1] = x @ torch.diag(net.scale)
    return out[:, 0], out[:, 1]


def test_writes_in_place_reach_those_who_read_that_part() -> None:
    graph = traced(half_written)
    assert "linear" in made(graph, 0) - made(graph, 1)
    assert "matmul" in made(graph, 1) - made(graph, 0)


def test_a_view_sees_what_is_written_to_its_base_later() -> None:
    def forward(net: Written, x: Tensor) -> Tensor:
        base = torch.zeros(2, 4)
        view = base[:, :2]
        base.copy_(net.layer(x))
        return view

    assert "linear" in made(traced(forward))


def test_what_is_written_over_is_gone() -> None:
    def forward(net: Written, x: Tensor) -> Tensor:
        out: Tensor = net.layer(x)
        return out.copy_(x)

    assert "linear" not in made(traced(forward))


def test_the_data_of_a_tensor_is_the_tensor() -> None:
    graph = traced(lambda net, x: F.linear(net.layer(x).data, net.layer.weight.data))
    assert ops(graph).count("linear") == 2
    assert graph.nodes[-1].parameters == ("layer.weight",)


def test_shapes_and_masks_carry_no_data() -> None:
    graph = traced(lambda net, x: net.layer(torch.zeros_like(x)).masked_fill(x > 0, 1.0))
    node = one(graph, "masked_fill")
    assert not one(graph, "linear").data
    assert [each.role for each in node.flow] == ["mask"]  # there is no other way from the input
    graph = traced(lambda net, x: net.layer(x).masked_fill(x > 0, 1.0))
    assert [each.role for each in one(graph, "masked_fill").flow] == ["self"]


def test_a_lookup_in_a_learned_table_is_data() -> None:
    example = torch.zeros(2, dtype=torch.long)
    graph = traced(lambda net, x: net.layer.weight[x], example)
    assert [each.role for each in one(graph, "index").flow] == ["indices"]


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


def test_what_never_runs_is_not_in_the_trace() -> None:
    graph = traced(lambda _net, x: x * 2)
    assert [call.path for call in graph.calls] == [""]
    assert [node.op for node in graph.nodes] == ["input", "mul"]


def test_a_forward_that_looks_at_values_runs_itself() -> None:
    def forward(net: Written, x: Tensor) -> Tensor:
        return net.layer(x) if x.sum().item() > 1 else x

    graph = traced(forward, torch.ones(2, 4))
    assert "linear" in ops(graph)
    assert "the graph is the one that this example takes" in graph.notes[0]
    with pytest.raises(NotTraceable, match=r"meta.*give a small real example"):
        trace(Written(forward).to("meta"), torch.ones(2, 4, device="meta"))


@pytest.mark.parametrize(
    "leave", [lambda x: torch.from_numpy(x.numpy()), lambda x: torch.tensor(x.tolist())]
)
def test_data_that_leaves_torch_and_returns_is_refused(leave: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(NotTraceable, match="keep the data in tensors"):
        traced(lambda net, x: net.layer(leave(x)))


def test_a_wrong_example_is_one_line_that_says_what_to_do() -> None:
    with pytest.raises(UserError, match=r"cannot be multiplied .*give an example of the shape"):
        trace(nn.Linear(4, 3), torch.zeros(2, 5))
    with pytest.raises(UserError, match="a tuple or a mapping"):
        trace(nn.Linear(4, 3), "images")


def test_nothing_is_left_behind() -> None:
    def forward(net: Written, x: Tensor) -> Tensor:
        net.get_buffer("steps").add_(1)
        net.cache = x.add_(torch.randn(4))
        return net.layer(x) if bool(x.sum() > -100) else x

    network, example = Written(forward), torch.zeros(2, 4)
    network.register_buffer("steps", torch.zeros(()))
    network.layer.eval()
    generator = torch.get_rng_state()
    trace(network, example)
    assert network.training
    assert not network.layer.training
    assert torch.equal(generator, torch.get_rng_state())
    assert torch.equal(example, torch.zeros(2, 4))
    assert network.get_buffer("steps").item() == 0
    assert not torch.is_inference_mode_enabled()


def test_a_real_network_is_traced_without_its_values() -> None:
    shown = {}

    def forward(net: Written, x: Tensor) -> Tensor:
        shown["meta"] = net.layer.weight.is_meta
        return x

    traced(forward)
    assert shown == {"meta": True}


def test_tied_parameters_have_one_name() -> None:
    with torch.device("meta"):
        network = sequence.GPT(blocks=1, width=8, heads=2, vocabulary=11, context=5)
    graph = trace(network, torch.zeros(2, 5, dtype=torch.long, device="meta"))
    assert graph.nodes[-1].parameters == ("tokens.weight",)


def test_every_source_comes_before_its_reader() -> None:
    network = residual.CifarResNet(20, "B").to("meta")
    graph = trace(network, torch.zeros(2, 3, 32, 32, device="meta"))
    for place, node in enumerate(graph.nodes):
        assert all(source < place for each in node.operands for source in each.sources)


def test_a_model_of_175_billion_parameters() -> None:
    with torch.device("meta"):
        network = sequence.GPT(blocks=96, width=12288, heads=96, context=2048)
        graph = trace(network, torch.zeros(1, 2048, dtype=torch.long))
    assert sum(node.op == "linear" for node in graph.nodes) == 96 * 4 + 1
    assert count(network).total == 174_604_259_328
