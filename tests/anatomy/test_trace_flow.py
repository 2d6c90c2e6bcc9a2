"""Traces: where each number came from, through views, writes in place and masks."""

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.anatomy.traced import Written, made, one, ops, traced


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
