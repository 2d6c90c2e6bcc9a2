"""Evaluation: the loss and the metrics of a network on a split, each computed once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from harness.recipe import Task

Batch = Sequence[Tensor]
Evaluated = tuple[Tensor, Batch]
"""A network's outputs on a split, and the split's batches joined."""


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Be in eval mode, without gradients.

    The training mode of every module is put back afterwards: a frozen one is in eval mode.
    """
    modes = {module: module.training for module in network.modules()}
    network.eval()
    with torch.no_grad():
        yield
    for module, training in modes.items():
        module.training = training


def outputs_on(
    network: nn.Module,
    batches: Iterable[Batch],
    task: Task,
    context: AbstractContextManager[object] | None = None,
) -> Evaluated:
    """Return the outputs on all batches in eval mode, and the batches joined, on the CPU."""
    like = next(network.parameters())
    outputs: list[Tensor] = []
    parts: list[Batch] = []
    with evaluating(network), context or nullcontext():
        for batch in batches:
            moved = [_like(part, like) for part in batch]
            outputs.append(task.predict(network, moved).detach())
            parts.append(moved)
    joined = [torch.cat(column).cpu() for column in zip(*parts, strict=True)]
    return torch.cat(outputs).to("cpu", like.dtype), joined


def score(
    output: Tensor, batch: Batch, task: Task, metrics: Mapping[str, Metric]
) -> dict[str, float]:
    """Return `loss` and every metric of joined outputs; the metrics are reset before and after."""
    scores = {"loss": float(task.loss(output, batch, training=False))}
    for name, metric in metrics.items():
        metric.reset()
        metric.update(output, batch[-1])
        scores[name] = float(metric.compute())
        metric.reset()
    return scores


def prefixed(prefix: str, scores: Mapping[str, float]) -> dict[str, float]:
    """Return the scores under `prefix/name`."""
    return {f"{prefix}/{name}": value for name, value in scores.items()}


def _like(part: Tensor, like: Tensor) -> Tensor:
    return part.to(like.device, like.dtype) if part.is_floating_point() else part.to(like.device)
