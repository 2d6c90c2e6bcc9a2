"""Cases: the studies that every contender does: small MLPs, small CNNs, small decoders."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from optuna.distributions import FloatDistribution
from optuna.trial import BaseTrial

from harness.data.batches import Splits
from harness.data.digits import Digits
from harness.data.fashion_mnist import FashionMNIST
from harness.data.shakespeare import Shakespeare
from harness.models.cnn import CNN
from harness.models.decoder import Decoder
from harness.models.mlp import MLP
from harness.recipe import Data, Model, Recipe, Task
from harness.samplers import from_unit, sobol_point
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.classify import Classify
from harness.tasks.language_model import LanguageModel

WEIGHT_DECAY, SEED = 0.01, 0
RATES = FloatDistribution(1e-3, 1e-2, log=True)


@dataclass(frozen=True, kw_only=True)
class Point:
    """What differs between trials."""

    depth: int
    width: int
    lr: float


@dataclass(frozen=True, kw_only=True)
class Size:
    """A designed study's size: in each cell so many tuned points, then so many fresh seeds."""

    points: int
    seeds: int


SMALL = Size(points=1, seeds=1)
WARM = Size(points=2, seeds=1)
"""That of a warm-up: stacks of two."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A kind of study: its data, task and models, its cells, and how long it is as a whole."""

    what: str
    data: Data
    task: Task
    model: Callable[[Point], Model]
    depths: tuple[int, ...]
    widths: tuple[int, ...]
    epochs: int
    batch: int
    whole: Size

    def study(self, size: Size, source: Path) -> Study:
        """Return the study that the harness runs."""

        return Study(
            question="How many trials an hour?",
            space=self._space,
            scientific={"depth": self.depths, "width": self.widths},
            trials_per_cell=size.points,
            seeds=size.seeds,
            metrics=(f"val/{self.task.headline}",),
            seed=SEED,
            name=source.stem,
            source=source,
        )

    def halving(self, size: Size, source: Path) -> Study:
        """Return a search of as many trials, of the largest networks, that prunes by halving."""
        cells = len(self.depths) * len(self.widths)
        return replace(
            self.study(size, source),
            scientific={},
            trials=cells * (size.points + size.seeds),
            sampler="qmc",
            pruner="halving",
        )

    def _space(
        self, trial: BaseTrial, *, depth: int | None = None, width: int | None = None
    ) -> Recipe:
        lr = trial.suggest_float("lr", RATES.low, RATES.high, log=True)
        point = Point(depth=depth or max(self.depths), width=width or max(self.widths), lr=lr)
        return self.recipe(point)

    def first_points(self) -> list[Point]:
        """Return the first point of every cell, which every contender trains."""
        lr = from_unit(sobol_point(SEED, 0)[0], RATES)
        return [Point(depth=d, width=w, lr=lr) for d in self.depths for w in self.widths]

    def recipe(self, point: Point) -> Recipe:
        """Return a point as the harness's recipe."""
        return Recipe(
            model=self.model(point),
            data=self.data,
            task=self.task,
            strategy=Full(),
            lr=point.lr,
            weight_decay=WEIGHT_DECAY,
            epochs=self.epochs,
            batch_size=self.batch,
            seed=SEED,
        )

    def splits(self) -> Splits:
        """Return the parts that the harness trains and validates on, as tensors."""
        module = self.data.build(seed=SEED, batch_size=self.batch)
        parts: Splits = module.splits  # type: ignore[attr-defined]
        return parts


def mlp(point: Point) -> Model:
    """Return a small MLP."""
    return MLP(depth=point.depth, width=point.width)


def cnn(point: Point) -> Model:
    """Return a small CNN."""
    return CNN(stages=2, blocks=point.depth, width=point.width, norm="batch")


def decoder(point: Point) -> Model:
    """Return a small decoder."""
    return Decoder(depth=point.depth, width=point.width, heads=2)


CASES = {
    "mlp": Case(
        what="MLPs of 1-2 hidden layers of 32-64 on Digits, 20 epochs of 1,150 images",
        data=Digits(),
        task=Classify(),
        model=mlp,
        depths=(1, 2),
        widths=(32, 64),
        epochs=20,
        batch=64,
        whole=Size(points=12, seeds=4),
    ),
    "cnn": Case(
        what="CNNs of 2 stages of 1-2 blocks on 2,000 images of Fashion-MNIST, 3 epochs",
        data=FashionMNIST(limit=2_000),
        task=Classify(),
        model=cnn,
        depths=(1, 2),
        widths=(8,),
        epochs=3,
        batch=64,
        whole=Size(points=4, seeds=4),
    ),
    "decoder": Case(
        what="decoders of 1-2 blocks of width 32 on 64,000 characters of Shakespeare, 3 epochs",
        data=Shakespeare(context=32, characters=64_000),
        task=LanguageModel(),
        model=decoder,
        depths=(1, 2),
        widths=(32,),
        epochs=3,
        batch=64,
        whole=Size(points=4, seeds=4),
    ),
}
