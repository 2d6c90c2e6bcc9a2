"""What every dataset keeps: true facts, a stable digest, an order and a split by the seed."""

import random
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.data.in_memory import InMemory
from harness.recipe import Data

Batch = Sequence[Tensor]
SIZE = 256


def joined(batches: Iterable[Batch]) -> list[Tensor]:
    return [torch.cat(column) for column in zip(*batches, strict=True)]


def loaders(data: Data, seed: int = 0, batch_size: int = SIZE, accumulate: int = 1) -> Any:
    return data.build(seed=seed, batch_size=batch_size, accumulate=accumulate)


def same(left: Iterable[Batch], right: Iterable[Batch]) -> bool:
    pairs = zip(joined(left), joined(right), strict=True)
    return all(torch.equal(one, two) for one, two in pairs)


def beginning(loader: Any, *, epoch: int) -> list[Batch]:
    loader.load_state_dict({"epoch": epoch, "used": 0})
    return list(islice(loader, 3))


def affine_free(values: Tensor) -> Tensor:
    """Map float values to what no scale and no shift of a column changes."""
    if not values.is_floating_point():
        return values
    flat = values.flatten(1).double()
    return (flat - flat.mean(dim=0)) / flat.std(dim=0).clamp_min(1e-6)


def steps(inputs: Tensor, data: Data) -> Tensor:
    """Return the steps that are there, (n, channels), of ragged series; all else as it is."""
    ragged = data.facts().ragged and data.facts().holds == "numbers"
    return inputs[inputs[..., -1] == 1] if ragged else inputs


def test_its_facts_need_no_file_and_are_true(data: Data) -> None:
    facts, module = data.facts(), loaders(data)
    parts = {
        "train": (module.train_dataloader(), facts.train),
        "validation": (module.val_dataloader(), facts.validation),
        "test": (module.test_dataloader(), facts.test),
    }
    for name, (loader, size) in parts.items():
        inputs, *_, targets = joined(loader)
        assert (name, len(inputs)) == (name, size)
        assert len(targets) == size
        assert inputs.shape[1:] == facts.inputs
        assert targets.shape[1:] == facts.target_shape
        if targets.is_floating_point():
            assert targets.isfinite().all()
        elif facts.targets == "boxes":
            assert 0 <= targets[..., 0].min() <= targets[..., 0].max() <= facts.outputs
            assert 0 <= targets.min() <= targets[..., 1:].max() <= max(facts.inputs)
        else:
            assert 0 <= targets.min() <= targets.max() < facts.outputs
        if inputs.is_floating_point():
            assert inputs.dtype == torch.float32
            assert inputs.isfinite().all()


def test_its_digest_is_a_sha256_that_stays(data: Data) -> None:
    first = data.digest()
    assert len(bytes.fromhex(first)) == 32
    loaders(data, seed=3)
    assert data.digest() == type(data)().digest() == first


def test_the_training_order_is_a_function_of_seed_and_epoch(data: Data) -> None:
    one, two = loaders(data).train_dataloader(), loaders(data).train_dataloader()
    first = beginning(one, epoch=0)
    assert same(first, beginning(two, epoch=0))
    assert same(beginning(one, epoch=1), beginning(two, epoch=1))
    assert not same(first, beginning(one, epoch=1))
    assert not same(first, beginning(loaders(data, seed=1).train_dataloader(), epoch=0))


def test_a_training_order_goes_on_where_it_was(data: Data) -> None:
    size = data.facts().train // 5 + 1
    one = loaders(data, batch_size=size).train_dataloader()
    iterator = iter(one)
    list(islice(iterator, 2))
    position = one.state_dict()
    rest = list(iterator)
    two = loaders(data, batch_size=size).train_dataloader()
    two.load_state_dict(position)
    assert same(rest, list(two))
    assert same(islice(one, 1), islice(two, 1)), "the next epoch"


def test_a_batch_arrives_in_at_most_so_many_parts(data: Data) -> None:
    part = max(8, data.facts().train // 4_000)
    whole = loaders(data, batch_size=4 * part).train_dataloader()
    parts = loaders(data, batch_size=4 * part, accumulate=4).train_dataloader()
    assert parts.effective_batches == whole.effective_batches == len(whole)
    sizes = [len(batch[-1]) for batch in parts]
    assert max(sizes) == part
    assert len(sizes) <= 4 * len(whole)
    effective = [parts.effective_size(k) for k in range(len(parts))]
    assert set(effective[: 4 * (len(whole) - 1)]) <= {4 * part}
    assert sum(sizes) == data.facts().train


def test_no_seed_changes_the_test_set(data: Data) -> None:
    one, two = (joined(loaders(data, seed).test_dataloader()) for seed in (0, 1))
    one, two = ([steps(inputs, data), targets] for inputs, targets in (one, two))
    for left, right in zip(one, two, strict=True):
        torch.testing.assert_close(affine_free(left), affine_free(right), atol=1e-3, rtol=1e-3)


def test_evaluation_is_in_a_fixed_order(data: Data) -> None:
    module = loaders(data)
    assert same(module.val_dataloader(), module.val_dataloader())
    assert same(module.test_dataloader(), module.test_dataloader())


def test_no_global_random_number_is_drawn(data: Data) -> None:
    torch_state, numpy_state, python_state = torch.get_rng_state(), generator(), random.getstate()
    module = loaders(data)
    for loader in (module.train_dataloader(), module.val_dataloader(), module.test_dataloader()):
        next(iter(loader))
    assert torch.equal(torch_state, torch.get_rng_state())
    assert numpy_state == generator()
    assert python_state == random.getstate()


def generator() -> tuple[object, ...]:
    name, keys, *rest = np.random.get_state(legacy=True)
    return name, tuple(np.asarray(keys).tolist()), *rest


def test_raw_examples_are_standardised_as_in_training(data: Data) -> None:
    if not isinstance(data, InMemory):
        pytest.skip("its tokens are already what a network reads")
    raw, ready = data.load().test, data.build(seed=1, batch_size=8).splits.test
    assert torch.equal(data.standardise(raw.inputs, seed=1), ready.inputs)
    if data.facts().targets == "values":
        back = data.in_units(ready.targets, seed=1)
        torch.testing.assert_close(back, raw.targets.float(), rtol=1e-4, atol=1e-4)
    assert len(data.classes) in (0, data.facts().outputs)
