"""Recipes: the trainings that every contender does, small MLPs on Digits."""

from dataclasses import asdict, dataclass

from optuna.trial import BaseTrial

from harness.data.batches import Splits
from harness.data.digits import Digits
from harness.models.mlp import MLP
from harness.recipe import Recipe
from harness.strategies.full import Full
from harness.tasks.classify import Classify

EPOCHS, BATCH, WEIGHT_DECAY, SEED = 20, 64, 0.01, 0
DEPTHS, WIDTHS, RATES = (1, 2, 4), (32, 64, 128), (1e-3, 3e-3, 1e-2)


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

    def recipe(self) -> Recipe:
        """Return it as the harness's recipe."""
        return Recipe(
            model=MLP(depth=self.depth, width=self.width),
            data=Digits(),
            task=Classify(),
            strategy=Full(),
            lr=self.lr,
            weight_decay=WEIGHT_DECAY,
            epochs=EPOCHS,
            batch_size=BATCH,
            seed=SEED,
        )


def points(trials: int) -> list[Point]:
    """Return the first `trials` points of a walk through depths, widths and learning rates."""
    return [
        Point(depth=DEPTHS[n % 3], width=WIDTHS[n // 3 % 3], lr=RATES[(n + n // 9) % 3])
        for n in range(trials)
    ]


def splits() -> Splits:
    """Return the parts of Digits that the harness trains and validates on, as tensors."""
    return Digits().build(seed=SEED, batch_size=BATCH).splits
