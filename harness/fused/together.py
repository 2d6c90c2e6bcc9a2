"""Together: all models of a stack in one pass; the same task code runs over them by vmap."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor
from torch.func import vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from harness.fused.replay import Replays
from harness.fused.stack import Batch, Stack
from harness.recipe import Task


class Together:
    """Runs the models of a stack as one. Where a batch is `shared` all see the same, else each part
    has a row for each."""

    repeatable = False
    """The last bits of an evaluation are not those of the network by itself."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._replays = Replays()

    def gradients(
        self, batch: Batch, masks: Sequence[Tensor], out: Tensor, *, shared: bool
    ) -> Tensor:
        """Return each model's loss (models,), and put their gradients (models, numbers) in `out`.

        The losses are summed: an average would divide each gradient by the number of models.
        """
        self.stack.train()
        leaves, rest = list(self.stack.trained.values()), list(self.stack.rest.values())
        key = (shared, *self.stack.tasks, *(part.shape for part in (*batch, *masks)))
        step = partial(self._step, batch, masks, shared=shared)
        losses, *pieces = self._replays(key, step, [*leaves, *batch, *masks], rest)
        torch.cat([piece.reshape(len(self.stack), -1) for piece in pieces], 1, out=out)
        return losses

    def _step(self, batch: Batch, masks: Sequence[Tensor], *, shared: bool) -> tuple[Tensor, ...]:
        """Return the losses and the gradient of each parameter, (models, *shape)."""
        losses = self._losses(batch, list(masks), None if shared else 0)
        pieces = torch.autograd.grad(losses.sum(), list(self.stack.trained.values()))
        return (losses.detach(), *pieces)

    @torch.no_grad()
    def predict(self, batch: Batch, *, shared: bool) -> Tensor:
        """Return each model's output in eval mode, (models, batch, …)."""
        self.stack.module.eval()
        return self._outputs(batch, [], None if shared else 0)

    def _outputs(self, batch: Batch, masks: list[Tensor], dim: int | None) -> Tensor:
        over = vmap(self.stack.output, in_dims=(0, 0, 0, dim))
        with sdpa_kernel(SDPBackend.MATH):  # the others have no batching rule
            outputs: Tensor = over(self.stack.trained, self.stack.rest, masks, tuple(batch))
        return outputs

    def _losses(self, batch: Batch, masks: list[Tensor], dim: int | None) -> Tensor:
        outputs, tasks = self._outputs(batch, masks, dim), self._by_task()
        if len(tasks) == 1:
            (task,) = tasks
            return vmap(partial(task.loss, training=True), in_dims=(0, dim))(outputs, list(batch))
        losses = outputs.new_empty(len(self.stack))
        for task, rows in tasks.items():
            chosen = batch if dim is None else [part[rows] for part in batch]
            over_rows = vmap(partial(task.loss, training=True), in_dims=(0, dim))
            losses[rows] = over_rows(outputs[rows], list(chosen))
        return losses

    def _by_task(self) -> dict[Task, list[int]]:
        rows: dict[Task, list[int]] = {}
        for row, task in enumerate(self.stack.tasks):
            rows.setdefault(task, []).append(row)
        return rows
