"""Traces: what a fine-tuning left of its start: what trained, what moved, what is still known."""

import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from statistics import median

import torch
from torch import Tensor, nn

from harness.base import take_over
from harness.evaluation import Batch, outputs_on
from harness.forgetting import drift, source_scores
from harness.groups import Prepared, prepare
from harness.outline import Entry, Outline, outline
from harness.recipe import Recipe
from harness.representation import alike, features

PROBE = 256
"""Examples on which two networks are compared."""
TIMED, REPEATS = 32, 3
"""Examples of a forward pass, and how many passes, whose median time is a network's."""


def traces(recipe: Recipe, trained: Mapping[str, Tensor]) -> dict[str, float]:
    """Return what a training left of its start; nothing if it had none.

    - `trained/<block>`: numbers that ever trained there, adapters' included, for each of its own
    - `drift/<block>`, `source/<metric>`: see `harness.forgetting`
    - `cka/<block>`: see `harness.representation`, on the first validation examples of the source
      task, or of the recipe's own where the base is no run
    - `params/trainable_body`: what trained outside the head; `size/trained_bytes` is all of it
    - of an adapter `merge/error`, relative, and `cost/forward_seconds` of 32 examples, merged and
      with the adapter beside (`…_adapted`)

    No random number is taken from the global generators.
    """
    if recipe.start is None or not trained:
        return {}
    base = recipe.start.base()
    with torch.random.fork_rng(devices=[]):
        network = recipe.model.build(recipe.data.facts())
        drawn = set(take_over(network, base, new_head=recipe.start.new_head))
        prepared = prepare(deepcopy(network), recipe.strategy)
        shares = _shares(network, prepared)
        probe = _probe(base.recipe or recipe)
        prepared.network.load_state_dict(dict(trained))
        plain, merging = _merged(prepared, recipe, probe)
        after = plain.state_dict()
        adapter = prepared.plan.adapter
        left = None if adapter is None or adapter.merges else adapter
        blocks = outline(network).blocks
        found = drift(network, after) | alike(
            features(network, blocks, probe, recipe.task),
            features(plain, blocks, probe, recipe.task),
        )
        return found | shares | merging | source_scores(recipe.start, base, after, drawn, left)


def _shares(network: nn.Module, prepared: Prepared) -> dict[str, float]:
    """Return what ever trains, by block and in all."""
    own = _by_block(outline(network), lambda _entry: True)
    trains = {id(p) for group in prepared.groups for p in group.members.values()}
    trained = _by_block(prepared.outline, lambda entry: id(entry.parameter) in trains)
    found = {f"trained/{name}": trained.get(name, 0) / size for name, size in own.items()}
    sizes = [p.nbytes for group in prepared.groups for p in group.members.values()]
    found["params/trainable_body"] = float(sum(p.numel() for p in prepared.body().values()))
    return found | {"size/trained_bytes": float(sum(sizes))}


def _by_block(parts: Outline, counts: Callable[[Entry], bool]) -> dict[str, int]:
    """Return how many numbers of the entries that count lie in each block, adapters included."""
    found: dict[str, int] = {}
    for entry in filter(counts, parts.entries):
        inside = [name for name in parts.blocks if entry.name.startswith(f"{name}.")]
        block = parts.blocks[entry.block] if entry.place == "block" else "".join(inside[:1])
        if block:
            found[block] = found.get(block, 0) + entry.parameter.numel()
    return found


def _probe(source: Recipe) -> Batch:
    loader = source.data.build(seed=source.seed, batch_size=PROBE).val_dataloader()
    return [part[:PROBE] for part in next(iter(loader))]


def _merged(prepared: Prepared, recipe: Recipe, probe: Batch) -> tuple[nn.Module, dict[str, float]]:
    """Return the trained network, adapters merged if they can be, and what merging cost."""
    adapter = prepared.plan.adapter
    if adapter is None or not adapter.merges:
        return prepared.network, {}
    few = [part[:TIMED] for part in probe]
    before, seconds = _timed(prepared.network, recipe, few)
    plain = adapter.merge(prepared.network)
    after, merged_seconds = _timed(plain, recipe, few)
    error = (after - before).norm() / before.norm()
    return plain, {
        "merge/error": float(error),
        "cost/forward_seconds_adapted": seconds,
        "cost/forward_seconds": merged_seconds,
    }


def _timed(network: nn.Module, recipe: Recipe, batch: Batch) -> tuple[Tensor, float]:
    output, times = torch.empty(0), []
    for _ in range(REPEATS):
        began = time.perf_counter()
        output, _ = outputs_on(network, [batch], recipe.task)
        times.append(time.perf_counter() - began)
    return output, median(times)
