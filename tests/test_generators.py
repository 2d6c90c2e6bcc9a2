"""Trainings of generative networks: stopped anywhere they end in the same bits and pictures."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from harness.course import Watch
from harness.data.digits import Digits
from harness.keeper import Hooks, Interrupted
from harness.models.gan import GAN
from harness.models.vae import VAE
from harness.outcome import Outcome
from harness.recipe import Model, Recipe, Task
from harness.strategies.full import Full
from harness.tasks.adversarial import Adversarial
from harness.tasks.autoencode import Autoencode
from harness.training import train
from tests import families, small
from tests.test_resume_matrix import same
from tests.test_training import StopAt

EPOCHS, STEPS = 2, 3
STUDY = '''"""Does a generator show what it learns?

Cost: seconds. Expected: nothing.
"""

from optuna.trial import BaseTrial

from harness.data.digits import Digits
from harness.models.gan import GAN
from harness.models.vae import VAE
from harness.recipe import Recipe
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.adversarial import Adversarial
from harness.tasks.autoencode import Autoencode


def space(trial: BaseTrial) -> Recipe:
    """Return one recipe."""
    return Recipe(
        model=VAE(width=8, latent=2, init="zero"),
        data=Digits(limit=96),
        task=Autoencode(),
        strategy=Full(),
        lr=1e-9,
        epochs=2,
    )


study = Study(question="Does a generator show what it learns?", space=space, trials=1)
'''


def recipe(model: Model, task: Task) -> Recipe:
    return Recipe(
        model=model,
        data=Digits(limit=96),
        task=task,
        strategy=Full(),
        lr=3e-3,
        epochs=EPOCHS,
        batch_size=32,
        warmup=0.2,
    )


RECIPES = {
    "vae": recipe(VAE(width=8, latent=2, dropout=0.1), Autoencode()),
    "gan": recipe(GAN(width=4, latent=6, dropout=0.1), Adversarial()),
    "wgan-gp": recipe(
        GAN(width=4, latent=6, norm="layer"), Adversarial(game="wgan_gp", critic_steps=2)
    ),
    "convolutional-vae": recipe(
        VAE(layers="convolutional", width=4, latent=2), Autoencode(beta=0.5)
    ),
}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trained(
    recipe: Recipe, directory: Path, *, stop: int | None = None
) -> tuple[Outcome, dict[str, bytes]]:
    """Train, stopped every so many questions, to the end; return the pictures too."""
    drawn: dict[str, bytes] = {}
    watch = Watch(metrics=(recipe.task.headline,))
    while True:
        asked = StopAt(stop) if stop else (lambda: False)
        hooks = Hooks(stop=asked, drawn=drawn.__setitem__)
        try:
            return train(recipe, directory=directory, watch=watch, hooks=hooks, test=True), drawn
        except Interrupted:
            continue


@pytest.mark.parametrize("name", RECIPES)
def test_stopped_after_every_step_it_ends_in_the_same_bits(name: str, tmp_path: Path) -> None:
    whole, drawn = trained(RECIPES[name], tmp_path / "whole")
    again, redrawn = trained(RECIPES[name], tmp_path / "again", stop=1)
    same(again, whole)
    assert list(drawn) == [f"samples/epoch_{epoch:03d}.png" for epoch in range(EPOCHS)]
    assert redrawn == drawn
    assert len(set(drawn.values())) == EPOCHS


def test_a_run_has_a_picture_of_each_epoch_and_says_what_collapsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = families.here(tmp_path, monkeypatch)
    (tmp_path / "studies" / "shows.py").write_text(STUDY)
    families.run("shows")
    pictures = sorted(root.glob("artifacts/shows/*/artifacts/samples/*"))
    assert [path.name for path in pictures] == ["epoch_000.png", "epoch_001.png"]
    run = small.runs(root)[0]
    assert run["status"] == "FINISHED"
    from mlflow import MlflowClient

    from harness.store import mlflow_url

    stored = MlflowClient(mlflow_url(root)).get_run(pictures[0].parents[2].name)
    reason = "trained all epochs; posterior collapse: no latent unit is active"
    assert stored.data.tags["harness.reason"] == reason
