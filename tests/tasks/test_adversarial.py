"""Adversarial: losses and distances by hand, who is taught when, and a collapse that is told."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy.linalg import sqrtm
from torch import Tensor, nn

from harness import checkpoints
from harness.course import Watch
from harness.data.digits import Digits
from harness.evaluation import outputs_on, score
from harness.fresh import network_of
from harness.models.gan import GAN, GANNetwork
from harness.models.mlp import MLP
from harness.models.vae import VAE
from harness.recipe import Recipe, Task
from harness.settings import UserError
from harness.start import Base, Start
from harness.strategies.full import Full
from harness.strategies.linear_probe import LinearProbe
from harness.tasks.adversarial import Adversarial, _slope_penalty
from harness.tasks.autoencode import Autoencode
from harness.tasks.classify import Classify
from harness.tasks.judge import features_of
from harness.tasks.likeness import Coverage, Diversity, Frechet
from harness.training import train

RECIPE = Recipe(
    model=GAN(width=4, latent=6),
    data=Digits(limit=96),
    task=Adversarial(),
    strategy=Full(),
    lr=1e-3,
    epochs=2,
    batch_size=32,
)


def normal(count: int, seed: int, mixing: Tensor | None = None) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    values = torch.randn(count, 3, generator=random, dtype=torch.float64)
    return values if mixing is None else values @ mixing


def test_the_distance_is_that_of_its_formula() -> None:
    mixing = torch.tensor([[2.0, 0.3, 0.0], [0.0, 1.0, 0.5], [0.1, 0.0, 0.7]]).double()
    real, fake = normal(400, 0), normal(500, 1, mixing) + 0.5
    one, other = real.T.cov().numpy(), fake.T.cov().numpy()
    middle: Any = sqrtm(one @ other)
    apart = float((real.mean(0) - fake.mean(0)).square().sum())
    expected = apart + one.trace() + other.trace() - 2 * middle.real.trace()
    assert float(Frechet().of(real, fake)) == pytest.approx(expected, rel=1e-8)
    assert float(Frechet().of(real, real)) == pytest.approx(0, abs=1e-8)


def test_diversity_and_coverage_know_the_same_from_the_few_and_the_far() -> None:
    real = normal(300, 0)
    one = real[:1].expand(300, 3)
    assert float(Diversity().of(real, real)) == pytest.approx(1)
    assert float(Diversity().of(real, one)) == 0
    assert float(Coverage().of(real, real)) == 1
    assert float(Coverage().of(real, one)) < 0.05
    assert float(Coverage().of(real, real + 100)) == 0
    assert float(Coverage().of(real, normal(300, 1))) > 0.8


def test_losses_are_those_of_the_papers() -> None:
    scores = torch.tensor([[2.0, -1.0], [0.0, 3.0]])
    real, fake = scores[:, 0].sigmoid(), scores[:, 1].sigmoid()
    plain, wasserstein = Adversarial(), Adversarial(game="wgan_gp")
    expected = -(real.log() + (1 - fake).log()).mean()
    torch.testing.assert_close(plain.loss(scores, [], training=True), expected)
    torch.testing.assert_close(plain.generator_loss(scores[:, 1]), -fake.log().mean())
    assert float(wasserstein.loss(scores, [], training=True)) == 0
    assert float(wasserstein.generator_loss(scores[:, 1])) == -1


def test_the_penalty_is_of_the_gradients_length() -> None:
    critic = nn.Sequential(nn.Flatten(), nn.Linear(4, 1))
    weight = critic[1].weight
    assert isinstance(weight, nn.Parameter)
    images = torch.randn(5, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    penalty = _slope_penalty(critic, images, images + 1)
    torch.testing.assert_close(penalty, (weight.norm() - 1).square())


@pytest.mark.parametrize("steps", [1, 2])
def test_both_networks_learn_each_with_an_optimizer_of_its_own(steps: int, tmp_path: Path) -> None:
    recipe = replace(RECIPE, task=Adversarial(critic_steps=steps), clip=1.0)
    before = network_of(recipe).state_dict()
    train(recipe, directory=tmp_path, watch=Watch())
    state = checkpoints.load(tmp_path / "last.ckpt")
    assert state is not None
    taken = [
        {int(each["step"]) for each in optimizer["state"].values()}
        for optimizer in state["optimizer_states"]
    ]
    assert taken == [{6}, {6 // steps}]
    assert state["global_step"] == 6
    assert [each["last_epoch"] for each in state["lr_schedulers"]] == [6, 6]
    for name, tensor in before.items():
        assert not torch.equal(tensor, state["state_dict"][f"network.{name}"]), name


class Constant(nn.Module):
    """A generator that makes one image of any noise."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.image = nn.Parameter(image)

    def forward(self, noise: Tensor) -> Tensor:
        return self.image.expand(len(noise), -1, -1, -1)


class Copying(nn.Module):
    """A generator that has the images of a list by heart."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.images = nn.Parameter(images)

    def forward(self, noise: Tensor) -> Tensor:
        return self.images[: len(noise)]


def scores_of(generator: nn.Module, images: Tensor) -> Mapping[str, float]:
    network = network_of(RECIPE)
    assert isinstance(network, GANNetwork)
    network.generator = generator
    task = RECIPE.task
    output, batch = outputs_on(network, [(images, torch.zeros(len(images)))], task)
    return score(output, batch, task, task.metrics(RECIPE.data.facts()))


def test_a_generator_of_one_image_has_collapsed_and_one_of_many_has_not() -> None:
    splits = Digits().build(seed=0, batch_size=32).splits
    images, others = splits.validation.inputs, splits.train.inputs
    alike = scores_of(Constant(images[:1]), images)
    assert alike["diversity"] == 0
    remark = RECIPE.task.remark(alike)
    assert remark == "collapsed: diversity 0.00, coverage " + f"{alike['coverage']:.2f}"
    many = scores_of(Copying(others), images)
    assert RECIPE.task.remark(many) == ""
    assert many["frechet"] < alike["frechet"] / 5


@dataclass(frozen=True, kw_only=True)
class Trained(Start):
    """A classifier of digits as a run would hold it."""

    def base(self) -> Base:
        return Base(weights=network_of(CLASSIFIER).state_dict(), sha256="0", recipe=CLASSIFIER)


CLASSIFIER = replace(RECIPE, model=MLP(depth=1, width=5), task=Classify())


def test_the_judge_says_what_its_head_sees() -> None:
    images = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    network = network_of(CLASSIFIER)
    assert isinstance(network, nn.Sequential)
    state = torch.get_rng_state()
    features = features_of(images, Trained())
    assert torch.equal(state, torch.get_rng_state())
    torch.testing.assert_close(features, network[:-1](images))
    assert features_of(images, None).shape == (4, 64)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"accumulate": 2}, "accumulate"),
        ({"l2": 0.1}, "l2"),
        ({"precision": "16-mixed"}, "precision"),
        ({"task": Adversarial(game="wgan_gp")}, "norm: got 'batch'"),
        ({"task": Classify()}, "task: got 'Classify, whose networks predict'"),
        ({"task": Autoencode()}, "task: got 'Autoencode"),
        ({"model": VAE()}, "task: got 'Adversarial"),
    ],
)
def test_what_has_no_meaning_for_a_game_is_refused(
    change: dict[str, Task | int | str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        replace(RECIPE, **change)  # type: ignore[arg-type]


def test_a_strategy_that_trains_one_network_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="strategy: got 'LinearProbe'"):
        train(replace(RECIPE, strategy=LinearProbe()), directory=tmp_path, watch=Watch())
