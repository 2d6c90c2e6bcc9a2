"""At equal parameters, how deep should a VAE be, and which latent units does it use?

Command:  make study NAME=generators
Cost:     3 minutes on two CPU cores (126 trials of 2 s of CPU; an estimate from a run of 81).
Published: units beyond what the data need become inactive (Burda 2016, arXiv:1509.00519, §5.2).
Expected: not run in this form yet. With 5 seeds, and widths of 128 at any depth: of 32 latent units
          depth 1 uses 30 to 32, and 7 of 10 confirming runs of depths 2 and 4 use none (posterior
          collapse); of 2 units both are used at every depth (2026-11-28, torch 2.13).
"""

from dataclasses import replace

from optuna.trial import BaseTrial

from harness.claims import Claim
from harness.data.digits import Digits
from harness.models.vae import VAE
from harness.recipe import Recipe
from harness.sizing import width_for
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.autoencode import Autoencode

PARAMETERS = 30_000


def space(trial: BaseTrial, *, depth: int, latent: int) -> Recipe:
    """Return one recipe: depth and latent units are compared, the learning rate is tuned."""
    model = VAE(depth=depth, latent=latent, init="he")
    return Recipe(
        model=replace(model, width=width_for(model, Digits(), parameters=PARAMETERS)),
        data=Digits(),
        task=Autoencode(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 1e-3, 3e-2, log=True),
        epochs=30,
        warmup=0.1,
        clip=10.0,
    )


study = Study(
    question="At equal parameters, how deep should a VAE be, and which latent units does it use?",
    space=space,
    scientific={"depth": (1, 2, 4), "latent": (2, 8, 32)},
    compare="depth",
    claims=(
        Claim(a=4, b=1),
        Claim(a=32, b=8, compare="latent"),
        Claim(a=4, b=1, at={"latent": 32}, metric="test/active_units", expect="worse"),
    ),
    objective="val/loss",
    metrics=("val/active_units",),
    trials_per_cell=4,
    seeds=10,
)
