"""With images and convolutions, do parameters do more good in width or in depth?

Command:  make study NAME=width_vs_depth
Cost:     9 minutes with WORKERS=2 on 2 CPU cores (48 trials).
Expected: no claim from five seeds. At 13,000 parameters 2 blocks against 1 are +.5 ± 1.5 points of
          accuracy, at 5,800 four blocks lose 12 ± 10: so little data and so few epochs favour
          width. SEEDS=10 makes it a claim.
"""

from dataclasses import replace

from optuna.trial import BaseTrial

from harness.data.fashion_mnist import FashionMNIST
from harness.models.cnn import CNN
from harness.recipe import Recipe
from harness.sizing import width_for
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.classify import Classify

DATA = FashionMNIST(limit=2_000)
"""2,000 of 55,000 training images, for minutes on two cores; the whole test set of 10,000."""


def space(trial: BaseTrial, *, blocks: int, budget: int) -> Recipe:
    """Return one recipe: residual blocks a stage and the budget are compared, the rest is tuned."""
    model = CNN(stages=2, blocks=blocks, connection="residual", norm="batch", init="he")
    width = width_for(model, DATA, parameters=budget, tolerance=0.04)
    return Recipe(
        model=replace(model, width=width),
        data=DATA,
        task=Classify(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 1e-3, 1e-1, log=True),
        weight_decay=trial.suggest_float("weight_decay", 1e-4, 1.0, log=True),
        batch_size=128,
        epochs=4,
        warmup=0.1,
    )


study = Study(
    question="With images and convolutions, do parameters do more good in width or in depth?",
    space=space,
    scientific={"blocks": (1, 2, 4), "budget": (5_800, 13_000)},
    compare="blocks",
    objective="val/loss",
    trials_per_cell=3,
    seeds=5,
)
