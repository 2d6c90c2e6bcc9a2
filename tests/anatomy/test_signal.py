"""Signal at initialisation: what theory and the literature say of deep networks before training."""

import math
from itertools import pairwise

import numpy
import pytest
import torch
from scipy.optimize import brentq
from torch import Tensor, nn

from harness.anatomy.signal import Signal, signal
from harness.settings import UserError

WIDTH = 512


def relu_network(weight_layers: int, init: str) -> nn.Sequential:
    """Equal layers and a head of ten classes, in torch's initialisation or He's."""
    torch.manual_seed(0)
    parts: list[nn.Module] = []
    for _ in range(weight_layers - 1):
        parts += [nn.Linear(WIDTH, WIDTH), nn.ReLU()]
    network = nn.Sequential(*parts, nn.Linear(WIDTH, 10))
    if init == "he":
        for layer in linear_layers(network):
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    return network


def linear_layers(network: nn.Module) -> list[nn.Linear]:
    return [each for each in network.modules() if isinstance(each, nn.Linear)]


def after_relu(found: tuple[Signal, ...]) -> list[float]:
    return [row.mean_square for row in found if row.type == "ReLU"]


def test_he_keeps_the_mean_square_and_the_default_shrinks_it_to_a_sixth() -> None:
    batch = torch.zeros(256, WIDTH)
    kept = after_relu(signal(relu_network(7, "he"), batch))
    assert kept == pytest.approx([1.0] * 6, rel=0.3)
    torch.manual_seed(0)
    network = relu_network(4, "default")
    for layer in linear_layers(network):
        nn.init.zeros_(layer.bias)  # torch's bias alone would keep a floor
    shrunk = [1.0, *after_relu(signal(network, batch))]
    ratios = [after / before for before, after in pairwise(shrunk)]
    assert ratios == pytest.approx([1 / 6] * 3, rel=0.25)


@pytest.mark.parametrize(
    ("init", "published"),
    [
        ("default", {2: 0.46, 10: 4e-4, 20: 4e-8, 50: 7e-20}),
        ("he", {2: 1.1, 10: 1.1, 20: 1.0, 50: 0.97}),
    ],
)
def test_the_gradient_of_the_first_layer(init: str, published: dict[int, float]) -> None:
    for weight_layers, norm in published.items():
        first = signal(relu_network(weight_layers, init), torch.zeros(256, WIDTH))[0]
        assert first.gradient_norm is not None
        assert norm / 3 < first.gradient_norm < 3 * norm  # one seed, another batch


def moments(weight_variance: float, bias_variance: float) -> tuple[float, float]:
    """The fixed point of the variance in an infinitely wide tanh network, and χ there.

    Schoenholz 2016, arXiv:1611.01232, eq. 3 and 6; the mean over a Gaussian by quadrature.
    """
    points, weights = numpy.polynomial.hermite_e.hermegauss(101)
    weights = weights / math.sqrt(2 * math.pi)
    variance = 1.0
    for _ in range(2000):
        square = weights @ numpy.tanh(math.sqrt(variance) * points) ** 2
        variance = weight_variance * float(square) + bias_variance
    slope = 1 / numpy.cosh(math.sqrt(variance) * points) ** 2
    return variance, weight_variance * float(weights @ slope**2)


CRITICAL = float(brentq(lambda each: moments(each, 0.05)[1] - 1, 1.0, 3.0))


def tanh_network(weight_variance: float, weight_layers: int = 30) -> nn.Sequential:
    torch.manual_seed(0)
    parts: list[nn.Module] = []
    for _ in range(weight_layers):
        layer = nn.Linear(WIDTH, WIDTH)
        nn.init.normal_(layer.weight, std=math.sqrt(weight_variance / WIDTH))
        nn.init.normal_(layer.bias, std=math.sqrt(0.05))
        parts += [layer, nn.Tanh()]
    return nn.Sequential(*parts)


def gradient_ratio(network: nn.Module) -> float:
    norms = [row.gradient_norm for row in signal(network, torch.zeros(64, WIDTH))]
    found = [norm for norm in norms if norm is not None]
    return found[0] / found[-1]


def test_the_edge_of_chaos() -> None:
    assert pytest.approx(1.761, abs=0.001) == CRITICAL
    variance, _ = moments(CRITICAL, 0.05)
    rows = signal(tanh_network(CRITICAL), torch.zeros(64, WIDTH))
    linear = [row.variance for row in rows if row.type == "Linear"]
    assert linear[10:] == pytest.approx([variance] * 20, rel=0.15)
    assert 0.3 < gradient_ratio(tanh_network(CRITICAL)) < 3
    assert gradient_ratio(tanh_network(1.0)) < 0.1
    assert gradient_ratio(tanh_network(4.0)) > 30


def test_the_network_and_the_generator_stay_as_they_were() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 3))
    network.eval()
    state, before = torch.get_rng_state(), {k: v.clone() for k, v in network.state_dict().items()}
    first = signal(network, torch.zeros(8, 4))
    assert first == signal(network, torch.zeros(8, 4))
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())
    assert not network.training
    assert all(each.grad is None for each in network.parameters())


def test_frozen_layers_have_no_gradient() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))
    network[0].requires_grad_(False)
    norms = [row.gradient_norm for row in signal(network, torch.ones(8, 4))]
    assert norms[:2] == [None, None]
    assert norms[2] is not None


@pytest.mark.parametrize(
    ("network", "example"),
    [
        (nn.Linear(3, 3, device="meta"), torch.zeros(2, 3)),
        (nn.Linear(3, 3), torch.zeros(2, 4)),
        (nn.ReLU(), torch.zeros(2, 4)),
    ],
)
def test_what_has_no_signal_says_why(network: nn.Module, example: Tensor) -> None:
    with pytest.raises(UserError):
        signal(network, example)
