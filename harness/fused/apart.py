"""Apart: the models of a stack one after the other, where a pass over all of them costs more."""

from collections.abc import Sequence

import torch
from torch import Tensor

from harness.fused.stack import Batch, Stack, laid_out


class Apart:
    """Does what Together does, a model at a time, so that each works on what fits the cache.

    A convolution's weights lie in memory as they do in a network by itself.
    """

    repeatable = True
    """An evaluation gives the same bits as that of the network by itself."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def gradients(
        self, batch: Batch, masks: Sequence[Tensor], out: Tensor, *, shared: bool
    ) -> Tensor:
        """Return each model's loss, and put their gradients (models, numbers) in `out`."""
        self.stack.train()
        losses = out.new_empty(len(self.stack))
        for row, task in enumerate(self.stack.tasks):
            leaves = [piece[row].detach().requires_grad_() for piece in self.stack.trained.values()]
            own = batch if shared else [part[row] for part in batch]
            output = self._output(row, leaves, [mask[row] for mask in masks], own)
            loss = task.loss(output, own, training=True)
            pieces = torch.autograd.grad(loss, leaves)
            torch.cat([piece.reshape(-1) for piece in pieces], out=out[row])
            losses[row] = loss.detach()
        return losses

    @torch.no_grad()
    def predict(self, batch: Batch, *, shared: bool) -> Tensor:
        """Return each model's output in eval mode, (models, batch, …)."""
        self.stack.module.eval()
        return torch.stack([self._predict(row, batch, shared) for row in range(len(self.stack))])

    def _predict(self, row: int, batch: Batch, shared: bool) -> Tensor:
        leaves = [piece[row] for piece in self.stack.trained.values()]
        return self._output(row, leaves, [], batch if shared else [part[row] for part in batch])

    def _output(
        self, row: int, leaves: Sequence[Tensor], masks: Sequence[Tensor], batch: Batch
    ) -> Tensor:
        trained = dict(zip(self.stack.trained, map(laid_out, leaves), strict=True))
        rest = {name: laid_out(tensor[row]) for name, tensor in self.stack.rest.items()}
        return self.stack.output(trained, rest, masks, batch)
