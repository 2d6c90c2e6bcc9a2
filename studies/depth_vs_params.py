"""At a fixed number of parameters, is it better to be deep or wide?

Command:  make study NAME=depth_vs_params
Cost:     1:06 minutes on two CPU cores (432 trials, up to 16 at once).
Expected: wide: depth 8 loses to depth 1 by 17 ± 6 points of accuracy at 2,800 parameters in a plain
          trunk (rounding alone moves that cell: 28 ± 7 one by one), but by 2.2 ± 1.0 in a
          residual one, so most of it is trainability; at 10,300 and 32,000 the residual trunk loses
          less than 1 point (2026-11-22, torch 2.13, 10 seeds).
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

TRUNKS = {
    "plain": MLP(connection="plain", init="torch"),
    "residual": MLP(connection="residual", init="he"),
}
"""The control: if depth hurts the plain trunk alone, trainability is what it lacks."""


def space(trial: BaseTrial, *, depth: int, budget: int, trunk: str) -> Recipe:
    """Return one recipe: depth, budget and trunk are compared, the rest is tuned in each cell."""
    model = replace(TRUNKS[trunk], depth=depth)
    return Recipe(
        model=replace(model, width=width_for(model, Digits(), parameters=budget)),
        data=Digits(),
        task=Classify(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 3e-4, 3e-1, log=True),
        weight_decay=trial.suggest_float("weight_decay", 1e-4, 1.0, log=True),
        epochs=20,
        warmup=0.1,
    )


study = Study(
    question="At a fixed number of parameters, is it better to be deep or wide?",
    space=space,
    scientific={
        "depth": (1, 2, 4, 8),
        "budget": (2_800, 10_300, 32_000),  # every depth meets them within 1.1 %
        "trunk": ("plain", "residual"),
    },
    compare="depth",
    claims=(
        Claim(a=8, b=1),
        Claim(a=2, b=1, at={"trunk": "residual"}, expect="equal", margin=0.01),
    ),
    objective="val/loss",
    trials_per_cell=8,
    seeds=10,
)
