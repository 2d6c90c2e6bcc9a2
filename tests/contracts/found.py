"""What the contract suites run over: all that is discovered, and small examples to run it on."""

# mypy: disable-error-code="type-abstract"

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

import harness.data
import harness.models
import harness.strategies
import harness.tasks
from harness.anatomy.parameters import count
from harness.discovery import discover
from harness.recipe import Data, Model, Purpose, Strategy, Task
from harness.settings import Settings, UserError

ROOT = Path(__file__).parents[2]
Kind = TypeVar("Kind", bound=Settings)


@dataclass(frozen=True)
class Found:
    """The kinds of everything in the harness and in the directories given by `--also`."""

    models: Sequence[type[Model]]
    data: Sequence[type[Data]]
    tasks: Sequence[type[Task]]
    strategies: Sequence[type[Strategy]]
    studies: Sequence[Path]

    def settings(self) -> list[type[Settings]]:
        """Return every kind of settings that can be part of a recipe."""
        return [*self.models, *self.data, *self.tasks, *self.strategies]

    def pairs(self) -> list[tuple[type[Model], type[Data]]]:
        """Return every model with every dataset that it does not refuse."""
        return [(model, data) for model in self.models for data in self.data if takes(model, data)]

    def small_data(self, model: Model) -> Data:
        """Return the smallest dataset that the model takes and whose files are here.

        Skips the test, saying how to get one, if there is none.
        """
        accepted = [data() for data in self.data if takes(type(model), data)]
        assert accepted, f"no dataset for {model}"
        for data in sorted(accepted, key=_size):
            if missing(data) is None:
                return data
        pytest.skip(f"{missing(accepted[0])}")

    def small_model(self, data: Data, purpose: Purpose) -> Model | None:
        """Return the model of the fewest parameters for a purpose that takes the dataset."""
        kinds = [model for model in self.models if model.purpose == purpose]
        accepted = [model() for model in kinds if takes(model, type(data))]
        if not accepted:
            return None
        return min(accepted, key=lambda model: count(built(model, data)).total)

    def task_of(self, model: Model, data: Data) -> Task:
        """Return the first task that fits the dataset and the model."""
        network = built(model, data)
        for task in (kind() for kind in self.tasks if kind.purpose == model.purpose):
            if fits(task, network, data):
                return task
        raise AssertionError(f"no task fits {data} and {model}")

    def example_of(self, task: Task) -> tuple[Data, nn.Module]:
        """Return the first dataset that fits the task, and a small network for it.

        Skips the test, saying how to get one, if the files of none that might are here.
        """
        absent = []
        for data in sorted((kind() for kind in self.data), key=_size):
            if reason := missing(data):
                absent += [reason] if accepts(task, data) else []
                continue
            model = self.small_model(data, task.purpose)
            network = built(model, data) if model else None
            if network and fits(task, network, data):
                return data, network
        if absent:
            pytest.skip(absent[0])
        raise AssertionError(f"no dataset fits {task}")


def find(also: Sequence[Path]) -> Found:
    """Return everything there is; each directory of `also` has subfolders named like ours."""

    def places(package: ModuleType) -> list[ModuleType | Path]:
        return [package, *(folder / package.__name__.partition(".")[2] for folder in also)]

    return Found(
        models=discover(Model, *places(harness.models)),
        data=discover(Data, *places(harness.data)),
        tasks=discover(Task, *places(harness.tasks)),
        strategies=discover(Strategy, *places(harness.strategies)),
        studies=[
            path
            for folder in (ROOT, *also)
            for path in sorted((folder / "studies").glob("[!_]*.py"))
        ],
    )


@cache
def takes(model: type[Model], data: type[Data]) -> bool:
    """Say whether the model can be built for the dataset; a UserError is how it says no."""
    try:
        model().require(data().facts(), data.__name__)
        with torch.device("meta"):
            model().build(data().facts())
    except UserError:
        return False
    return True


def accepts(task: Task, data: Data) -> bool:
    """Say whether the task can be learned from data with such facts."""
    try:
        task.require(data.facts())
    except UserError:
        return False
    return True


@cache
def missing(data: Data) -> str | None:
    """Return why the dataset cannot be used here, or None."""
    try:
        data.check()
    except UserError as error:
        return str(error)
    return None


@cache
def examples(data: Data, count: int = 32) -> tuple[Tensor, ...]:
    """Return the first training batch."""
    return tuple(next(iter(data.build(seed=0, batch_size=count).train_dataloader())))


def built(model: Model, data: Data, seed: int = 0) -> nn.Module:
    """Return the network that a seed decides."""
    torch.manual_seed(seed)
    return model.build(data.facts())


def fits(task: Task, network: nn.Module, data: Data) -> bool:
    """Say whether the task accepts the dataset and its loss is one the network can learn from.

    Torch lets some pairs through that mean nothing, such as a cross-entropy over one real target:
    they leave no gradient, or warn of broadcasting, which is an error in a test.
    """
    network.zero_grad()
    batch = examples(data)
    try:
        task.require(data.facts())
        loss = task.loss(task.predict(network, batch), batch, training=True)
        torch.autograd.backward(loss)
    except (RuntimeError, ValueError, IndexError, TypeError, UserWarning):
        return False
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    return bool(loss.isfinite()) and any(bool(gradient.any()) for gradient in gradients)


def adam_steps(
    network: nn.Module,
    task: Task,
    batch: Sequence[Tensor],
    *,
    steps: int,
    lr: float,
    until: float = 0.0,
) -> list[float]:
    """Train on one batch, until `until` of its first loss; return the loss before each step."""
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = task.loss(task.predict(network, batch), batch, training=True)
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
        if losses[-1] < until * losses[0]:
            break
    return losses


def _size(data: Data) -> tuple[int, str]:
    return math.prod(data.facts().inputs), type(data).__name__
