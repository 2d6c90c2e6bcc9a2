"""Unrolled: the cyclic graph of a network that runs through time, folded from its trace."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from harness.anatomy.graph import CONTROLS, Node, Operand, Trace
from harness.anatomy.paths import edges
from harness.anatomy.recurrent import INPUT, OUTPUT, Edge, RecurrentGraph
from harness.anatomy.roles import RECURRENT, Role, applications, passes_weight
from harness.settings import UserError

SPLITS = frozenset({"split", "split_with_sizes", "unbind"})
PARTS = SPLITS | {"select", "slice", "index"}
"""Operators that take a part of a tensor: a loop over time takes a new one at each step."""

State = tuple[str, int | None]
"""A vertex, and the time step at which it ran if it runs at each."""


@dataclass(frozen=True, kw_only=True)
class Recurrence:
    """How a network runs through time."""

    graph: RecurrentGraph
    cyclic: frozenset[int]
    """The nodes whose weights lie on a cycle: recurrent layers, and what a loop repeats."""
    steps: Mapping[int, int]
    """The time step, from 0, of what a loop applies, and of the parts of tensors that it takes."""


def recurrence(trace: Trace, roles: Sequence[Role]) -> Recurrence | None:
    """Return the cyclic graph of `trace`, None where it has no cycle through time.

    Its vertices are the weight layers. What a loop applies at every time step is one vertex, and a
    delay is how many steps later its result is used. Of what leaves a cycle and passes no further
    weight layer, the way to the output is a transition too, as in Zhang's graphs of states.

    Raises UserError if the steps of a loop cannot be told: its weights run unequally often.
    """
    applied = applications(trace, roles)
    steps = _steps(trace, applied)
    if not steps and not any(node.op in RECURRENT for node in trace.nodes):
        return None
    keys = {place: key for key, places in applied.items() for place in places}
    found, leaving = _contracted(trace, roles, keys, steps)
    cyclic = _cyclic(found)
    out = {
        Edge(source=vertex, target=OUTPUT, length=int(vertex in cyclic)) for vertex, _ in leaving
    }
    graph = _graph(found | out)
    on_cycle = {place for place, key in keys.items() if {key, f"{key} 1"} & cyclic}
    return Recurrence(graph=graph, cyclic=frozenset(on_cycle), steps=steps)


def _graph(found: set[Edge]) -> RecurrentGraph:
    if min(edge.delay for edge in found) >= 0:
        with suppress(UserError):  # a cycle in one step
            return RecurrentGraph(edges=tuple(found))
    raise _refusal("a step that follows itself")


def _refusal(got: str) -> UserError:
    do = "build its RecurrentGraph by hand"
    return UserError("loop over time", got=got, allowed="every weight once a step", do=do)


def _contracted(
    trace: Trace, roles: Sequence[Role], keys: Mapping[int, str], steps: Mapping[int, int]
) -> tuple[set[Edge], frozenset[State]]:
    """The edges from weight layer to weight layer, and the last ones before the outputs.

    What a loop's first steps make of states of zeros is no data, but it is an edge like the later
    ones.
    """
    nothing: frozenset[State] = frozenset()
    last: dict[int, frozenset[State]] = dict.fromkeys(trace.inputs, frozenset({(INPUT, None)}))
    found: set[Edge] = set()
    for place, node in enumerate(trace.nodes):
        ways = [(passes_weight(node, each), last.get(s, nothing)) for each, s in _read(node)]
        last[place] = last.get(place, nothing).union(*(states for _, states in ways))
        if place in steps and place not in keys:  # the part that a step takes of what is no loop
            last[place] = frozenset(
                (vertex, steps[place] if then is None else then) for vertex, then in last[place]
            )
        elif roles[place].weight_layers or place in steps:
            step, chain = steps.get(place), _vertices(keys[place], node, roles[place])
            for vertex, then in nothing.union(*(states for passes, states in ways if passes)):
                delay = 0 if step is None or then is None else step - then
                found.add(Edge(source=vertex, target=chain[0], delay=delay))
            found.update(_inner(chain, node))
            added = nothing.union(*(states for passes, states in ways if not passes))
            last[place] = added | {(chain[-1], step)}
    ends = (last.get(s, nothing) for each in trace.outputs for s in each.sources)
    return found, nothing.union(*ends)


def _read(node: Node) -> Iterator[tuple[Operand, int]]:
    for operand in node.operands:
        if operand.role != CONTROLS.get(node.op):
            yield from ((operand, source) for source in operand.sources)


def _vertices(key: str, node: Node, role: Role) -> list[str]:
    if node.op not in RECURRENT:
        return [key]
    return [f"{key} {number}" for number in range(1, role.weight_layers + 1)]


def _inner(chain: Sequence[str], node: Node) -> Iterator[Edge]:
    """The edges within stacked recurrent layers; a projected one has two vertices on its cycle."""
    if node.op in RECURRENT:
        each = len(chain) // int(node.attributes["num_layers"])
        for number, vertex in enumerate(chain):
            if number:
                yield Edge(source=chain[number - 1], target=vertex)
            if number % each == each - 1:
                yield Edge(source=vertex, target=chain[number - each + 1], delay=1)


def _cyclic(found: set[Edge]) -> frozenset[str]:
    after: dict[str, set[str]] = {}
    for edge in found:
        after.setdefault(edge.source, set()).add(edge.target)
    return frozenset(vertex for vertex in after if vertex in _reached(after, vertex))


def _reached(after: Mapping[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for vertex in after.get(waiting.pop(), set()) - seen:
            seen.add(vertex)
            waiting.append(vertex)
    return seen


def _steps(trace: Trace, applied: Mapping[str, list[int]]) -> dict[int, int]:
    """The time step of every node that applies a weight of a loop over time."""
    repeated = [places for places in applied.values() if len(places) > 1]
    loops = [len(places) for places in repeated if _takes_new_parts(trace, places)]
    if not loops:
        return {}
    # One step less is a loop whose first step has no state to read yet.
    parts = _parts(trace)
    counts = {len(places) for places in repeated} | {len(row) for row in parts}
    length = max(loops) + (max(loops) + 1 in counts)
    if min(loops) < length - 1:
        raise _refusal(f"weights applied {min(loops)} and {max(loops)} times")
    timed = (places for places in repeated if len(places) in (length, length - 1))
    found = {
        place: number + length - len(places)
        for places in timed
        for number, place in enumerate(places)
    }
    rows = (row for row in parts if len(row) == length)
    return found | {place: step for row in rows for step, part in enumerate(row) for place in part}


def _parts(trace: Trace) -> list[list[list[int]]]:
    """Of every tensor that parts are taken of: the nodes that take each, in order of first use."""
    found: dict[tuple[int, ...], dict[object, list[int]]] = {}
    for place, node in enumerate(trace.nodes):
        if node.op in PARTS and node.data:
            given = node.attributes
            apart = node.op in SPLITS  # a node for each part
            part = place if apart else (given.get("index"), given.get("start"))
            row = found.setdefault(node.operands[0].sources, {})
            row.setdefault(part, []).append(place)
    return [list(row.values()) for row in found.values()]


def _takes_new_parts(trace: Trace, places: Sequence[int]) -> bool:
    """Whether a weight's every application follows from the one before and from new data.

    The first may read a state of zeros instead. New are parts of what does not itself follow from
    the weight: slices of the input, not heads of an attention that runs again and again.
    """
    places = [place for place in places if trace.nodes[place].data]
    follows = set(places[:1])
    parts: dict[int, frozenset[int]] = {}
    nothing: frozenset[int] = frozenset()
    taken: list[frozenset[int]] = []
    for place in range(max(places, default=-1) + 1):
        node = trace.nodes[place]
        sources = [source for _, source in edges(node)]
        if not follows.isdisjoint(sources):
            follows.add(place)
        elif node.op in PARTS and node.data:
            parts[place] = frozenset({place})
        parts[place] = parts.get(place, nothing).union(*(parts[source] for source in sources))
        if place in places:
            if taken and place not in follows:
                return False
            follows.add(place)
            taken.append(parts[place])
    return len(taken) > 1 and all(after - before for before, after in pairwise(taken))
