"""Which small network is best on the digits within 20,000 parameters? An ordinary Optuna search.

Command:  make study NAME=first_search
Cost:     one minute on one CPU core (60 trials, 27 of them pruned, 12 too large to train).
Expected: one wide layer, validation loss .024, accuracy .99 (single runs: no claim).
"""

from typing import cast

from optuna.trial import BaseTrial

from harness.data.digits import Digits
from harness.models.activation import Activation
from harness.models.mlp import MLP
from harness.recipe import Recipe
from harness.sizing import count_parameters
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.classify import Classify

ACTIVATIONS = ("relu", "tanh", "gelu")
LIMIT = 20_000
"""Trainable parameters; a larger network is not trained, so it costs nothing."""


def space(trial: BaseTrial) -> Recipe:
    """Return one recipe; nothing is compared, everything is tuned."""
    model = MLP(
        depth=trial.suggest_int("depth", 1, 5),
        width=trial.suggest_int("width", 8, 256, log=True),
        activation=cast("Activation", trial.suggest_categorical("activation", ACTIVATIONS)),
        dropout=trial.suggest_float("dropout", 0.0, 0.4),
        init="he",
    )
    trial.set_constraint("parameters", count_parameters(model, Digits().facts()) - LIMIT)
    return Recipe(
        model=model,
        data=Digits(),
        task=Classify(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 1e-4, 1e-1, log=True),
        epochs=20,
        warmup=0.1,
    )


study = Study(
    question="Which small network is best on the digits within 20,000 parameters?",
    space=space,
    objective="val/loss",
    metrics=("val/accuracy",),
    sampler="tpe",
    pruner="median",
    trials=60,
)
