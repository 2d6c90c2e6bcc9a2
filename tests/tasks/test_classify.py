"""Classify: cross-entropy as its formula says, metrics as scikit-learn computes them."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score
from torch import Tensor, nn

from harness.recipe import Facts
from harness.settings import UserError
from harness.tasks.classify import Classify

CLASSES = 4
FACTS = Facts(inputs=(5,), outputs=CLASSES, train=8, validation=4, test=4)


@pytest.fixture
def logits() -> Tensor:
    return torch.randn(200, CLASSES, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def classes(logits: Tensor) -> Tensor:
    noise = torch.randn(logits.shape, generator=torch.Generator().manual_seed(1))
    return (logits + noise).argmax(dim=1)


def test_prediction_is_what_the_network_says() -> None:
    network, inputs = nn.Linear(5, CLASSES), torch.ones(3, 5)
    assert torch.equal(Classify().predict(network, (inputs, torch.arange(3))), network(inputs))


def test_loss_is_the_mean_negative_log_probability(logits: Tensor, classes: Tensor) -> None:
    expected = -logits.softmax(dim=1).log()[torch.arange(200), classes].mean()
    loss = Classify().loss(logits, (logits, classes), training=True)
    torch.testing.assert_close(loss, expected)
    uniform = Classify().loss(torch.zeros(3, CLASSES), (logits, classes[:3]), training=True)
    assert uniform.item() == pytest.approx(math.log(CLASSES))


def test_smoothing_spreads_the_target_in_training_only(logits: Tensor, classes: Tensor) -> None:
    batch, smooth = (logits, classes), Classify(label_smoothing=0.1)
    logs = logits.log_softmax(dim=1)
    right, spread = logs[torch.arange(200), classes], logs.mean(dim=1)
    expected = -(0.9 * right + 0.1 * spread).mean()
    torch.testing.assert_close(smooth.loss(logits, batch, training=True), expected)
    plain = Classify().loss(logits, batch, training=False)
    assert torch.equal(smooth.loss(logits, batch, training=False), plain)


def test_metrics_are_those_of_scikit_learn(logits: Tensor, classes: Tensor) -> None:
    metrics = Classify().metrics(FACTS)
    for metric in metrics.values():
        for part in (slice(0, 64), slice(64, 200)):
            metric.update(logits[part], classes[part])
    found = {name: float(metric.compute()) for name, metric in metrics.items()}
    truth, guess = classes.numpy(), logits.argmax(dim=1).numpy()
    shares = logits.double().softmax(dim=1).numpy()
    assert found == pytest.approx(
        {
            "accuracy": accuracy_score(truth, guess),
            "precision": precision_score(truth, guess, average="macro"),
            "recall": recall_score(truth, guess, average="macro"),
            "f1": f1_score(truth, guess, average="macro"),
            "auroc": roc_auc_score(truth, shares, multi_class="ovr", labels=np.arange(CLASSES)),
        },
        abs=1e-5,
    )
    assert all(metric.higher_is_better for metric in metrics.values())


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, True, "0.1"])
def test_wrong_smoothing_is_refused(smoothing: float) -> None:
    with pytest.raises(UserError, match=r"^label_smoothing: got "):
        Classify(label_smoothing=smoothing)
