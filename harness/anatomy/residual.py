"""Residual units: additions that join a branch to its shortcut, and the path lengths they give."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from harness.anatomy.graph import Node, Trace
from harness.anatomy.paths import edges
from harness.anatomy.roles import Role

PARTS = frozenset({"select", "unbind", "index"})
"""Operators that take a part: a shortcut does not begin before one."""


@dataclass(frozen=True, kw_only=True)
class PathLengths:
    """How many paths go through 0, 1, 2, … residual branches."""

    paths: tuple[int, ...]

    @property
    def mean(self) -> float:
        """Return the mean length, in residual branches."""
        total = sum(length * number for length, number in enumerate(self.paths))
        return float(Fraction(total, sum(self.paths)))

    @property
    def shares(self) -> tuple[float, ...]:
        """Return which part of all paths has length 0, 1, 2, …; they sum to 1."""
        total = sum(self.paths)
        return tuple(float(Fraction(number, total)) for number in self.paths)

    def within(self, low: int, high: int) -> float:
        """Return which part of all paths has a length from `low` to `high`, both included."""
        return float(Fraction(sum(self.paths[low : high + 1]), sum(self.paths)))


def path_lengths(
    trace: Trace, roles: Sequence[Role], cyclic: Collection[int]
) -> PathLengths | None:
    """Return the lengths of all ways through the residual units; None where there is no unit.

    n units in a row give 2ⁿ paths, Binomial(n, ½) long (Veit 2016, arXiv:1605.06431, §3): each
    multiplies the polynomial Σ paths·z^length by (1 + z). Where units are nested or lie side by
    side, the polynomials are added as the graph joins them; equal ones are one way. The weights of
    `cyclic` nodes, applied at each time step, project no shortcut.
    """
    so_far: dict[int, tuple[int, ...]] = dict.fromkeys(trace.inputs, (1,))
    units = 0
    for place, node in enumerate(trace.nodes):
        ways = [(each.argument, so_far[s]) for each, s in edges(node) if s in so_far]
        branch = _branch(trace, roles, cyclic, node)
        if branch is not None:
            units += 1
            ways = [(name, (0, *way) if name == branch else way) for name, way in ways]
        if ways:
            so_far[place] = _joined(dict.fromkeys(way for _, way in ways))
    ends = (so_far[s] for each in trace.outputs for s in each.sources if s in so_far)
    return PathLengths(paths=_joined(dict.fromkeys(ends))) if units else None


def _joined(ways: dict[tuple[int, ...], None]) -> tuple[int, ...]:
    length = max(map(len, ways))
    padded = [way + (0,) * (length - len(way)) for way in ways]
    return tuple(map(sum, zip(*padded, strict=True)))


def _branch(trace: Trace, roles: Sequence[Role], cyclic: Collection[int], node: Node) -> str | None:
    """The operand that is the branch if `node` ends a residual unit, None if it does not.

    The other operand is the shortcut: what the branch began with, or one projection of it beside a
    branch of more weight layers with an activation (He 2015, arXiv:1512.03385, option B). So the
    low-rank update of a Linear, which has no activation, is no branch beside it.
    """
    operands = [each for each in node.flow if len(each.sources) == 1]
    if node.op != "add" or len(operands) != 2:
        return None
    for shortcut, branch in (operands, reversed(operands)):
        chain = dict(_chain(trace, roles, cyclic, shortcut.sources[0]))
        fork = _fork(trace, branch.sources[0], chain)
        if fork is not None:
            weights, activations = _deepest(trace, roles, fork, branch.sources[0])
            if weights > chain[fork] and (chain[fork] == 0 or activations):
                return branch.argument
    return None


def _chain(
    trace: Trace, roles: Sequence[Role], cyclic: Collection[int], place: int
) -> Iterator[tuple[int, int]]:
    """Yield what a shortcut could begin with, and the weight layers from there: 1 at most."""
    weights = 0
    while weights <= 1:
        node = trace.nodes[place]
        if node.op != "unbind":
            yield place, weights
        sources = {source for _, source in edges(node)}
        if len(sources) != 1 or node.op in PARTS or place in cyclic:
            return
        weights += roles[place].weight_layers
        (place,) = sources


def _fork(trace: Trace, end: int, candidates: dict[int, int]) -> int | None:
    """The last of `candidates` from which data flows to `end`."""
    first, waiting, seen = min(candidates), [end], set()
    while waiting:
        place = waiting.pop()
        if place not in seen and place >= first:
            seen.add(place)
            waiting += [source for _, source in edges(trace.nodes[place])]
    return max(seen & candidates.keys(), default=None)


def _deepest(trace: Trace, roles: Sequence[Role], begin: int, end: int) -> tuple[int, int]:
    """Most weight layers, and most activations, on a path from `begin` to `end`."""
    so_far = {begin: (0, 0)}
    for place in range(begin + 1, end + 1):
        ways = [so_far[s] for _, s in edges(trace.nodes[place]) if s in so_far]
        if ways:
            role = roles[place]
            weights = max(weight for weight, _ in ways) + role.weight_layers
            so_far[place] = (weights, max(other for _, other in ways) + role.activations)
    return so_far[end]
