"""Blocks: the parts of one structure that a network repeats, found by their weights and names."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.anatomy.graph import Node, Trace
from harness.anatomy.paths import edges
from harness.anatomy.roles import RECURRENT, Role, weight_of

CONTAINERS = frozenset({"", "Sequential", "ModuleList", "ModuleDict"})
"""Types that say nothing of what is in them; "" is a container that is never called."""

Weights = tuple[tuple[str, tuple[int, ...]], ...]
"""Of a module's weight layers: the weights' names in it and their shapes."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Modules of one structure: of one class, or containers of weights by the same names."""

    container: bool
    members: Mapping[str, Weights]

    @property
    def repeats(self) -> bool:
        """Return whether two members are equal to the shapes, as the stages of a CNN are not."""
        return len(set(self.members.values())) < len(self.members)

    @property
    def several(self) -> bool:
        """Return whether every member has several weight layers."""
        return all(len(weights) > 1 for weights in self.members.values())

    @property
    def rank(self) -> tuple[bool, bool, int, int]:
        """Return what to compare groups by: the highest are the blocks.

        Several weight layers each, then equal members, then most weight layers in all. Of nested
        groups of the same layers the outer one if it repeats (transformer blocks, not their
        residual halves), else the inner one (the blocks of stages, not the stages).
        """
        covered = sum(len(weights) for weights in self.members.values())
        number = len(self.members)
        return self.several, self.repeats, covered, -number if self.repeats else number


def blocks(trace: Trace, roles: Sequence[Role], *, in_time: bool) -> int | None:
    """Return the most repeated blocks on a path (n_layer), None where no structure repeats.

    An encoder's and a decoder's blocks come one after the other and add up. A block that is applied
    several times counts each time, but not if it is `in_time`, once a time step. The stacked layers
    of one nn.LSTM count where nothing else does.
    """
    calls = Counter(call.path for call in trace.calls)
    found = sorted(_groups(trace, roles), key=lambda group: group.rank, reverse=True)
    groups = [each for each in found if _is_repeated(each, Counter() if in_time else calls)]
    if groups:
        return _most_on_a_path(trace, _apart(groups))
    stacks = (node.attributes["num_layers"] for node in trace.nodes if node.op in RECURRENT)
    layers: int = max(stacks, default=1)
    return layers if layers > 1 else None


def _groups(trace: Trace, roles: Sequence[Role]) -> Iterator[Group]:
    types = {call.path: call.type for call in trace.calls}
    by_kind: defaultdict[object, dict[str, Weights]] = defaultdict(dict)
    for path, weights in _weights(trace, roles).items():
        if len(weights) > 1 or "." in weights[0][0]:  # one weight of its own makes a layer
            kind = types.get(path, "")
            names = tuple(name for name, _ in weights)
            by_kind[names if kind in CONTAINERS else kind][path] = weights
    for group, members in by_kind.items():
        outer = {a: w for a, w in members.items() if not any(_inside(a, b) for b in members)}
        yield Group(container=isinstance(group, tuple), members=outer)


def _weights(trace: Trace, roles: Sequence[Role]) -> dict[str, Weights]:
    """The weights of the weight layers below every path but the network's own, as they run."""
    found: defaultdict[str, dict[str, tuple[int, ...]]] = defaultdict(dict)
    for node, role in zip(trace.nodes, roles, strict=True):
        weight = weight_of(node)
        if role.weight_layers_in_all and weight is not None:
            owner, computed, _ = weight.parameters[0].partition(".parametrizations.")
            parts = (f"{owner}.weight" if computed else owner).split(".")
            for end in range(1, len(parts)):
                found[".".join(parts[:end])][".".join(parts[end:])] = weight.value.shape
    return {path: tuple(weights.items()) for path, weights in found.items()}


def _is_repeated(group: Group, calls: Counter[str]) -> bool:
    """Whether it is a numbered row of members, or one member that is called again and again.

    Containers must be equal to the shapes: a row of unlike ones is the stages of a network.
    """
    if len(group.members) == 1:
        return group.several and max(calls[path] for path in group.members) > 1
    numbered = [path for path in group.members if any(map(str.isdigit, path.rpartition(".")[2]))]
    return len(numbered) > 1 and (group.repeats or not group.container)


def _apart(groups: Sequence[Group]) -> frozenset[str]:
    """The members of the first group, and of those that lie outside of it and repeat as well."""
    first, *others = groups
    chosen = set(first.members)
    for group in others:
        pairs = [(a, b) for a in group.members for b in chosen]
        nested = any(a == b or _inside(a, b) or _inside(b, a) for a, b in pairs)
        if group.several and group.repeats and not nested:
            chosen |= group.members.keys()
    return frozenset(chosen)


def _inside(path: str, other: str) -> bool:
    return path.startswith(f"{other}.")


def _most_on_a_path(trace: Trace, members: frozenset[str]) -> int:
    calls: list[str | None] = []
    for call in trace.calls:
        outer = None if call.parent is None else calls[call.parent]
        calls.append(f"{call.path} {call.number}" if call.path in members else outer)
    so_far: dict[int, tuple[int, str | None]] = dict.fromkeys(trace.inputs, (0, None))
    for place, node in enumerate(trace.nodes):
        own = None if node.call is None else calls[node.call]
        own = own or _owner(node, members)
        ways = [so_far[source] for _, source in edges(node) if source in so_far]
        if ways:
            counts = ((n + (own not in (None, last)), own or last) for n, last in ways)
            so_far[place] = max(counts, key=lambda way: way[0])
    ends = (so_far[s] for each in trace.outputs for s in each.sources if s in so_far)
    return max((number for number, _ in ends), default=0)


def _owner(node: Node, members: frozenset[str]) -> str | None:
    names = [name for each in node.operands for name in each.parameters]
    return next((path for name in names for path in members if _inside(name, path)), None)
