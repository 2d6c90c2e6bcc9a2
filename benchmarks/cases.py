"""Cases: the studies that every contender does: small MLPs, small CNNs, small decoders."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from optuna.trial import BaseTrial

from harness.data.batches import Splits
from harness.data.digits import Digits
from harness.data.fashion_mnist import FashionMNIST
from harness.data.shakespeare import Shakespeare
from harness.models.cnn import CNN
from harness.models.decoder import Decoder
from harness.models.mlp import MLP
from harness.recipe import Data, Model, Recipe, Task
from harness.strategies.full import Full
from harness.tasks.classify import Classify
from harness.tasks.language_model import LanguageModel

WEIGHT_DECAY, SEED = 0.01, 0
DEPTHS, WIDTHS = (1, 2), (32, 64)
RATES = (1e-3, 2e-3, 5e-3, 1e-2)


@dataclass(frozen=True, kw_only=True)
class Point:
    """What differs between trials."""

    depth: int
    width: int
    lr: float

    @classmethod
    def suggested(cls, trial: BaseTrial) -> "Point":
        """Return a trial's point; an enqueued trial has its values already."""
        return cls(
            depth=trial.suggest_int("depth", 1, 8),
            width=trial.suggest_int("width", 8, 512),
            lr=trial.suggest_float("lr", 1e-4, 1e-1, log=True),
        )

    def values(self) -> dict[str, int | float]:
        """Return it as Optuna's parameters."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A kind of study: its data, task and models, and how many trials each contender does.

    `trials` are for one round, by contender; a contender that is not named does `least`.
    """

    what: str
    data: Data
    task: Task
    model: Callable[[Point], Model]
    epochs: int
    batch: int
    least: int
    trials: Mapping[str, int]

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


def points(trials: int) -> list[Point]:
    """Return the first `trials` points of a walk through depths, widths and learning rates."""
    return [
        Point(depth=DEPTHS[n % 2], width=WIDTHS[n // 2 % 2], lr=RATES[n // 4 % 4] * (1 + n / 1000))
        for n in range(trials)
    ]


CASES = {
    "mlp": Case(
        what="MLPs of 1-2 hidden layers of 32-64 on Digits, 20 epochs of 1,150 images",
        data=Digits(),
        task=Classify(),
        model=lambda point: MLP(depth=point.depth, width=point.width),
        epochs=20,
        batch=64,
        least=8,
        trials={"fused": 64},
    ),
    "cnn": Case(
        what="CNNs of 2 stages of 1-2 blocks on 2,000 images of Fashion-MNIST, 3 epochs",
        data=FashionMNIST(limit=2_000),
        task=Classify(),
        model=lambda point: CNN(stages=2, blocks=point.depth, width=point.width // 4, norm="batch"),
        epochs=3,
        batch=64,
        least=4,
        trials={"fused": 16},
    ),
    "decoder": Case(
        what="decoders of 1-2 blocks of width 32-64 on 64,000 characters of Shakespeare, 3 epochs",
        data=Shakespeare(context=32, characters=64_000),
        task=LanguageModel(),
        model=lambda point: Decoder(depth=point.depth, width=point.width, heads=2),
        epochs=3,
        batch=64,
        least=4,
        trials={"fused": 16},
    ),
}
