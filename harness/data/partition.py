"""Partitions: which examples are held out, stratified by class and exact in size."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.data.randomness import Stream, numpy_generator

Indices = NDArray[np.int64]


def hold_out(
    targets: Tensor, count: int, *, seed: int, stream: Stream, ordered: bool = False
) -> tuple[Tensor, Tensor]:
    """Return indices of (the kept, the `count` held out) examples.

    Systematic sampling: evenly spaced positions in a list that is random within each class, so that
    a class of c of the n examples loses c·count/n, rounded up or down. What has no class, but
    values or several targets, is drawn at random. The kept ones are in random order, so that the
    first of them are a fair sample too, unless `ordered`.
    """
    shuffled = numpy_generator(seed, stream).permutation(len(targets))
    position = np.arange(len(targets))
    chosen = (position + 1) * count // len(targets) > position * count // len(targets)
    return _separate(shuffled, _by_class(shuffled, targets)[chosen], ordered=ordered)


def hold_out_fold(targets: Tensor, *, folds: int, fold: int) -> tuple[Tensor, Tensor]:
    """Return indices of (the kept, fold number `fold`), a function of the arguments alone.

    The n examples, random within each class, are dealt out like cards: the first n % folds folds
    have one more than the others, and every class is spread as evenly.
    """
    shuffled = numpy_generator(0, Stream.FOLDS).permutation(len(targets))
    return _separate(shuffled, _by_class(shuffled, targets)[fold::folds], ordered=False)


def _by_class(shuffled: Indices, targets: Tensor) -> Indices:
    if targets.is_floating_point() or targets.ndim > 1:
        return shuffled
    return shuffled[np.argsort(targets.numpy()[shuffled], kind="stable")]


def _separate(shuffled: Indices, held: Indices, *, ordered: bool) -> tuple[Tensor, Tensor]:
    kept = shuffled[~np.isin(shuffled, held)]
    if ordered:
        kept = np.sort(kept)
    return torch.from_numpy(kept), torch.from_numpy(np.sort(held))
