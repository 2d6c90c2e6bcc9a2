"""Forgetting: how far a fine-tuning moved the weights, and what it cost the source task."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from harness.base import take_over
from harness.evaluation import outputs_on, prefixed, score
from harness.groups import merged
from harness.outline import outline
from harness.phases import Adapter
from harness.recipe import Recipe
from harness.start import Base

Weights = Mapping[str, Tensor]


def traces(recipe: Recipe, trained: Weights) -> dict[str, float]:
    """Return what a training left of its start; nothing if it had none.

    - `drift/<block>`, `drift/body`: ‖W − W0‖/‖W0‖ (Frobenius) over all weights of a block, and over
      all but the head, adapters merged in. Small drift is no proof that the function stayed.
    - `source/<metric>` and `source/<metric>_before`: the source task's metrics on its validation
      set, after and before, where the base is a run. The head that answers is the source's own, if
      the training drew a new one.

    No random number is taken from the global generators.
    """
    if recipe.start is None or not trained:
        return {}
    base = recipe.start.base()
    with torch.random.fork_rng(devices=[]):
        network = recipe.model.build(recipe.data.facts())
        drawn = set(take_over(network, base, new_head=recipe.start.new_head))
        after, adapter = merged(recipe, trained)
        return drift(network, after) | _source_scores(base, after, drawn, adapter)


def drift(network: nn.Module, after: Weights) -> dict[str, float]:
    """Return the relative distance of `after` from the network's weights, by block."""
    parts = outline(network)
    moved: dict[str, float] = {}
    size: dict[str, float] = {}
    for entry in parts.entries:
        if entry.place == "head":
            continue
        names = ["body", parts.blocks[entry.block] if entry.place == "block" else entry.place]
        start = entry.parameter.detach().double()
        for name in names:
            change = after[entry.name].double() - start
            moved[name] = moved.get(name, 0.0) + change.square().sum().item()
            size[name] = size.get(name, 0.0) + start.square().sum().item()
    return {f"drift/{name}": (moved[name] / size[name]) ** 0.5 for name in moved if size[name]}


def _source_scores(
    base: Base, after: Weights, drawn: set[str], adapter: Adapter | None
) -> dict[str, float]:
    """Return the source task's metrics with the base's weights and with those trained since.

    `adapter` is one that is not merged into `after`.
    """
    source = base.recipe
    if source is None:
        return {}
    network = source.model.build(source.data.facts())
    now = {name: after[name] for name in after if name not in drawn}
    network.load_state_dict(dict(base.weights))
    before = {f"{name}_before": value for name, value in _scores(source, network).items()}
    if adapter is not None:
        network = adapter.apply(network)
    network.load_state_dict({**base.weights, **now})
    return prefixed("source", before | _scores(source, network))


def _scores(source: Recipe, network: nn.Module) -> dict[str, float]:
    module = source.data.build(seed=source.seed, batch_size=None)
    output, batch = outputs_on(network, module.val_dataloader(), source.task)
    metrics = source.task.metrics(source.data.facts())
    wanted = {source.task.headline: metrics[source.task.headline]}
    return score(output, batch, source.task, wanted)
