"""At equal non-embedding parameters, should a character language model be deep or wide?

Command:  make study NAME=depth_vs_params_transformer
Cost:     6 minutes on two CPU cores (84 trials of about 9 s of CPU; an estimate).
Expected: no answer yet: it was not run in this form. One training each at a rate of 6e-3: 3.07 bits
          per character at depth 1 and 3.23 at depth 4 with 100,000 parameters, 3.42 at depth 4
          with 26,000 (validation, 2026-11-28, torch 2.13).
"""

from dataclasses import replace

from optuna.trial import BaseTrial

from harness.claims import Claim
from harness.data.shakespeare import Shakespeare
from harness.models.decoder import Decoder
from harness.recipe import Recipe
from harness.sizing import width_for
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.language_model import LanguageModel

DATA = Shakespeare(context=64, characters=400_000)
"""One epoch of it is 4 to 15 characters a parameter, for minutes on two cores."""


def space(trial: BaseTrial, *, depth: int, budget: int) -> Recipe:
    """Return one recipe: depth and budget are compared, the learning rate is tuned in each cell.

    The budget leaves out embeddings, of which a wide model has more (Kaplan 2020, Fig. 6).
    """
    model = Decoder(depth=depth, heads=2)
    width = width_for(model, DATA, parameters=budget, of="non_embedding", tolerance=0.05)
    return Recipe(
        model=replace(model, width=width),
        data=DATA,
        task=LanguageModel(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 1e-3, 3e-2, log=True),
        weight_decay=0.1,
        beta2=0.99,
        batch_size=8,
        epochs=1,
        warmup=0.1,
        clip=1.0,
    )


study = Study(
    question="At equal non-embedding parameters, should a character model be deep or wide?",
    space=space,
    scientific={"depth": (1, 2, 4), "budget": (26_000, 100_000)},
    compare="depth",
    claims=(Claim(a=4, b=1), Claim(a=2, b=1)),
    objective="val/loss",
    metrics=("val/bits_per_character",),
    trials_per_cell=4,
    seeds=10,
)
