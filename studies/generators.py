"""How deep should a variational autoencoder be, and how many latent units does it use?

Command:  make study NAME=generators
Cost:     2 minutes on one free CPU core (81 trials of about 1.5 s; estimate).
Published: units beyond what the data need become inactive (Burda 2016, arXiv:1509.00519, §5.2).
Expected: not run to its end yet (2026-11-22).
"""

from optuna.trial import BaseTrial

from harness.data.digits import Digits
from harness.models.vae import VAE
from harness.recipe import Recipe
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.autoencode import Autoencode


def space(trial: BaseTrial, *, depth: int, latent: int) -> Recipe:
    """Return one recipe: depth and latent units are compared, the learning rate is tuned."""
    return Recipe(
        model=VAE(depth=depth, width=128, latent=latent, init="he"),
        data=Digits(),
        task=Autoencode(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 5e-4, 1e-2, log=True),
        epochs=30,
        warmup=0.1,
        clip=10.0,
    )


study = Study(
    question="How deep should a variational autoencoder be, and how many latent units does it use?",
    space=space,
    scientific={"depth": (1, 2, 4), "latent": (2, 8, 32)},
    compare="depth",
    objective="val/loss",
    metrics=("val/active_units",),
    trials_per_cell=4,
    seeds=5,
)
