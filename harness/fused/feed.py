"""Feed: the batches of every model of a stack, read once where models read the same."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytorch_lightning as lightning
import torch
from torch import Tensor

from harness.recipe import Recipe


class Feed:
    """Yields batches for all models: without a dimension of models if all read the same data.

    Floating-point parts arrive in the type and on the device of `like`.
    """

    def __init__(self, recipes: Sequence[Recipe], like: Tensor) -> None:
        keys = [(recipe.data, recipe.seed) for recipe in recipes]
        first = {key: recipes[keys.index(key)] for key in keys}
        self.like = like
        self.modules: list[lightning.LightningDataModule] = [
            recipe.data.build(seed=recipe.seed, batch_size=recipe.batch_size)
            for recipe in first.values()
        ]
        self.source = [list(first).index(key) for key in keys]
        """For each model the number of its data module."""
        self._validation: list[list[Tensor]] = []
        self._loaders: list[Any] = [module.train_dataloader() for module in self.modules]

    @property
    def shared(self) -> bool:
        """Whether all models read the same batches."""
        return len(set(self.source)) == 1

    @property
    def steps(self) -> int:
        """Optimizer steps in an epoch."""
        return int(self._loaders[0].effective_batches)

    def of(self, row: int) -> lightning.LightningDataModule:
        """Return a model's data module."""
        return self.modules[self.source[row]]

    def take(self, rows: Sequence[int]) -> None:
        """Keep these models, in this order."""
        self.source = [self.source[row] for row in rows]
        self._validation = []

    def position(self) -> dict[str, int]:
        """Return the position, which is the same for all."""
        position: dict[str, int] = self._loaders[self.source[0]].state_dict()
        return position

    def go_to(self, position: dict[str, int]) -> None:
        """Go on from a position."""
        for loader in self._loaders:
            loader.load_state_dict(position)

    def epoch(self) -> Iterator[list[Tensor]]:
        """Yield the batches of the epoch under way."""
        yield from self._joined([self._loaders[n] for n in self._used()])

    def validation(self) -> list[list[Tensor]]:
        """Return the batches of the validation sets, kept from epoch to epoch."""
        if not self._validation:
            loaders = [self.modules[n].val_dataloader() for n in self._used()]
            self._validation = list(self._joined(loaders))
        return self._validation

    def _used(self) -> list[int]:
        return sorted(set(self.source))

    def _joined(self, loaders: Sequence[Any]) -> Iterator[list[Tensor]]:
        order = {number: place for place, number in enumerate(self._used())}
        places = [order[number] for number in self.source]
        for batches in zip(*loaders, strict=True):
            if len(batches) == 1:
                yield [self._moved(part) for part in batches[0]]
            else:
                columns = zip(*batches, strict=True)
                yield [self._moved(torch.stack([c[p] for p in places])) for c in columns]

    def _moved(self, part: Tensor) -> Tensor:
        kind = self.like.dtype if part.is_floating_point() else part.dtype
        return part.to(self.like.device, kind)
