"""Frozen: the features of a body in which nothing trains are computed once, not in every epoch."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

import torch
from torch import Tensor, nn

from harness.outline import outline
from harness.phase_runner import PhaseRunner
from harness.recipe import Recipe

Batch = Sequence[Tensor]
PROBED = 2
"""Examples that show whether a body is still: no more, as a whole batch may not fit in memory."""


class Remembered(nn.Module):
    """The head on features that are known already; an example is known again by its digest."""

    def __init__(self, head: nn.Module, rows: dict[bytes, int], features: Tensor) -> None:
        super().__init__()
        self.head, self.rows, self.features = head, rows, features

    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs that were seen before to the outputs of the whole network."""
        places = torch.tensor([self.rows[key] for key in _keys(inputs)])
        result: Tensor = self.head(self.features[places].to(inputs.device))
        return result


@torch.no_grad()
def remembered(recipe: Recipe, phases: PhaseRunner) -> Remembered | None:
    """Return what stands for the network of a training of the head alone, None if nothing does.

    All of what follows is asked: the head alone ever trains; it is one module, whose output is the
    network's; the body draws no random number, keeps no statistics, and computes in training what
    it computes in evaluation; no batch is augmented. The features are those of the batches of the
    first epoch, whatever the epoch that a training goes on from: a resumed one has the same bits.
    `phases` are in the phase that trains.
    """
    name = outline(phases.network).head
    head = phases.network.get_submodule(name) if name else None
    once = recipe.epochs == 1 or not recipe.precision.endswith("-true")
    if once or head is None or not _head_alone(phases, head):
        return None
    data = recipe.data.build(seed=recipe.seed, batch_size=recipe.batch_size)
    loader = data.train_dataloader()
    batches = [*loader, *data.val_dataloader()]
    if not _is_still(recipe, phases, head, [part[:PROBED] for part in batches[0]]):
        return None
    if _all_keys(batches) != _all_keys([*loader, *data.val_dataloader()]):
        return None
    like = next(head.parameters())
    found = [_features(recipe, phases.network, head, _moved(batch, like)) for batch in batches]
    rows = {key: n for n, key in enumerate(key for b in batches for key in _keys(b[0]))}
    return Remembered(head, rows, torch.cat(found).cpu())


def _head_alone(phases: PhaseRunner, head: nn.Module) -> bool:
    plan, inside = phases.plan, {id(parameter) for parameter in head.parameters()}
    trained = [p for group in phases.groups for p in group.members.values()]
    return (
        plan.adapter is None
        and plan.held is None
        and len(plan.phases) == 1
        and all(id(parameter) in inside for parameter in trained)
    )


def _is_still(recipe: Recipe, phases: PhaseRunner, head: nn.Module, batch: Batch) -> bool:
    """Say whether the body is a function of the inputs, and the head of its features."""
    network, task = phases.network, recipe.task
    batch = _moved(batch, next(head.parameters()))
    state, buffers = torch.get_rng_state(), [b.clone() for b in network.buffers()]
    output = task.predict(network, batch)
    drawn = not torch.equal(state, torch.get_rng_state())
    torch.set_rng_state(state)
    for buffer, before in zip(network.buffers(), buffers, strict=True):
        drawn = drawn or not torch.equal(buffer, before)
        buffer.copy_(before)
    features = _features(recipe, network, head, batch)
    if drawn or not len(features):
        return False
    head_only: Tensor = head(features)
    return head_only.shape == output.shape and torch.equal(head_only, output)


def _features(recipe: Recipe, network: nn.Module, head: nn.Module, batch: Batch) -> Tensor:
    """Return what the head is given for a batch in eval mode; nothing if that is not one tensor."""
    found: list[Tensor] = []

    def keep(_module: nn.Module, inputs: tuple[object, ...]) -> None:
        found.extend(each.detach() for each in inputs if isinstance(each, Tensor))

    modes = {module: module.training for module in network.modules()}
    hook = head.register_forward_pre_hook(keep)
    try:
        recipe.task.predict(network.eval(), batch)
    finally:
        hook.remove()
        for module, training in modes.items():
            module.training = training
    return found[0] if len(found) == 1 else torch.empty(0)


def _moved(batch: Batch, like: Tensor) -> list[Tensor]:
    return [
        part.to(like.device, like.dtype if part.is_floating_point() else part.dtype)
        for part in batch
    ]


def _all_keys(batches: Iterable[Batch]) -> set[bytes]:
    return {key for batch in batches for key in _keys(batch[0])}


def _keys(inputs: Tensor) -> list[bytes]:
    """Return a digest of each example, floating-point ones in single precision."""
    rows = inputs.detach().cpu()
    rows = rows.float() if rows.is_floating_point() else rows
    return [blake2b(row.numpy().data, digest_size=16).digest() for row in rows.contiguous()]
