"""Kinds: which cells of a study have networks of one shape, so that their trials train as one."""

from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from harness.checks import Sample
from harness.fused.passes import is_apart
from harness.fused.shape import fusion_key
from harness.measures import measures
from harness.search import Search
from harness.settings import UserError
from harness.study import Study, label

MOST = 32
"""Trials in a stack, at most: 32 small MLPs take .24 of the time each that 1 takes alone, 8 take
.44 (2026-11-22); more would only make a worker wait longer for its first result."""


def search_of(study: Study, root: Path, samples: Sequence[Sample], fuse: int) -> Search:
    """Return the study's trials, handed out in blocks of `fuse` at most (1: each by itself).

    `samples` are recipes of every cell: cells whose recipes can train as one share their blocks.
    """
    known = measures(samples[0].recipe)
    directions = [known[name] for name in study.objectives]
    numbers: dict[Hashable, int] = {}
    kinds = {
        label(each.cell): numbers.setdefault(fusion_key(each.recipe), len(numbers))
        for each in (samples if fuse > 1 else ())
    }
    apart = partial(_apart, samples if kinds else (), kinds)
    return Search(study, root, directions, most=fuse, kinds=kinds, apart=apart)


def _apart(samples: Sequence[Sample], kinds: Mapping[str, int]) -> frozenset[int]:
    """Return the kinds whose networks are too large to gain from training as one.

    A network that does not run is no such kind: its error is that of its own trials.
    """
    found = set()
    for each in samples:
        with suppress(UserError):
            if is_apart(each.recipe):
                found.add(kinds[label(each.cell)])
    return frozenset(found)
