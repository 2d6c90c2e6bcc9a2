"""Bare: the plain PyTorch loop, with nothing that is not training: the floor of every comparison.

Lean on purpose: AdamW's fused kernel, batches by indexing, no tracking, no checkpoint.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.measure import Clock, now
from harness.data.batches import Split, Splits


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Validation accuracy and the clock at the end of each epoch."""

    accuracies: list[float]
    ends: list[Clock]


def train_bare(
    network: nn.Module, splits: Splits, *, lr: float, weight_decay: float, epochs: int, batch: int
) -> Trained:
    """Train with AdamW and a cosine schedule; evaluate the validation part after every epoch."""
    steps = epochs * math.ceil(len(splits.train) / batch)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=lr, weight_decay=weight_decay, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / steps))
    )
    trained = Trained(accuracies=[], ends=[])
    for _ in range(epochs):
        network.train()
        for indices in torch.split(torch.randperm(len(splits.train)), batch):
            optimizer.zero_grad()
            inputs, targets = splits.train.inputs[indices], splits.train.targets[indices]
            cross_entropy(network(inputs), targets).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        trained.accuracies.append(evaluate(network, splits.validation))
        trained.ends.append(now())
    return trained


@torch.no_grad()
def evaluate(network: nn.Module, split: Split) -> float:
    """Return the accuracy on a split, having computed its loss too, as every contender does."""
    network.eval()
    output: Tensor = network(split.inputs)
    cross_entropy(output, split.targets)
    return float((output.argmax(1) == split.targets).float().mean())
