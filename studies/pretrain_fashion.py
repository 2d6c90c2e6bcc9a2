"""How well does a small CNN learn five classes of Fashion-MNIST?

Command:  make study NAME=pretrain_fashion
Cost:     half a minute on 2 CPU cores (4 trials).
Expected: validation accuracy .90 to .92; its best trial is the base of finetune_strategies.
"""

from optuna.trial import BaseTrial

from harness.data.fashion_half import FashionHalf
from harness.models.cnn import CNN
from harness.recipe import Recipe
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.classify import Classify

MODEL = CNN(stages=3, width=8, norm="batch", init="he")


def space(trial: BaseTrial) -> Recipe:
    """Return one recipe; only the learning rate is tuned."""
    return Recipe(
        model=MODEL,
        data=FashionHalf(limit=5_000),
        task=Classify(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 3e-3, 3e-2, log=True),
        epochs=6,
        warmup=0.1,
    )


study = Study(
    question="How well does a small CNN learn five classes of Fashion-MNIST?",
    space=space,
    metrics=("val/accuracy",),
    sampler="qmc",
    trials=4,
)
