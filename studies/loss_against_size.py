"""How does the loss of an MLP fall with its number of parameters?

Command:  make study NAME=loss_against_size
Cost:     a minute on one CPU core (84 trials).
Expected: E + A/N^α with E = .082 (.073 to .090) and α = 1.6 (1.0 to 4.9): with 1,150 images more
          parameters soon stop to help, and a plain power law (α = .25) forecasts the loss at 32,000
          39 % too low, the saturating one 15 % (2026-11-22, torch 2.13, 10 seeds).
"""

from dataclasses import replace

from optuna.trial import BaseTrial

from harness.claims import Claim
from harness.data.digits import Digits
from harness.models.mlp import MLP
from harness.recipe import Recipe
from harness.sizing import width_for
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.classify import Classify

MODEL = MLP(depth=2, init="he")


def space(trial: BaseTrial, *, budget: int) -> Recipe:
    """Return one recipe: the budget is compared, learning rate and weight decay are tuned."""
    return Recipe(
        model=replace(MODEL, width=width_for(MODEL, Digits(), parameters=budget, tolerance=0.05)),
        data=Digits(),
        task=Classify(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 1e-3, 1e-1, log=True),
        weight_decay=trial.suggest_float("weight_decay", 1e-3, 1.0, log=True),
        epochs=20,
        warmup=0.1,
    )


study = Study(
    question="How does the loss of an MLP fall with its number of parameters?",
    space=space,
    scientific={"budget": (1_000, 2_000, 4_000, 8_000, 16_000, 32_000)},
    claims=(Claim(a=32_000, b=1_000, expect="better"),),
    answer="test/loss",
    trials_per_cell=4,
    seeds=10,
)
