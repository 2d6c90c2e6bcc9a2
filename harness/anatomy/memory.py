"""Memory: what a training step keeps, in bytes, for an optimizer, a precision and a batch."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import Tensor, nn

from harness.anatomy.step import Step
from harness.settings import require_choice

STATES = {
    "sgd": 0,
    "momentum": 1,
    "rmsprop": 1,
    "adagrad": 1,
    "adam": 2,
    "adamw": 2,
    "amsgrad": 3,
    "muon": 1,
    "adafactor": 0,
}
"""Numbers that torch's optimizer keeps for each trainable parameter. Muon takes matrices alone, so
AdamW stands in for all else; Adafactor keeps one number for each row and column of a matrix."""
UNITS = {"32-true": 4, "64-true": 8, "16-mixed": 4, "bf16-mixed": 4, "bf16-true": 2}
"""Bytes of a weight by Lightning's name of the precision; mixed ones keep activations in 2."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes of tensors in a training step; what libraries and kernels need besides is not in it."""

    weights: int
    """Parameters and buffers."""
    gradients: int
    """Of trainable parameters."""
    optimizer_state: int
    activations: int
    """Kept from the forward for the backward pass, the batch itself included."""
    activations_checkpointed: int | None
    """The same if each outermost block keeps its inputs alone and runs again, one at a time, for
    its backward pass (Chen 2016, arXiv:1604.06174); None for a network without blocks."""
    peak: int
    """Estimate of the most bytes alive at once, in the backward pass or the optimizer's step."""
    peak_checkpointed: int | None
    optimizer: str
    precision: str
    batch_size: int
    """Examples, along the first dimension of the first input."""


def memory(
    network: nn.Module, step: Step, *, optimizer: str, precision: str, batch_size: int
) -> Memory:
    """Return the memory of a training step of `network` that `step` recorded in 32 bits.

    In mixed precision weights, gradients and state stay in 32 bits, activations take half, and a
    16-bit copy of each matrix is kept. Raises UserError for an unknown optimizer or precision.
    """
    require_choice("optimizer", optimizer, STATES)
    require_choice("precision", precision, UNITS)
    mixed, unit = precision.endswith("mixed"), UNITS[precision] / 4
    parameters = list(network.parameters())
    trainable = [each for each in parameters if each.requires_grad]
    copies = 2 * sum(each.numel() for each in parameters if each.dim() > 1) if mixed else 0

    def passing(size: int) -> int:
        return int(size * (0.5 if mixed else unit)) + copies

    weights = int(unit * (_bytes(parameters) + _bytes(network.buffers())))
    gradients = int(unit * _bytes(trainable))
    state = int(unit * 4 * sum(state_numbers(tuple(p.shape), optimizer) for p in trainable))
    fixed, saved, fewer = weights + state, sum(step.saved.values()), _checkpointed(step)
    spared = None if fewer is None else step.peak - (saved - fewer)
    return Memory(
        weights=weights,
        gradients=gradients,
        optimizer_state=state,
        activations=passing(saved),
        activations_checkpointed=None if fewer is None else passing(fewer),
        peak=fixed + max(passing(step.peak), gradients),
        peak_checkpointed=None if spared is None else fixed + max(passing(spared), gradients),
        optimizer=optimizer,
        precision=precision,
        batch_size=batch_size,
    )


def state_numbers(shape: tuple[int, ...], optimizer: str) -> int:
    """Return how many numbers `optimizer` keeps for a trainable tensor of `shape`."""
    numbers = math.prod(shape)
    if optimizer == "adafactor":  # Shazeer & Stern 2018, arXiv:1804.04235, section 3
        rows, columns = math.prod(shape[:-1]), math.prod(shape[:-2]) * (shape or (1,))[-1]
        return rows + columns if len(shape) > 1 else numbers
    if optimizer == "muon":
        return numbers * (1 if len(shape) == 2 else STATES["adamw"])
    return STATES[optimizer] * numbers


def largest_batch(limit: int, peak: Callable[[int], int]) -> int:
    """Return the largest batch whose `peak` bytes stay within `limit`; 0 if one example does not.

    Found by doubling and bisection, as a peak grows with the batch.
    """
    low, high = 0, 1
    while peak(high) <= limit:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if peak(middle) <= limit else (low, middle)
    return low


def _checkpointed(step: Step) -> int | None:
    """Return the bytes kept with checkpointed blocks: their inputs, the largest block, the rest."""
    if not step.entering:
        return None
    inside = max(step.saved.get(block, 0) for block in step.entering)
    kept = step.saved.get("", 0) + sum(step.entering.values()) + inside
    return min(kept, sum(step.saved.values()))


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(each.numel() * each.element_size() for each in tensors)
