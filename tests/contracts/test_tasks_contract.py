"""What every task keeps: a differentiable scalar loss, named metrics, no state."""

import copy
import math
from dataclasses import replace
from typing import Literal

import pytest
import torch

from harness.recipe import Task
from harness.settings import UserError
from tests.contracts.found import Found, examples


def test_it_accepts_its_own_data_and_refuses_some_other(task: Task, found: Found) -> None:
    data, _network = found.example_of(task)
    task.require(data.facts())
    if task.purpose in ("autoencode", "generate"):
        with pytest.raises(UserError, match="inputs"):
            task.require(replace(data.facts(), inputs=(3,)))
        return
    other: Literal["classes", "values"] = (
        "values" if data.facts().targets == "classes" else "classes"
    )
    with pytest.raises(UserError, match="targets"):
        task.require(replace(data.facts(), targets=other))


def test_its_loss_is_a_scalar_with_a_gradient(task: Task, found: Found) -> None:
    data, network = found.example_of(task)
    batch = examples(data)
    loss = task.loss(task.predict(network, batch), batch, training=True)
    assert loss.shape == ()
    assert loss.isfinite()
    gradients = torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)
    assert any(gradient is not None and gradient.any() for gradient in gradients)


def test_by_default_training_and_evaluation_have_the_same_loss(task: Task, found: Found) -> None:
    data, network = found.example_of(task)
    batch = examples(data)
    output = task.predict(network, batch)
    losses = [task.loss(output, batch, training=training) for training in (True, False)]
    assert torch.equal(losses[0], losses[1])


def test_its_loss_is_the_mean_over_the_examples(task: Task, found: Found) -> None:
    if not task.separable:
        pytest.skip("it compares the examples of a batch: none arrives in parts")
    data, network = found.example_of(task)
    batch = examples(data)
    output = task.predict(network, batch)
    size = len(output)
    parts = [slice(0, size // 4), slice(size // 4, size)]
    losses = [
        task.loss(output[part], [column[part] for column in batch], training=False)
        for part in parts
    ]
    mean = 0.25 * losses[0] + 0.75 * losses[1]
    torch.testing.assert_close(task.loss(output, batch, training=False), mean)


def test_it_is_pure(task: Task, found: Found) -> None:
    data, network = found.example_of(task)
    batch = examples(data)
    network.eval()
    kept, weights = [each.clone() for each in batch], copy.deepcopy(network.state_dict())
    first, second = (task.predict(network, batch) for _ in range(2))
    assert torch.equal(first, second)
    output = first.clone()
    losses = [task.loss(first, batch, training=True) for _ in range(2)]
    assert torch.equal(losses[0], losses[1])
    assert torch.equal(first, output)
    assert all(torch.equal(one, two) for one, two in zip(kept, batch, strict=True))
    assert all(torch.equal(weights[name], t) for name, t in network.state_dict().items())
    assert task == type(task)()


def test_its_metrics_are_fresh_and_take_output_and_target(task: Task, found: Found) -> None:
    data, network = found.example_of(task)
    batch, facts = examples(data), data.facts()
    with torch.no_grad():
        output = task.predict(network, batch)
    values = []
    for _ in range(2):
        metrics = task.metrics(facts)
        for metric in metrics.values():
            metric.update(output, batch[-1])
        values.append({name: float(metric.compute()) for name, metric in metrics.items()})
    assert values[0] == values[1]
    assert all(math.isfinite(value) for value in values[0].values())
    assert "loss" not in values[0]


def test_each_metric_says_which_direction_is_better(task: Task, found: Found) -> None:
    data, _ = found.example_of(task)
    metrics = task.metrics(data.facts())
    assert {type(metric.higher_is_better) for metric in metrics.values()} == {bool}
    assert task.headline in metrics
