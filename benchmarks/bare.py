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

EVALUATED = 256
"""Images at once; 1,024 take a small CNN twice as long an image."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Validation loss and the clock at the end of each epoch."""

    losses: list[float]
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
    trained = Trained(losses=[], ends=[])
    for _ in range(epochs):
        network.train()
        for indices in torch.split(torch.randperm(len(splits.train)), batch):
            optimizer.zero_grad()
            inputs, targets = splits.train.inputs[indices], splits.train.targets[indices]
            loss_of(network, inputs, targets).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        trained.losses.append(evaluate(network, splits.validation))
        trained.ends.append(now())
    return trained


def loss_of(network: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy; targets (batch,) or a token at each place (batch, time)."""
    return cross_entropy(network(inputs).flatten(0, -2), targets.flatten())


@torch.no_grad()
def evaluate(network: nn.Module, split: Split) -> float:
    """Return the mean loss on a split, in batches that fit the processor's cache."""
    network.eval()
    total = 0.0
    inputs_of, targets_of = (torch.split(t, EVALUATED) for t in (split.inputs, split.targets))
    for inputs, targets in zip(inputs_of, targets_of, strict=True):
        total += float(loss_of(network, inputs, targets)) * len(inputs)
    return total / len(split)
