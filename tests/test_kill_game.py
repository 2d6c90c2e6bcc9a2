"""A game of two optimizers, killed -9 between the steps of both: equal to the bit."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from harness import checkpoints
from harness.course import Watch
from harness.data.digits import Digits
from harness.fresh import network_of
from harness.models.gan import GAN
from harness.recipe import Recipe
from harness.strategies.full import Full
from harness.tasks.adversarial import Adversarial
from harness.training import train
from tests.test_kill_finetuning import kill_at
from tests.test_resume_matrix import same

WATCH = Watch(monitor="val/frechet", metrics=("frechet",))
GAME = Recipe(
    model=GAN(width=4, latent=6, norm="layer"),
    data=Digits(limit=96),
    task=Adversarial(),
    strategy=Full(),
    lr=1e-3,
    optimizer="adam",
    epochs=3,
    batch_size=32,
)


@pytest.mark.parametrize(
    ("task", "steps"),
    [(Adversarial(), (2, 4, 9)), (Adversarial(game="wgan_gp", critic_steps=2), (3, 5, 7))],
    ids=["non_saturating", "wgan_gp"],
)
def test_kills_between_the_two_optimizers_change_nothing(
    task: Adversarial, steps: tuple[int, ...], tmp_path: Path
) -> None:
    """The discriminator has taken step `steps[i]`, the generator is about to; nine in all."""
    recipe = replace(GAME, task=task)
    torch.set_num_threads(1)
    whole = train(recipe, directory=tmp_path / "whole", watch=WATCH, test=True)
    killed = tmp_path / "killed"
    for step in steps:
        kill_at(step, partial(train, recipe, directory=killed, watch=WATCH))
    same(train(recipe, directory=killed, watch=WATCH, test=True), whole)
    states, expected = moments_of(killed), moments_of(tmp_path / "whole")
    assert len(expected) == 2 * len(list(network_of(recipe).parameters()))
    assert states.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(states[name], tensor), name


def moments_of(directory: Path) -> dict[tuple[int, int, str], Tensor]:
    """Return Adam's moments in the last checkpoint: of both optimizers and each parameter."""
    kept = checkpoints.load(directory / "last.ckpt")
    assert kept is not None
    return {
        (player, parameter, moment): tensor
        for player, state in enumerate(kept["optimizer_states"])
        for parameter, moments in state["state"].items()
        for moment, tensor in moments.items()
        if moment.startswith("exp_avg")
    }
