"""Content: a dataset as it was read, its fixed test set, and its sha256."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from harness.data.batches import Split
from harness.data.partition import hold_out
from harness.data.randomness import Stream

HELD_OUT = 0.2
"""Share of the examples for a test set that is not official, and of the rest for validation."""


@dataclass(frozen=True, eq=False)
class Content:
    """A dataset as it was read, before the split and the standardisation."""

    development: Split
    test: Split


def draw_test(everything: Split, count: int | None = None) -> Content:
    """Return content with a stratified test set that no setting and no seed can change.

    It has `count` examples, or 20 % of all.
    """
    count = round(HELD_OUT * len(everything)) if count is None else count
    kept, held = hold_out(everything.targets, count, seed=0, stream=Stream.TEST, ordered=True)
    return Content(everything.take(kept), everything.take(held))


@lru_cache(maxsize=8)
def sha256(content: Content) -> str:
    """Return the sha256 (hexadecimal) over types, shapes and values of all examples."""
    digest = hashlib.sha256()
    for split in (content.development, content.test):
        for tensor in (split.inputs, split.targets):
            array = tensor.contiguous().numpy()
            little_endian = array.astype(array.dtype.newbyteorder("<"), copy=False)
            digest.update(f"{little_endian.dtype.str}{little_endian.shape}".encode())
            digest.update(little_endian.data)
    return digest.hexdigest()
