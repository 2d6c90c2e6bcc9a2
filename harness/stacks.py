"""Stacks: which trials of a block train as one, decided once and kept with the block."""

import json
import math
from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import psutil

from harness.checkpoints import write_whole
from harness.fused.probe import unfusable
from harness.fused.shape import fusion_key
from harness.trials import Ready

MEMORY_SHARE = 0.5
"""Of the free memory that a stack may take: data, best weights and a checkpoint come on top."""
ALONE = "alone"
"""The file in a trial's directory that says why its stack failed, so that it trains by itself."""
ONE = "1 at once"


class Stacks:
    """The stacks of a block, kept at `path`: their sizes came from the memory that was free when
    they were formed, and what trains as one decides the last bits of a result."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        self._kept: dict[int, list[int]] = {number: stack for stack in found for number in stack}

    def keep(self, stacks: Sequence[Sequence[Ready]]) -> None:
        """Remember stacks, which may divide earlier ones."""
        for stack in stacks:
            numbers = [ready.number for ready in stack]
            self._kept |= dict.fromkeys(numbers, numbers)
        whole = {stack[0]: stack for stack in self._kept.values()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, json.dumps(list(whole.values())).encode())

    def of(self, waiting: Sequence[Ready]) -> Iterator[tuple[list[Ready], str]]:
        """Yield the trials that train as one, or one that trains alone and why, in order.

        What is left of a stack of which a trial is over already has its result in a checkpoint.
        """
        numbered = {ready.number: ready for ready in waiting}
        fresh = []
        for ready in waiting:
            note, members = ready.assigned.directory / ALONE, self._kept.get(ready.number)
            if note.exists():
                yield [ready], note.read_text(encoding="utf-8")
            elif members is None:
                fresh.append(ready)
            elif not numbered.keys() >= set(members):
                yield [ready], f"{len(members)} at once"
            elif ready.number == members[0]:
                yield [numbered[number] for number in members], ONE
        formed = list(_formed(fresh))
        if stacked := [stack for stack, why in formed if why == ONE]:
            self.keep(stacked)
        yield from formed


def once_each(waiting: Sequence[Ready]) -> list[Ready]:
    """Return the first trial of each recipe and seed; the others may use its result."""
    first: dict[Hashable, Ready] = {}
    for ready in waiting:
        first.setdefault((ready.recipe.hash, ready.recipe.seed, ready.assigned.slot.role), ready)
    return list(first.values())


def _formed(waiting: Sequence[Ready]) -> Iterator[tuple[list[Ready], str]]:
    alike: dict[Hashable, list[Ready]] = {}
    for ready in waiting:
        key = (ready.assigned.slot.role, fusion_key(ready.recipe))
        alike.setdefault(key, []).append(ready)
    for group in alike.values():
        if len(group) == 1:
            yield group, ONE
        elif why := unfusable(group[0].recipe):
            yield from (([ready], f"no: {why}") for ready in group)
        else:
            yield from ((piece, ONE) for piece in pieces(group, fitting(group[0])))


def fitting(ready: Ready) -> int:
    """Return how many such trainings the free memory holds, as a power of two."""
    free = psutil.virtual_memory().available
    count = max(1.0, MEMORY_SHARE * free / ready.anatomy.memory.peak)
    return int(2 ** math.floor(math.log2(count)))


def pieces(group: Sequence[Ready], most: int) -> list[list[Ready]]:
    """Return a group in as few parts of `most` at most as there can be, of sizes alike."""
    parts = math.ceil(len(group) / most)
    edges = [len(group) * part // parts for part in range(parts + 1)]
    return [list(group[start:stop]) for start, stop in pairwise(edges)]
