"""Outline: the parts of any network by its structure: stem, numbered blocks, tail and head.

The head is the part called `head` or `classifier`, or else the last layer that holds parameters,
norms aside.
The blocks are the parts whose names end in a number, on the level nearest to the root that has
several (`hidden_1`, `stage_2`, `encoder.layer.11`), or the layers of a recurrent module; without
numbers, all parts of a level are. A norm between blocks belongs to the one before it. What comes
before the first block is the stem, what is neither block nor head after it the tail.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

HEADS = ("head", "classifier")
NUMBERED = re.compile(r".*?\d+")
KINDS: dict[str, tuple[type[nn.Module], ...]] = {
    "linear": (nn.Linear, nn.Bilinear),
    "conv": (_ConvNd,),
    "norm": (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm),
    "embedding": (nn.Embedding, nn.EmbeddingBag),
    "recurrent": (nn.RNNBase, nn.RNNCellBase),
    "attention": (nn.MultiheadAttention,),
}
Named = tuple[str, tuple[nn.Parameter, ...]]
"""A part of a network: its name and its parameters."""


@dataclass(frozen=True, eq=False)
class Entry:
    """A parameter of a network: its name, the kind of layer that holds it, and its place."""

    name: str
    parameter: nn.Parameter
    kind: str
    place: str
    """"stem", "block", "tail" or "head"; "adapter" if it was not there before."""
    block: int = -1


@dataclass(frozen=True, eq=False)
class Outline:
    """Every parameter of a network once, in order of registration, and the names of its parts."""

    entries: tuple[Entry, ...]
    blocks: tuple[str, ...]
    head: str

    def with_adapter(self, network: nn.Module, owns: Callable[[str], bool]) -> "Outline":
        """Return the outline with what `network`, the same one with an adapter, holds besides."""
        added = tuple(
            Entry(name, parameter, "adapter", "adapter")
            for name, parameter in network.named_parameters()
            if owns(name)
        )
        return Outline((*self.entries, *added), self.blocks, self.head)


def outline(network: nn.Module) -> Outline:
    """Return the outline of a network."""
    kinds = {
        id(parameter): _kind(module)
        for module in network.modules()
        for parameter in module.parameters(recurse=False)
    }
    head, in_head = _head(network)
    ids = {id(parameter) for parameter in in_head}
    blocks = _blocks(network, ids)
    number = {id(p): i for i, (_, parameters) in enumerate(blocks) for p in parameters}
    entries, place = [], "stem"
    for name, parameter in network.named_parameters():
        block = number.get(id(parameter), -1)
        if block >= 0:
            place = "tail"
        here = "head" if id(parameter) in ids else "block" if block >= 0 else place
        entries.append(Entry(name, parameter, kinds[id(parameter)], here, block))
    return Outline(tuple(entries), tuple(name for name, _ in blocks), head)


def _kind(module: nn.Module) -> str:
    for kind, types in KINDS.items():
        if isinstance(module, types):
            return kind
    return "norm" if type(module).__name__.endswith("Norm") else "other"


def _head(network: nn.Module) -> Named:
    found: Named = "", ()
    for name, module in network.named_modules():
        own = tuple(module.parameters(recurse=False))
        if own and _kind(module) != "norm":
            found = name, own
    for name, child in network.named_children():
        if name in HEADS:
            found = name, tuple(child.parameters())
    return found


def _blocks(network: nn.Module, head: set[int]) -> list[Named]:
    """Go down from the root to the first level that has several numbered parts.

    One numbered part that is the whole body may hold the blocks; one beside others is the block.
    """
    body = sum(id(parameter) not in head for parameter in network.parameters())
    level: list[tuple[str, nn.Module]] = [("", network)]
    single: list[Named] = []
    plain: list[Named] = []
    while level:
        parts = [part for name, module in level for part in _parts(name, module, head)]
        named = [(name, parameters) for name, parameters, _ in parts]
        numbered = _joined([part for part in parts if NUMBERED.fullmatch(part[0])])
        if len(numbered) > 1 or (numbered and len(numbered[0][1]) < body):
            return numbered
        single = single or numbered
        plain = plain if len(plain) > 1 else named or plain
        level = [(name, module) for name, _, module in parts if module is not None]
    return single or plain


def _parts(
    prefix: str, module: nn.Module, head: set[int]
) -> Iterator[tuple[str, tuple[nn.Parameter, ...], nn.Module | None]]:
    """Yield the parts of a module that hold parameters outside the head; a layer of an RNN too."""
    start = f"{prefix}." if prefix else ""
    if isinstance(module, nn.RNNBase):
        by_layer = groupby(module.named_parameters(), lambda each: _layer_of(each[0]))
        for layer, members in by_layer:
            yield f"{start}{layer}", tuple(parameter for _, parameter in members), None
        return
    for name, child in module.named_children():
        body = tuple(p for p in child.parameters() if id(p) not in head)
        if body:
            yield f"{start}{name}", body, child


def _layer_of(name: str) -> str:
    """Return "l1" of "weight_hh_l1_reverse"."""
    return next(piece for piece in name.split("_") if re.fullmatch(r"l\d+", piece))


def _joined(
    parts: list[tuple[str, tuple[nn.Parameter, ...], nn.Module | None]],
) -> list[Named]:
    """Return the parts with each norm added to the one before it."""
    joined: list[Named] = []
    for name, parameters, module in parts:
        if joined and module is not None and _kind(module) == "norm":
            joined[-1] = joined[-1][0], (*joined[-1][1], *parameters)
        else:
            joined.append((name, parameters))
    return joined
