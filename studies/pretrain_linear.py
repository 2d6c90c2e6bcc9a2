"""Does a two-layer linear network find the features that six targets have in common?

Command:  make study NAME=pretrain_linear
Cost:     seconds on one CPU core (2 trials).
Expected: yes, to a mean squared error below 1e-6; it is a base of reproduce_finetuning.
"""

from optuna.trial import BaseTrial

from harness.data.linear_shift import LinearSource
from harness.models.mlp import MLP
from harness.recipe import Recipe
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.regress import Regress


def space(trial: BaseTrial) -> Recipe:
    """Return one recipe; only the learning rate is tuned."""
    return Recipe(
        model=MLP(depth=1, width=6, activation="identity"),
        data=LinearSource(),
        task=Regress(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 5e-3, 2e-2, log=True),
        epochs=60,
    )


study = Study(
    question="Does a two-layer linear network find the features that six targets have in common?",
    space=space,
    metrics=("val/rmse",),
    sampler="qmc",
    trials=2,
)
