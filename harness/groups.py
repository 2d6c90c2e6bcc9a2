"""Groups: a plan carried over to a network: which tensors share a learning rate in every phase."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.outline import Entry, Outline, outline
from harness.phases import Adapter, Plan
from harness.recipe import Recipe, Strategy
from harness.selectors import require_some, select
from harness.settings import UserError


class UnsuitableError(UserError):
    """A strategy cannot work with a network."""


@dataclass(frozen=True, eq=False)
class Group:
    """Tensors that train in the same phases with the same factors on the learning rate."""

    name: str
    """The selectors that it trains under, in order: "head", or "head → all"."""
    members: dict[str, nn.Parameter]
    factors: tuple[float, ...]
    """One for each phase; 0 where it is frozen."""

    def trains(self, phase: int) -> bool:
        """Say whether it trains in a phase."""
        return self.factors[phase] > 0

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return sum(parameter.numel() for parameter in self.members.values())


@dataclass(frozen=True, eq=False)
class Prepared:
    """A network as a strategy trains it: with its adapter, and every tensor that ever trains."""

    network: nn.Module
    plan: Plan
    outline: Outline
    groups: tuple[Group, ...]

    def body(self) -> dict[str, nn.Parameter]:
        """Return what ever trains and is not the head, by name."""
        head = {id(entry.parameter) for entry in self.outline.entries if entry.place == "head"}
        members = [group.members for group in self.groups]
        return {n: p for each in members for n, p in each.items() if id(p) not in head}

    def given_back(self) -> frozenset[str]:
        """Return the names of the parameters that never train: whoever prepares it anew has them.

        Buffers are not among them, as statistics may be gathered beside frozen weights.
        """
        trains = {id(p) for group in self.groups for p in group.members.values()}
        named = self.network.named_parameters(remove_duplicate=False)
        return frozenset(name for name, parameter in named if id(parameter) not in trains)

    def trainable(self, phase: int) -> int:
        """Return how many numbers train in a phase."""
        return sum(group.size for group in self.groups if group.trains(phase))


def prepare(network: nn.Module, strategy: Strategy) -> Prepared:
    """Return the network as the strategy trains it, adapters added in place.

    `requires_grad` is set on what trains in any phase, whatever it was before, and on nothing else.

    Raises:
        UnsuitableError: the strategy selects nothing, or cannot work with this network.
    """
    parts = outline(network)
    try:
        plan = strategy.plan(len(parts.blocks))
        if plan.adapter is not None:
            network, parts = _adapted(network, plan.adapter, parts)
        groups = groups_of(plan, parts)
    except UserError as error:
        raise UnsuitableError.within(f"strategy {type(strategy).__name__}", error) from error
    network.requires_grad_(False)
    for group in groups:
        for parameter in group.members.values():
            parameter.requires_grad_(True)
    return Prepared(network, plan, parts, groups)


def merged(
    recipe: Recipe, weights: Mapping[str, Tensor]
) -> tuple[Mapping[str, Tensor], Adapter | None]:
    """Return the weights that `recipe` trained as those of its plain model, adapters merged in.

    And the adapter that is still beside them, if it is none that merges. No random number is taken
    from the global generators.
    """
    with torch.random.fork_rng(devices=[]):
        prepared = prepare(recipe.model.build(recipe.data.facts()), recipe.strategy)
    adapter = prepared.plan.adapter
    if adapter is None or not adapter.merges:
        return weights, adapter
    prepared.network.load_state_dict(dict(weights))
    return adapter.merge(prepared.network).state_dict(), None


def _adapted(network: nn.Module, adapter: Adapter, parts: Outline) -> tuple[nn.Module, Outline]:
    """Return the network with its adapter and their outline, counted against the formula."""
    expected = adapter.count(network)
    adapted = adapter.apply(network)
    both = parts.with_adapter(adapted, adapter.owns)
    added = sum(e.parameter.numel() for e in both.entries if e.place == "adapter")
    assert added == expected, f"the adapter added {added} numbers, by its formula {expected}"
    return adapted, both


def groups_of(plan: Plan, parts: Outline) -> tuple[Group, ...]:
    """Return the groups of a plan: every tensor that ever trains is in exactly one.

    Raises UserError if a selector that must select finds nothing.
    """
    chosen = [_first_parts(plan, phase, parts) for phase in range(len(plan.phases))]
    by_course: dict[tuple[int, ...], list[Entry]] = {}
    for entry in parts.entries:
        course = tuple(phase.get(id(entry), -1) for phase in chosen)
        if max(course) >= 0:
            by_course.setdefault(course, []).append(entry)
    return tuple(_group(plan, course, entries) for course, entries in by_course.items())


def _first_parts(plan: Plan, phase: int, parts: Outline) -> dict[int, int]:
    """Return the number of the first part of a phase that each entry is in."""
    first: dict[int, int] = {}
    for number, part in enumerate(plan.phases[phase].parts):
        found = select(parts, part.select)
        fresh = [entry for entry in found if id(entry) not in first]
        if not fresh and not part.optional:
            require_some(parts, part.select)
            allowed = "something that no part before it has"
            do = "choose a strategy that this model has tensors for"
            raise UserError("selector", got=part.select, allowed=allowed, do=do)
        first |= {id(entry): number for entry in fresh}
    return first


def _group(plan: Plan, course: tuple[int, ...], entries: list[Entry]) -> Group:
    parts = [
        phase.parts[number] if number >= 0 else None
        for phase, number in zip(plan.phases, course, strict=True)
    ]
    names = dict.fromkeys(part.select for part in parts if part)
    factors = tuple(part.factor if part else 0.0 for part in parts)
    return Group(" → ".join(names), {entry.name: entry.parameter for entry in entries}, factors)
