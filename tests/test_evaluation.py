"""Evaluation: whole-split outputs in eval mode, each score once, nothing left behind."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from harness.evaluation import outputs_on, prefixed, score
from harness.recipe import Facts
from harness.tasks.classify import Classify
from harness.tasks.regress import Regress

if TYPE_CHECKING:
    from collections.abc import Iterator

FACTS = Facts(inputs=(5,), outputs=3, train=8, validation=4, test=4)
TASK = Classify()


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    return torch.randn(20, 5, generator=random), torch.randint(3, (20,), generator=random)


def test_outputs_are_those_of_eval_mode_on_all_batches(
    network: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    parts = [tuple(column[part] for column in batch) for part in (slice(0, 7), slice(7, 20))]
    output, joined = outputs_on(network, parts, TASK)
    expected = network.eval()(batch[0])
    torch.testing.assert_close(output, expected)
    assert not output.requires_grad
    assert all(torch.equal(one, two) for one, two in zip(joined, batch, strict=True))


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_was(
    network: nn.Module, batch: tuple[Tensor, Tensor], training: bool
) -> None:
    network.train(training)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    random = torch.get_rng_state()
    outputs_on(network, [batch], TASK)
    assert {module.training for module in network.modules()} == {training}
    assert all(torch.equal(before[n], tensor) for n, tensor in network.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())


def test_floats_come_in_the_networks_precision_and_classes_stay(
    network: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    output, joined = outputs_on(network.double(), [batch], TASK)
    assert (output.dtype, joined[0].dtype, joined[1].dtype) == (
        torch.float64,
        torch.float64,
        torch.int64,
    )


def test_the_context_is_around_every_batch(
    network: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    seen: list[str] = []

    @contextmanager
    def context() -> "Iterator[None]":
        seen.append("in")
        hook = network.register_forward_hook(lambda *_: seen.append("forward"))
        yield
        hook.remove()
        seen.append("out")

    outputs_on(network, [batch, batch], TASK, context())
    assert seen == ["in", "forward", "forward", "out"]


def test_scores_are_the_loss_and_every_metric_and_the_metrics_are_reset(
    batch: tuple[Tensor, Tensor],
) -> None:
    output = torch.randn(20, 3, generator=torch.Generator().manual_seed(1))
    metrics = TASK.metrics(FACTS)
    metrics["accuracy"].update(output[:3], (output[:3].argmax(dim=1) + 1) % 3)
    scores = score(output, batch, TASK, metrics)
    assert set(scores) == {"loss", *metrics}
    assert scores["accuracy"] == pytest.approx((output.argmax(dim=1) == batch[1]).double().mean())
    assert scores["loss"] == pytest.approx(float(TASK.loss(output, batch, training=False)))
    assert scores == score(output, batch, TASK, metrics)
    assert not any(metric.update_called for metric in metrics.values())


def test_the_loss_is_that_of_evaluation() -> None:
    output, batch = torch.zeros(2, 3), (torch.zeros(2, 5), torch.tensor([0, 1]))
    smooth = score(output + 1, batch, Classify(label_smoothing=0.5), {})
    assert smooth == score(output + 1, batch, Classify(), {})


def test_scores_do_not_depend_on_how_the_split_was_batched() -> None:
    inputs = torch.randn(30, 5, generator=torch.Generator().manual_seed(2))
    targets, network = inputs[:, :1] ** 2, nn.Linear(5, 1)
    found = []
    for size in (30, 7):
        starts = range(0, 30, size)
        batches = [(inputs[k : k + size], targets[k : k + size]) for k in starts]
        output, batch = outputs_on(network, batches, Regress())
        found.append(score(output, batch, Regress(), Regress().metrics(FACTS)))
    assert found[0] == pytest.approx(found[1])


def test_prefixed_names_have_a_slash() -> None:
    assert prefixed("val", {"loss": 1.0, "accuracy": 0.5}) == {
        "val/loss": 1.0,
        "val/accuracy": 0.5,
    }
