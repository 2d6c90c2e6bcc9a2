"""The LightningDataModule of data in memory: three loaders over the parts of one split."""

import math

import pytorch_lightning as lightning

from harness.data.batches import Batches, Split, Splits

EVALUATION_SIZE = 256
"""Examples in a batch without gradients, at least: 1,024 images took a small CNN twice as long each
(2026-11-22, one CPU core: the activations no longer fit in its cache)."""


class InMemoryModule(lightning.LightningDataModule):
    """Hands out loaders; the training loader is one object, so that its position can be loaded.

    A batch of evaluation has `evaluation_size` examples, or as many as a training micro-batch.
    """

    def __init__(
        self, splits: Splits, train: Batches, *, evaluation_size: int = EVALUATION_SIZE
    ) -> None:
        super().__init__()
        self.splits = splits
        self._train = train
        self._evaluation_size = evaluation_size

    def train_dataloader(self) -> Batches:
        """Return the shuffled loader of the training part, the same object every time."""
        return self._train

    def val_dataloader(self) -> Batches:
        """Return a loader of the validation part, in fixed order."""
        return self._in_order(self.splits.validation)

    def test_dataloader(self) -> Batches:
        """Return a loader of the test set, in fixed order."""
        return self._in_order(self.splits.test)

    def _in_order(self, split: Split) -> Batches:
        size = max(self._evaluation_size, math.ceil(self._train.batch_size / self._train.parts))
        return Batches(split, batch_size=size, shuffle=False, by_length=self._train.by_length)
