"""Which game makes the better generator: the non-saturating one, or Wasserstein's with a penalty?

Command:  make study NAME=adversaries
Cost:     3 minutes on two CPU cores (42 trials of about 5 s, pretrain_digits before; estimate).
Published: WGAN-GP is the steadier (Gulrajani 2017); tuned with the same budget no loss is the best
          (Lucic 2018, arXiv:1711.10337).
Expected: not run in this form yet. Four seeds each, untuned, distances of pixels, not of a judge:
          25 to 35 the non-saturating game, 14 to 18 WGAN-GP (2026-11-28, torch 2.13).
"""

from optuna.trial import BaseTrial

from harness.claims import Claim
from harness.data.digits import Digits
from harness.models.gan import GAN
from harness.recipe import Recipe
from harness.starts.from_run import FromRun
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.adversarial import Adversarial

JUDGE = FromRun(study="pretrain_digits")
GAMES = {
    "non_saturating": Adversarial(judge=JUDGE),
    "half_as_often": Adversarial(judge=JUDGE, critic_steps=2),
    "wgan_gp": Adversarial(judge=JUDGE, game="wgan_gp", critic_steps=2),
}
"""The control: the first game with a generator that learns as seldom as the critic's."""


def space(trial: BaseTrial, *, game: str) -> Recipe:
    """Return one recipe: the game is compared, the learning rate is tuned."""
    return Recipe(
        model=GAN(width=16, norm="layer"),
        data=Digits(),
        task=GAMES[game],
        strategy=Full(),
        lr=trial.suggest_float("lr", 3e-4, 3e-3, log=True),
        optimizer="adam",
        beta1=0.5,
        schedule="constant",
        epochs=20,
    )


study = Study(
    question="Which game makes the better generator?",
    space=space,
    scientific={"game": tuple(GAMES)},
    claims=(
        Claim(a="wgan_gp", b="half_as_often"),
        Claim(a="half_as_often", b="non_saturating", expect="worse"),
        Claim(a="wgan_gp", b="half_as_often", metric="test/coverage"),
    ),
    objective="val/frechet",
    metrics=("val/diversity", "val/coverage"),
    trials_per_cell=4,
    seeds=10,
    after=("pretrain_digits",),
)
