"""Forgetting: how far a fine-tuning moved the weights, and what it cost the source task."""

from collections.abc import Mapping
from functools import lru_cache

from torch import Tensor, nn

from harness.evaluation import outputs_on, prefixed, score
from harness.outline import outline
from harness.phases import Adapter
from harness.recipe import Recipe
from harness.start import Base, Start

Weights = Mapping[str, Tensor]


def drift(network: nn.Module, after: Weights) -> dict[str, float]:
    """Return ‖W − W0‖/‖W0‖ (Frobenius) of `after` from the network's weights.

    drift/<block> is over all weights of a block, drift/body over all but the head. Small drift is
    no proof that the function stayed.
    """
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


def source_scores(
    start: Start, base: Base, after: Weights, drawn: set[str], adapter: Adapter | None
) -> dict[str, float]:
    """Return source/<metric> and source/<metric>_before: the source task on its validation set,
    with the weights trained since and with the base's; nothing if the base is no run.

    Where the training drew a new head (`drawn`, by name), the source's own answers. `adapter`
    is one that is not merged into `after`.
    """
    if base.recipe is None:
        return {}
    before = {f"{n}_before": value for n, value in _before(start, base.sha256).items()}
    now = {name: after[name] for name in after if name not in drawn}
    after = {**base.weights, **now}
    return prefixed("source", _scores(base.recipe, after, adapter) | before)


@lru_cache(maxsize=4)
def _before(start: Start, sha256: str) -> dict[str, float]:
    """Return the base's own scores, the same for every run that starts from it."""
    base = start.base()
    assert base.sha256 == sha256
    assert base.recipe is not None
    return _scores(base.recipe, base.weights)


def _scores(source: Recipe, weights: Weights, adapter: Adapter | None = None) -> dict[str, float]:
    network = source.model.build(source.data.facts())
    if adapter is not None:
        network = adapter.apply(network)
    network.load_state_dict(dict(weights))
    module = source.data.build(seed=source.seed, batch_size=None)
    output, batch = outputs_on(network, module.val_dataloader(), source.task)
    metrics = source.task.metrics(source.data.facts())
    wanted = {source.task.headline: metrics[source.task.headline]}
    return score(output, batch, source.task, wanted)
