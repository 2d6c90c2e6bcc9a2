"""Autoencode: its numbers against torch's own, noise that evaluation repeats, and its pictures."""

import io
import math
from typing import Any

import pytest
import torch
from PIL import Image
from torch.distributions import Normal, kl_divergence

from harness.evaluation import evaluating, outputs_on, score
from harness.models.vae import VAE, VAENetwork
from harness.recipe import Facts
from harness.settings import UserError
from harness.tasks.autoencode import Autoencode, rates
from harness.tasks.pictures import grid

FACTS = Facts(inputs=(1, 9, 6), outputs=10, train=8, validation=4, test=4)
TASK = Autoencode()


def network(**settings: object) -> VAENetwork:
    torch.manual_seed(0)
    return VAE(width=8, latent=3, **settings).build(FACTS)  # type: ignore[arg-type]


def batch(count: int) -> list[torch.Tensor]:
    images = torch.randn(count, 1, 9, 6, generator=torch.Generator().manual_seed(1))
    return [images, torch.zeros(count, dtype=torch.int64)]


def test_the_divergence_is_that_of_torchs_distributions() -> None:
    mean, log_variance = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    posterior = Normal(mean, (log_variance / 2).exp())
    output = torch.cat([torch.zeros(5, 1), mean, log_variance], dim=1)
    torch.testing.assert_close(rates(output), kl_divergence(posterior, Normal(0.0, 1.0)))


def test_the_bound_is_the_density_of_the_image_less_the_divergence() -> None:
    net, images = network(), batch(6)
    with evaluating(net):
        rebuilt, mean, log_variance = net.rebuild(images[0])
    normal: Any = Normal(rebuilt, 1.0)
    density = normal.log_prob(images[0]).flatten(1).sum(dim=1)
    divergence = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(dim=1)
    scores = score(*outputs_on(net, [images], TASK), TASK, TASK.metrics(FACTS))
    assert scores["elbo"] == pytest.approx(float((density - divergence).mean()), rel=1e-5)
    assert scores["loss"] == pytest.approx(scores["distortion"] + scores["rate"], rel=1e-5)
    constant = 54 / 2 * math.log(2 * math.pi)
    assert scores["elbo"] == pytest.approx(-scores["loss"] - constant, rel=1e-5)


def test_an_evaluation_is_the_same_in_any_batches_and_training_draws_anew() -> None:
    net, images = network(), batch(7)[0]
    net.eval()
    parts = torch.cat([net(images[:2]), net(images[2:])])
    torch.testing.assert_close(net(images), parts)
    net.train()
    assert not torch.equal(net(images), net(images))


def test_a_posterior_that_says_nothing_has_no_active_unit_and_is_told() -> None:
    net = network()
    torch.nn.init.zeros_(net.posterior.weight)
    scores = score(*outputs_on(net, [batch(32)], TASK), TASK, TASK.metrics(FACTS))
    assert scores["active_units"] == 0
    assert TASK.remark(scores) == "posterior collapse: no latent unit is active"
    net = network(init="he")
    scores = score(*outputs_on(net, [batch(32)], TASK), TASK, TASK.metrics(FACTS))
    assert scores["active_units"] == 3
    assert TASK.remark(scores) == ""


@pytest.mark.parametrize("depth", [1, 2])
def test_convolutions_come_back_to_odd_sides(depth: int) -> None:
    assert network(layers="convolutional", depth=depth)(batch(2)[0]).shape == (2, 1, 9, 6)


def test_a_dense_one_has_as_many_parameters_as_its_formula_says() -> None:
    p, w, z, d = 54, 8, 3, 2
    inwards = (p + 1) * w + (d - 1) * (w + 1) * w + (w + 1) * 2 * z
    outwards = (z + 1) * w + (d - 1) * (w + 1) * w + (w + 1) * p
    assert sum(each.numel() for each in network().parameters()) == inwards + outwards


def test_a_picture_is_a_grid_of_grey_levels() -> None:
    images = torch.tensor([0.0, 0.5, 1.0])[:, None, None, None].expand(3, 1, 4, 5)
    picture = Image.open(io.BytesIO(grid(images, columns=2)))
    # each pixel is drawn as 7 × 7, so that the shorter side has 28; 2 between images
    assert (picture.size, picture.mode) == ((74, 60), "L")
    levels = [picture.getpixel(place) for place in ((6, 6), (37, 0), (0, 30), (37, 30))]
    assert levels == [0, 128, 255, 0]


def test_samples_are_the_same_for_the_same_weights() -> None:
    with evaluating(net := network()):
        assert TASK.pictures(net) == TASK.pictures(net)


def test_what_are_no_images_is_refused() -> None:
    with pytest.raises(UserError, match="inputs"):
        TASK.require(Facts(inputs=(4,), outputs=3, train=8, validation=4, test=4))
