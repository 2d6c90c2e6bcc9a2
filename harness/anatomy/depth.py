"""Depth: every definition under its own name, as small functions over one trace."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from harness.anatomy import credit
from harness.anatomy import residual as residual_units
from harness.anatomy import roles as node_roles
from harness.anatomy.blocks import blocks as repeated_blocks
from harness.anatomy.graph import Operand, Trace
from harness.anatomy.paths import longest, shortest
from harness.anatomy.residual import PathLengths
from harness.anatomy.roles import RECURRENT, Role
from harness.anatomy.unrolled import Recurrence


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A trace with what the definitions have in common."""

    trace: Trace
    roles: tuple[Role, ...]
    recurrence: Recurrence | None

    @property
    def cyclic(self) -> frozenset[int]:
        """Return the nodes whose weights are applied at each time step."""
        return frozenset() if self.recurrence is None else self.recurrence.cyclic

    def weight(self, place: int, operand: Operand) -> int:
        """Return the weight layers that a path passes at node `place` through `operand`."""
        passes = node_roles.passes_weight(self.trace.nodes[place], operand)
        return self.roles[place].weight_layers if passes else 0


def weight_layers_longest(seen: Seen) -> int | None:
    """Most weight layers on any path from an input to an output.

    The rule behind the names VGG-16, ResNet-50, DenseNet-121 and GoogLeNet-22. A weight layer is an
    operator that multiplies data with a learned tensor: a linear map or convolution, an embedding,
    one recurrent or attention projection, in a module or not; a norm, bias, gain, pooling,
    activation or dropout is not. A layer that is applied several times counts each time; stacked
    layers of nn.RNN, LSTM or GRU count once each, whatever the number of time steps.
    """
    return longest(seen.trace, seen.weight)


def weight_layers_longest_with_pooling(seen: Seen) -> int | None:
    """The same, and pooling layers cost 1 too: max, average, adaptive and global pooling.

    Szegedy 2014, arXiv:1409.4842, §5: GoogLeNet is 22 layers deep, or 27 with pooling.
    """
    return longest(seen.trace, lambda at, via: seen.weight(at, via) + seen.roles[at].pooling)


def weight_layers_total(seen: Seen) -> int:
    """Weight layers anywhere in the network that run, projections and parallel branches too.

    A layer that is applied several times counts once; both directions of a recurrent layer count.
    """
    applied = node_roles.applications(seen.trace, seen.roles)
    return sum(seen.roles[places[0]].weight_layers_in_all for places in applied.values())


def parametric_layers_longest(seen: Seen) -> int | None:
    """Most weight layers and norm layers with parameters on any path from an input to an output."""
    return longest(seen.trace, lambda at, via: seen.weight(at, via) + seen.roles[at].norms)


def weight_layers_shortest(seen: Seen) -> int | None:
    """Fewest weight layers on any path from an input to an output: an identity shortcut costs 0."""
    return shortest(seen.trace, seen.weight)


def nonlinearities_longest(seen: Seen) -> int | None:
    """Most activations on any path: what tells a deep network from a deep linear one.

    Softmax is no activation here. A recurrent layer counts those of one time step: 1 for tanh or
    ReLU, 2 for LSTM and GRU, whose gates precede their tanh.
    """
    return longest(seen.trace, lambda at, _via: seen.roles[at].activations)


def blocks(seen: Seen) -> int | None:
    """Most repeated blocks on any path: the n_layer of a transformer.

    Blocks are modules of one class, or containers of equal weights, that stand in a numbered row:
    ResNet-50 has 16. An encoder's and a decoder's add up; a block applied again counts again.
    """
    in_time = seen.recurrence is not None
    return repeated_blocks(seen.trace, seen.roles, in_time=in_time)


def credit_assignment_path(seen: Seen) -> int | None:
    """Hidden layers, and 1 if the output layer has parameters; recurrent: T + L for L layers.

    Schmidhuber 2015, arXiv:1404.7828, §3. T is the number of time steps of the example; a loop over
    time, or nn.RNN, LSTM and GRU, is unrolled, and reading out the last state is a layer.
    """
    return credit.credit_assignment_path(seen.trace, seen.roles, seen.recurrence)


def residual_path_lengths(seen: Seen) -> PathLengths | None:
    """The share of paths of each length, in residual units: Binomial(n, ½) for n units in a row.

    Veit 2016, arXiv:1605.06431, §3. Every addition of a branch to its shortcut is a unit, so that a
    transformer block has two.
    """
    return residual_units.path_lengths(seen.trace, seen.roles, seen.cyclic)


def recurrent_depth(seen: Seen) -> Fraction | None:
    """Transitions in a time step: the max over cycles of length / Σ delays.

    Zhang 2016, arXiv:1602.08210, of the cyclic graph whose edges have delays.
    """
    return None if seen.recurrence is None else seen.recurrence.graph.recurrent_depth


def feedforward_depth(seen: Seen) -> Fraction | None:
    """Transitions from input to output: the sup over paths of length − recurrent depth · delay.

    Zhang 2016, arXiv:1602.08210.
    """
    return None if seen.recurrence is None else seen.recurrence.graph.feedforward_depth


def skip_coefficient(seen: Seen) -> Fraction | None:
    """Time steps in a transition at best: 1 / the min over cycles of length / Σ delays.

    Zhang 2016, arXiv:1602.08210.
    """
    return None if seen.recurrence is None else seen.recurrence.graph.skip_coefficient


def sequential_steps(seen: Seen) -> int | None:
    """Weight layers one after the other, recurrent ones times their time steps: latency.

    Convolution and attention run once, over all places at the same time.
    """

    def cost(place: int, operand: Operand) -> int:
        node = seen.trace.nodes[place]
        steps = credit.time_steps(node) if node.op in RECURRENT else 1
        return steps * seen.weight(place, operand)

    return longest(seen.trace, cost)


def ops_longest(seen: Seen) -> int | None:
    """Longest path in the graph of operators, as the tool in `Depths.tool` sees them.

    It depends on that tool and its version: to be compared with nothing else.
    """
    return longest(seen.trace, lambda _at, _via: 1)


DEFINITIONS: Mapping[str, Callable[[Seen], int | Fraction | PathLengths | None]] = {
    definition.__name__: definition
    for definition in (
        weight_layers_longest,
        weight_layers_longest_with_pooling,
        weight_layers_total,
        parametric_layers_longest,
        weight_layers_shortest,
        nonlinearities_longest,
        blocks,
        credit_assignment_path,
        residual_path_lengths,
        recurrent_depth,
        feedforward_depth,
        skip_coefficient,
        sequential_steps,
        ops_longest,
    )
}
"""Every definition by its name, in the order in which they are shown."""
