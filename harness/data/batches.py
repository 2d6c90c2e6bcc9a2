"""Batches: an in-memory loader whose order is a function of (seed, epoch) and that can resume."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.data.randomness import Stream, torch_generator
from harness.facts import PADDING
from harness.settings import UserError, require_whole

POOL = 8
"""Batches in a window that is sorted by length: enough that each is of one length, few enough that
which texts come together differs from epoch to epoch."""
Batch = tuple[Tensor, Tensor]
Augmentation = Callable[[Tensor, torch.Generator], Tensor]
"""Maps a batch of inputs to inputs of the same shape, drawing from the given generator alone."""


@dataclass(frozen=True, eq=False)
class Split:
    """Examples in memory: inputs (n, …) and targets (n, …) in the same order."""

    inputs: Tensor
    targets: Tensor

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.targets) or len(self.inputs) == 0:
            got = (len(self.inputs), len(self.targets))
            do = "return one target for each input"
            raise UserError("lengths of a split", got=got, allowed="equal, from 1", do=do)

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, indices: Tensor) -> "Split":
        """Return a copy of the examples at `indices`, in that order."""
        return Split(self.inputs[indices], self.targets[indices])


@dataclass(frozen=True, eq=False)
class Splits:
    """The three parts of a dataset; no example is in two of them."""

    train: Split
    validation: Split
    test: Split


class Batches:
    """Iterable of (inputs, targets), one epoch an iteration.

    An effective batch is what one optimizer step sees: `batch_size` examples (None: all of them),
    the last one of an epoch perhaps fewer. It arrives as `parts` = min(accumulate, batch_size)
    contiguous micro-batches whose sizes differ by one at most, the largest being
    ceil(batch_size / accumulate); only the last effective batch can have fewer.

    With `shuffle`, the iterable has a position: `epoch`, and how many micro-batches of it were
    `used`. An iteration goes on from there, so that a loaded state is all that a resume needs, and
    an iterator that nobody advances changes nothing. Without, every iteration starts anew.
    With `by_length` texts of similar length come together: training batches are drawn at random
    from windows of POOL batches that are sorted by length, evaluation goes from short to long. That
    spares a model that computes only up to a batch's longest text most padding.

    No random number is taken from a global generator.
    """

    def __init__(
        self,
        split: Split,
        *,
        batch_size: int | None,
        accumulate: int = 1,
        seed: int = 0,
        shuffle: bool = True,
        augment: Augmentation | None = None,
        by_length: bool = False,
    ) -> None:
        if batch_size is not None:
            require_whole("batch_size", batch_size)
        require_whole("accumulate", accumulate)
        self.split, self.seed, self.shuffle, self.augment = split, seed, shuffle, augment
        self.by_length = by_length
        self.batch_size = len(split) if batch_size is None else batch_size
        self.parts = min(accumulate, self.batch_size)
        full, short = divmod(len(split), self.batch_size)
        starts = (part * self.batch_size // self.parts for part in range(self.parts))
        self._length = full * self.parts + sum(start < short for start in starts)
        self.epoch = 0
        self.used = 0

    def __len__(self) -> int:
        """Return the number of micro-batches in an epoch."""
        return self._length

    @property
    def effective_batches(self) -> int:
        """Number of effective batches, hence of optimizer steps, in an epoch."""
        return math.ceil(len(self.split) / self.batch_size)

    def effective_size(self, k: int) -> int:
        """Return the number of examples in the effective batch of an epoch's micro-batch `k`."""
        return min(self.batch_size, len(self.split) - k // self.parts * self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return self._advance() if self.shuffle else self._from_start()

    def state_dict(self) -> dict[str, int]:
        """Return the position; `used == len(self)` means that the epoch is finished."""
        return {"epoch": self.epoch, "used": self.used}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go to a position that `state_dict` returned; raise UserError if there is none such."""
        if state["epoch"] < 0 or not 0 <= state["used"] <= len(self):
            allowed = f"epoch from 0, used from 0 to {len(self)}"
            do = "resume with the data and the batch size that wrote the checkpoint"
            raise UserError("position in the data", got=state, allowed=allowed, do=do)
        self.epoch, self.used = state["epoch"], state["used"]

    def _advance(self) -> Iterator[Batch]:
        self._finish_epoch()
        epoch, order = self.epoch, self._order(self.epoch)
        while self.epoch == epoch and self.used < len(self):
            # Counted before it is handed out: a checkpoint is written after the batch was trained
            # on, while the iterator still waits here.
            self.used += 1
            yield self._batch(order, epoch, self.used - 1)
        if self.epoch == epoch:
            self._finish_epoch()

    def _finish_epoch(self) -> None:
        if self.used == len(self):
            self.epoch, self.used = self.epoch + 1, 0

    def _from_start(self) -> Iterator[Batch]:
        order = torch.arange(len(self.split))
        if self.by_length:
            order = self._lengths().argsort(stable=True)
        return (self._batch(order, 0, k) for k in range(len(self)))

    def _order(self, epoch: int) -> Tensor:
        generator = torch_generator(self.seed, Stream.ORDER, epoch)
        order = torch.randperm(len(self.split), generator=generator)
        return self._bucketed(order, generator) if self.by_length else order

    def _bucketed(self, order: Tensor, generator: torch.Generator) -> Tensor:
        """Return the order with every window sorted by length, and its batches drawn at random.

        The last batch stays the last: it may be short.
        """
        lengths = self._lengths()
        windows = torch.split(order, POOL * self.batch_size)
        order = torch.cat([window[lengths[window].argsort(stable=True)] for window in windows])
        *full, last = torch.split(order, self.batch_size)
        drawn = torch.randperm(len(full), generator=generator).tolist()
        return torch.cat([*(full[place] for place in drawn), last])

    def _lengths(self) -> Tensor:
        """Return how many tokens of each text are no padding."""
        return (self.split.inputs != PADDING).sum(1)

    def _batch(self, order: Tensor, epoch: int, k: int) -> Batch:
        effective, part = divmod(k, self.parts)
        first = effective * self.batch_size
        start, stop = (first + edge * self.batch_size // self.parts for edge in (part, part + 1))
        indices = order[start:stop]
        inputs, targets = self.split.inputs[indices], self.split.targets[indices]
        if self.augment is not None:
            inputs = self.augment(inputs, torch_generator(self.seed, Stream.AUGMENT, epoch, k))
        return inputs, targets
