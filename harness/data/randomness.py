"""Random streams: seeds derived from a recipe's seed and a key, independent of each other."""

from enum import IntEnum

import numpy as np
import torch


class Stream(IntEnum):
    """What a stream is for; the first part of its key."""

    TEST = 0
    FOLDS = 1
    VALIDATION = 2
    ORDER = 3
    AUGMENT = 4


def seed_sequence(seed: int, stream: Stream, *key: int) -> np.random.SeedSequence:
    """Return what (seed, stream, *key) alone decides.

    The key is a spawn key, as adding numbers up would give neighbouring seeds the same streams, and
    as SeedSequence pads a plain list with zeros: (1, 2) and (1, 2, 0) would be the same.
    """
    return np.random.SeedSequence(seed, spawn_key=(int(stream), *key))


def torch_generator(seed: int, stream: Stream, *key: int) -> torch.Generator:
    """Return a fresh torch generator on the CPU, a function of (seed, stream, *key) alone."""
    state = seed_sequence(seed, stream, *key).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))


def numpy_generator(seed: int, stream: Stream, *key: int) -> np.random.RandomState:
    """Return a fresh numpy generator, a function of (seed, stream, *key) alone.

    RandomState, because numpy promises that its numbers never change from version to version
    (NEP 19), so that a test set stays what it was.
    """
    return np.random.RandomState(np.random.MT19937(seed_sequence(seed, stream, *key)))
