"""Data in memory: what every dataset that fits there shares, from the split to the digest."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from harness.data.batches import Augmentation, Batches, Split, Splits
from harness.data.content import HELD_OUT, Content, sha256
from harness.data.module import InMemoryModule
from harness.data.partition import hold_out, hold_out_fold
from harness.data.randomness import Stream
from harness.data.standardise import UNCHANGED, Standardisation, per_column
from harness.recipe import Data, Facts, Targets
from harness.settings import UserError, require_whole


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What `facts()` needs: the shape of an example, and the examples of each part.

    `development` counts all examples outside the test set; `validation` those of them that are held
    out without folds, by default 20 %.
    """

    inputs: tuple[int, ...]
    outputs: int
    development: int
    test: int
    validation: int | None = None
    targets: Targets = "classes"
    vocabulary: int | None = None
    ragged: bool = False
    source: int = 0
    entities: tuple[int, ...] = ()
    features: tuple[int, ...] = ()
    objects: int = 0
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class InMemory(Data, ABC):
    """A dataset whose test set is fixed and whose validation part is drawn by the recipe's seed.

    With `folds`, validation is fold number `fold` (from 0) of a fixed partition, whatever the seed.
    `limit` keeps only so many examples of the training part. Both draws are stratified by class.
    Numbers arrive standardised in float32, tokens and classes in int64; regression targets
    (n, outputs) are standardised too, unless `target_scale` says otherwise: losses and errors are
    in units of the training part's deviation.
    """

    sizes: ClassVar[Sizes]
    by_length: ClassVar[bool] = False
    """Whether texts of similar length come together in a batch."""

    folds: int | None = None
    fold: int = 0
    limit: int | None = None

    def __post_init__(self) -> None:
        require_whole("fold", self.fold, low=0)
        if self.folds is not None:
            require_whole("folds", self.folds, low=2)
            self._require_at_most("folds", self.folds, self.sizes.development)
        self._require_at_most("fold", self.fold, (self.folds or 1) - 1)
        if self.limit is not None:
            require_whole("limit", self.limit)
            train = self.sizes.development - self._validation_size()
            self._require_at_most("limit", self.limit, train)

    @abstractmethod
    def load(self) -> Content:
        """Return the content, the same object every time; raise UserError if a file is missing."""

    @abstractmethod
    def scale(self, inputs: Tensor) -> Standardisation:
        """Return the standardisation fitted on the training part's inputs."""

    def target_scale(self, targets: Tensor) -> Standardisation:
        """Return the standardisation fitted on the training part's targets; classes have none."""
        return per_column(targets) if targets.is_floating_point() else UNCHANGED

    @abstractmethod
    def augmentation(self, scale: Standardisation) -> Augmentation | None:
        """Return what changes each training batch after the standardisation `scale`, if any."""

    def facts(self) -> Facts:
        """Return shapes and sizes without reading any file."""
        sizes, validation = self.sizes, self._validation_size()
        train = sizes.development - validation if self.limit is None else self.limit
        return Facts(
            inputs=sizes.inputs,
            outputs=sizes.outputs,
            train=train,
            validation=validation,
            test=sizes.test,
            targets=sizes.targets,
            vocabulary=sizes.vocabulary,
            ragged=sizes.ragged,
            source=sizes.source,
            entities=sizes.entities,
            features=sizes.features,
            objects=sizes.objects,
            labels=sizes.labels,
        )

    def check(self) -> None:
        """Read the files, once in a process; raise UserError if one is missing or wrong."""
        self.load()

    def digest(self) -> str:
        """Return the sha256 over types, shapes and values of all examples, whatever the split."""
        return sha256(self.load())

    def build(self, *, seed: int, batch_size: int | None, accumulate: int = 1) -> InMemoryModule:
        """Return the data module; its training loader and its split are functions of `seed`."""
        content = self.load()
        kept, held = self._partition(content.development.targets, seed)
        parts = Splits(
            train=content.development.take(kept[: self.limit]),
            validation=content.development.take(held),
            test=content.test,
        )
        scale = self.scale(parts.train.inputs)
        splits = _standardised(parts, scale, self.target_scale(parts.train.targets))
        train = Batches(
            splits.train,
            batch_size=batch_size,
            accumulate=accumulate,
            seed=seed,
            augment=self.augmentation(scale),
            by_length=self.by_length,
        )
        return InMemoryModule(splits, train)

    def standardise(self, inputs: Tensor, *, seed: int) -> Tensor:
        """Return inputs standardised as the training part of `seed` says."""
        return self.scale(self._train(seed).inputs).apply(inputs)

    def in_units(self, outputs: Tensor, *, seed: int) -> Tensor:
        """Return outputs with the standardisation of the training part's targets undone."""
        return self.target_scale(self._train(seed).targets).undo(outputs)

    def _train(self, seed: int) -> Split:
        development = self.load().development
        kept, _held = self._partition(development.targets, seed)
        return development.take(kept[: self.limit])

    def _validation_size(self) -> int:
        sizes = self.sizes
        if self.folds is not None:
            return sizes.development // self.folds + (self.fold < sizes.development % self.folds)
        return round(HELD_OUT * sizes.development) if sizes.validation is None else sizes.validation

    def _partition(self, targets: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        if self.folds is not None:
            return hold_out_fold(targets, folds=self.folds, fold=self.fold)
        return hold_out(targets, self._validation_size(), seed=seed, stream=Stream.VALIDATION)

    def _require_at_most(self, what: str, got: int, high: int) -> None:
        if got > high:
            do = "set folds to use fold" if what == "fold" and not self.folds else "lower it"
            raise UserError(f"{type(self).__name__}.{what}", got=got, allowed=f"≤ {high}", do=do)


def _standardised(parts: Splits, inputs: Standardisation, targets: Standardisation) -> Splits:
    def standardised(split: Split) -> Split:
        return Split(inputs.apply(split.inputs), targets.apply(split.targets))

    return Splits(*(standardised(part) for part in (parts.train, parts.validation, parts.test)))
