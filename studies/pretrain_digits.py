"""How well does a small MLP learn the digits?

Command:  make study NAME=pretrain_digits
Cost:     seconds on one CPU core (4 trials).
Expected: validation accuracy .97; its best trial is the base of forgetting.
"""

from optuna.trial import BaseTrial

from harness.data.digits import Digits
from harness.models.mlp import MLP
from harness.recipe import Recipe
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.classify import Classify


def space(trial: BaseTrial) -> Recipe:
    """Return one recipe; only the learning rate is tuned."""
    return Recipe(
        model=MLP(depth=2, width=64, init="he"),
        data=Digits(),
        task=Classify(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 1e-3, 1e-2, log=True),
    )


study = Study(
    question="How well does a small MLP learn the digits?",
    space=space,
    metrics=("val/accuracy",),
    sampler="qmc",
    trials=4,
)
