"""Recurrent graphs: Zhang's three measures, by hand, of stacks, and of loops over time."""

from fractions import Fraction

import pytest
import torch
from torch import nn

from harness.anatomy.depths import depths
from harness.anatomy.recurrent import Edge, RecurrentGraph
from harness.settings import UserError
from tests.anatomy.networks import loops

Measures = tuple[Fraction | None, Fraction | None, Fraction | None]
HALF = Fraction(1, 2)


def edge(source: str, target: str, delay: int = 0) -> Edge:
    return Edge(source=source, target=target, delay=delay)


def measures(graph: RecurrentGraph) -> Measures:
    return graph.recurrent_depth, graph.feedforward_depth, graph.skip_coefficient


def exact(*numbers: int | Fraction) -> Measures:
    first, second, third = (Fraction(number) for number in numbers)
    return first, second, third


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_stacked_layers(layers: int) -> None:
    assert measures(RecurrentGraph.stack(layers)) == exact(1, layers + 1, 1)


def test_feedback_makes_a_step_deeper() -> None:
    stack = RecurrentGraph.stack(2).edges
    assert measures(RecurrentGraph(edges=(*stack, edge("h2", "h1", 1)))) == exact(2, 3, 1)


def test_a_skip_reaches_further_in_one_transition() -> None:
    stack = RecurrentGraph.stack(1).edges
    assert measures(RecurrentGraph(edges=(*stack, edge("h1", "h1", 5)))) == exact(1, 2, 5)


def test_a_deep_transition() -> None:
    edges = edge("input", "h"), edge("h", "z", 1), edge("z", "h"), edge("h", "output")
    assert measures(RecurrentGraph(edges=edges)) == exact(2, 2, HALF)


def test_without_a_cycle_there_is_no_recurrent_depth() -> None:
    edges = edge("input", "h"), edge("h", "output")
    assert measures(RecurrentGraph(edges=edges)) == exact(0, 2, 0)


def test_a_cycle_that_takes_no_time_is_refused() -> None:
    with pytest.raises(UserError, match=r"cycle: got 'delay 0'.*give an edge of every cycle"):
        RecurrentGraph(edges=(edge("h", "z"), edge("z", "h")))


def test_many_states_that_all_read_each_other() -> None:
    names = [f"h{number}" for number in range(12)]
    edges = [edge(a, b, 1) for a in names for b in names]
    edges += [edge("input", "h0"), edge("h0", "output")]
    assert measures(RecurrentGraph(edges=tuple(edges))) == exact(1, 2, 1)


LOOPS: list[tuple[type[loops.Loop], tuple[int | Fraction, ...]]] = [
    (loops.Loop, (1, 2, 1)),
    (loops.NoFirstState, (1, 2, 1)),
    (loops.Skip, (1, 2, 5)),
    (loops.DeepTransition, (2, 2, HALF)),
    (loops.LayerByLayer, (1, 3, 1)),
]


@pytest.mark.parametrize(("kind", "expected"), LOOPS)
def test_a_loop_over_time_is_folded(
    kind: type[loops.Loop], expected: tuple[int | Fraction, ...]
) -> None:
    found = depths(kind(), torch.zeros(2, 7, 4))
    in_time = found.recurrent_depth, found.feedforward_depth, found.skip_coefficient
    assert in_time == exact(*expected)


@pytest.mark.parametrize(("feedback", "expected"), [(False, (1, 3, 1)), (True, (2, 3, 1))])
def test_cells_in_a_loop(feedback: bool, expected: tuple[int, int, int]) -> None:
    found = depths(loops.Stacked(feedback=feedback), torch.zeros(2, 7, 4))
    in_time = found.recurrent_depth, found.feedforward_depth, found.skip_coefficient
    assert in_time == exact(*expected)


@pytest.mark.parametrize("steps", [2, 3, 7])
def test_a_loop_is_as_deep_as_its_steps(steps: int) -> None:
    found = depths(loops.Loop(), torch.zeros(2, steps, 4))
    assert found.credit_assignment_path == steps + 1  # T + L
    assert found.weight_layers_longest == steps + 1
    assert found.weight_layers_total == 3
    found = depths(loops.LayerByLayer(), torch.zeros(2, steps, 4))
    assert found.credit_assignment_path == steps + 2
    found = depths(loops.Stacked(feedback=False), torch.zeros(2, steps, 4))
    assert found.credit_assignment_path == steps + 2
    assert found.blocks is None


def test_shared_weights_along_depth_are_no_time() -> None:
    found = depths(loops.Refined(), torch.zeros(2, 7, 4))
    assert found.recurrent_depth is None
    assert found.reasons["recurrent_depth"] == "no cycle through time"
    assert found.weight_layers_longest == 7 + 2
    assert found.residual_path_lengths is not None
    assert len(found.residual_path_lengths.paths) == 8


class Uneven(loops.Loop):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state = torch.zeros(len(x), 4)
        for t in range(x.shape[1]):
            state = torch.tanh(self.inputs(x[:, t]) + self.states(self.states(state)))
            if t % 2:
                state = self.head(state)
        return state


def test_steps_that_cannot_be_told_are_not_guessed() -> None:
    network = Uneven()
    network.head = nn.Linear(4, 4)
    found = depths(network, torch.zeros(2, 6, 4))
    assert found.recurrent_depth is None
    assert "RecurrentGraph by hand" in found.reasons["recurrent_depth"]
