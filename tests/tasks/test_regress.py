"""Regress: squared error as its formula says, metrics as scikit-learn computes them."""

import pytest
import torch
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from torch import Tensor, nn

from harness.recipe import Facts
from harness.tasks.regress import Regress


def facts(targets: int) -> Facts:
    return Facts(inputs=(5,), outputs=targets, train=8, validation=4, test=4)


def pair(targets: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    truth = torch.randn(100, targets, generator=random)
    return truth + 0.5 * torch.randn(100, targets, generator=random), truth


def test_prediction_is_what_the_network_says() -> None:
    network, inputs = nn.Linear(5, 2), torch.ones(3, 5)
    assert torch.equal(Regress().predict(network, (inputs, inputs)), network(inputs))


@pytest.mark.parametrize("targets", [1, 3])
def test_loss_is_the_mean_squared_error(targets: int) -> None:
    output, truth = pair(targets)
    for training in (True, False):
        loss = Regress().loss(output, (output, truth), training=training)
        torch.testing.assert_close(loss, ((output - truth) ** 2).mean())


@pytest.mark.parametrize("targets", [1, 3])
def test_metrics_are_those_of_scikit_learn(targets: int) -> None:
    output, truth = pair(targets)
    metrics = Regress().metrics(facts(targets))
    for metric in metrics.values():
        for part in (slice(0, 33), slice(33, 100)):
            metric.update(output[part], truth[part])
    assert {name: float(metric.compute()) for name, metric in metrics.items()} == pytest.approx(
        {
            "mae": mean_absolute_error(truth, output),
            "rmse": root_mean_squared_error(truth.flatten(), output.flatten()),
            "r2": r2_score(truth, output),
        },
        abs=1e-5,
    )


def test_only_r2_is_better_when_higher() -> None:
    better = {name: m.higher_is_better for name, m in Regress().metrics(facts(1)).items()}
    assert better == {"mae": False, "rmse": False, "r2": True}
