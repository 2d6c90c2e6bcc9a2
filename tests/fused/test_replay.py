"""Replay: a recorded step does what the step does, or is not used."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from harness.fused.replay import WORTH, Replays


class Scale:
    """Takes means of squares scaled by a factor, and counts in place how often it did."""

    def __init__(self, factor: float = 2.0) -> None:
        self.factor, self.taken = factor, 0
        self.count = torch.zeros(())

    def __call__(self, replays: Replays, numbers: Tensor) -> Sequence[Tensor]:
        return replays(numbers.shape, lambda: self._step(numbers), [numbers], [self.count])

    def _step(self, numbers: Tensor) -> tuple[Tensor, ...]:
        self.taken += 1
        self.count.add_(1)
        leaf = numbers.requires_grad_()
        loss = torch.vmap(lambda row: (row * row).mean() * self.factor)(leaf).sum()
        return (loss.detach(), *torch.autograd.grad(loss, [leaf]))


def test_steps_of_a_shape_are_recorded_and_repeated_with_other_numbers() -> None:
    replays, scale = Replays(), Scale()
    for number in range(1, 3 * WORTH):
        rows = torch.randn(3, 5)
        loss, gradient = scale(replays, rows)
        torch.testing.assert_close(loss, 2 * rows.detach().square().mean(1).sum())
        torch.testing.assert_close(gradient, 4 * rows.detach() / 5)
        assert float(scale.count) == number, "what it changes in place is changed once"
    assert scale.taken == WORTH, "the later ones were repeated"
    scale(replays, torch.randn(2, 5))
    assert scale.taken == WORTH + 1, "another shape is another step"


def test_a_recording_with_other_bits_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    replays, scale = Replays(), Scale()
    drawing = scale._step

    def draw(numbers: Tensor) -> tuple[Tensor, ...]:
        return (*drawing(numbers), torch.rand(3))

    monkeypatch.setattr(scale, "_step", draw)
    for _ in range(2 * WORTH):
        scale(replays, torch.randn(3, 5))
    assert scale.taken == 2 * WORTH
