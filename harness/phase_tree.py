"""The tree of a strategy's phases: what trains when, how fast, and which tensors that are."""

import torch
from rich.markup import escape
from rich.tree import Tree

from harness.anatomy.memory import Memory
from harness.anatomy_tables import bytes_
from harness.groups import Group, Prepared, prepare
from harness.preview import phases_of
from harness.recipe import Recipe

SHOWN = 3
"""Tensors of a group that are named."""


def phase_tree(recipe: Recipe) -> Tree:
    """Return what the recipe's strategy does with its model, found on the meta device.

    And what a training step of each phase takes of memory: its four parts and their peak.

    Raises UserError if they do not fit, or the epochs are too few for the phases.
    """
    with torch.device("meta"):
        prepared = prepare(recipe.model.build(recipe.data.facts()), recipe.strategy)
    names = f"{type(recipe.strategy).__name__} on {type(recipe.model).__name__}"
    tree = Tree(f"{names}: {len(prepared.outline.blocks)} blocks", highlight=False)
    first = prepared.plan.borders(recipe.epochs)
    memories = [anatomy.memory for anatomy in phases_of(recipe)]
    for phase, (begin, end) in enumerate(zip(first, (*first[1:], recipe.epochs), strict=True)):
        count = f"{prepared.trainable(phase):,} of {_total(prepared):,} parameters train"
        branch = tree.add(f"epochs {begin} to {end - 1}: {count}")
        branch.add(_memory(memories[phase]))
        for group in prepared.groups:
            if group.trains(phase):
                branch.add(escape(_line(group, phase)))
    return tree


def _memory(memory: Memory) -> str:
    """Say the four parts of a training step's memory, and the peak that they come to."""
    parts = {
        "weights": memory.weights,
        "gradients": memory.gradients,
        "optimizer": memory.optimizer_state,
        "activations": memory.activations,
    }
    said = ", ".join(f"{name} {bytes_(size)}" for name, size in parts.items())
    return f"memory: {said}; at most {bytes_(memory.peak)} at once, before what libraries need"


def _total(prepared: Prepared) -> int:
    return sum(parameter.numel() for parameter in prepared.network.parameters())


def _line(group: Group, phase: int) -> str:
    names = list(group.members)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    rate = f"lr × {group.factors[phase]:.3g}"
    return f"{group.name}: {group.size:,}, {rate}: {', '.join(names[:SHOWN])}{more}"
