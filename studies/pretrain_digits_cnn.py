"""How well does a small CNN with group norm learn the digits?

Command:  make study NAME=pretrain_digits_cnn
Cost:     seconds on one CPU core (4 trials).
Expected: validation accuracy .98; its best trial is a base of reproduce_finetuning.
"""

from optuna.trial import BaseTrial

from harness.data.digits import Digits
from harness.models.cnn import CNN
from harness.recipe import Recipe
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.classify import Classify


def space(trial: BaseTrial) -> Recipe:
    """Return one recipe; only the learning rate is tuned."""
    return Recipe(
        model=CNN(stages=3, width=16, norm="group", init="he"),
        data=Digits(),
        task=Classify(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 1e-3, 1e-2, log=True),
        warmup=0.1,
    )


study = Study(
    question="How well does a small CNN with group norm learn the digits?",
    space=space,
    metrics=("val/accuracy",),
    sampler="qmc",
    trials=4,
)
