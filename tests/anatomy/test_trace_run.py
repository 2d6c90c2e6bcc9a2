"""Traces: how a network is run: on meta or with its values, without a mark left on it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from harness.anatomy.known import residual, sequence
from harness.anatomy.parameters import count
from harness.anatomy.recorder import NotTraceable
from harness.anatomy.trace import trace
from harness.settings import UserError
from tests.anatomy.traced import Written, ops, traced


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
