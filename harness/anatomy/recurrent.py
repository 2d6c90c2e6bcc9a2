"""Recurrent: the depths of a cyclic graph with delays (Zhang 2016, arXiv:1602.08210)."""

from dataclasses import dataclass
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from harness.settings import UserError

INPUT, OUTPUT = "input", "output"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A transition from one vertex to another, `delay` time steps later."""

    source: str
    target: str
    delay: int = 0
    length: int = 1
    """0 where the output is what its source is, with no further transition."""


@dataclass(frozen=True, kw_only=True)
class RecurrentGraph:
    """Which state is computed from which: vertices by name, "input" and "output" among them.

    Raises UserError if a cycle takes no time.
    """

    edges: tuple[Edge, ...]

    def __post_init__(self) -> None:
        at_once: dict[str, set[str]] = {}
        for edge in self.edges:
            if edge.delay == 0:
                at_once.setdefault(edge.target, set()).add(edge.source)
        try:
            TopologicalSorter(at_once).prepare()
        except CycleError:
            do = "give an edge of every cycle a delay"
            raise UserError("cycle", got="delay 0", allowed="1 step or more", do=do) from None

    @classmethod
    def stack(cls, layers: int) -> "RecurrentGraph":
        """Return `layers` recurrent layers in a row, each reading itself one step before."""
        states = [f"h{layer}" for layer in range(1, layers + 1)]
        upward = [Edge(source=a, target=b) for a, b in pairwise([INPUT, *states, OUTPUT])]
        return cls(edges=(*upward, *(Edge(source=h, target=h, delay=1) for h in states)))

    @property
    def recurrent_depth(self) -> Fraction:
        """Return the transitions in a time step: max over cycles of length / Σ delays, or 0."""
        return self._extreme_rate(Fraction(0), 1)

    @property
    def skip_coefficient(self) -> Fraction:
        """Return the time steps in a transition: 1 / min over cycles of length / Σ delays, or 0."""
        slowest = self._extreme_rate(self.recurrent_depth, -1)
        return 1 / slowest if slowest else Fraction(0)

    @property
    def feedforward_depth(self) -> Fraction:
        """Return the sup over paths, input to output, of length − recurrent_depth·Σ delays."""
        depth = self.recurrent_depth
        best = {INPUT: Fraction(0)}
        for _ in self.edges:  # no cycle gains anything, so that the best path is a simple one
            for edge in self.edges:
                if edge.source in best:
                    way = best[edge.source] + edge.length - depth * edge.delay
                    best[edge.target] = max(way, best.get(edge.target, way))
        return best.get(OUTPUT, Fraction(0))

    def _extreme_rate(self, rate: Fraction, sign: int) -> Fraction:
        """The highest (sign 1) or lowest (−1) length / Σ delays of a cycle, or `rate` if none.

        Each cycle that beats `rate` raises it to its own (Lawler 1976, ch. 3); there are finitely
        many, and fractions are exact.
        """
        while cycle := self._gaining(rate, sign):
            rate = Fraction(sum(e.length for e in cycle), sum(e.delay for e in cycle))
        return rate

    def _gaining(self, rate: Fraction, sign: int) -> list[Edge]:
        """A cycle that beats `rate`, found as Bellman and Ford do, or nothing."""
        vertices = {vertex for edge in self.edges for vertex in (edge.source, edge.target)}
        best: dict[str, Fraction] = dict.fromkeys(vertices, Fraction(0))
        by: dict[str, Edge] = {}
        changed = ""
        for _ in vertices:
            changed = ""
            for edge in self.edges:
                gain = best[edge.source] + sign * (edge.length - rate * edge.delay)
                if gain > best[edge.target]:
                    best[edge.target] = gain
                    by[edge.target] = edge
                    changed = edge.target
        if not changed:
            return []
        for _ in vertices:  # surely into the cycle
            changed = by[changed].source
        cycle = [by[changed]]
        while cycle[-1].source != changed:
            cycle.append(by[cycle[-1].source])
        return cycle
