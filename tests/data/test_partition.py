"""Partitions cover everything once, are stratified, and depend on their arguments alone."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.data.partition import hold_out, hold_out_fold
from harness.data.randomness import Stream, numpy_generator, torch_generator

CLASSES = st.lists(st.integers(0, 3), min_size=4, max_size=60).map(torch.tensor)


@given(CLASSES, st.data())
def test_held_out_examples_are_stratified_and_exact_in_number(
    classes: torch.Tensor, data: st.DataObject
) -> None:
    n = len(classes)
    count = data.draw(st.integers(1, n - 1))
    kept, held = hold_out(classes, count, seed=1, stream=Stream.VALIDATION)
    assert len(held) == count
    assert sorted(torch.cat([kept, held]).tolist()) == list(range(n))
    before, after = classes.bincount(minlength=4), classes[held].bincount(minlength=4)
    assert ((before * count / n - after).abs() < 1).all()


@given(CLASSES, st.integers(2, 4))
def test_folds_partition_and_are_stratified(classes: torch.Tensor, folds: int) -> None:
    n = len(classes)
    parts = [hold_out_fold(classes, folds=folds, fold=number) for number in range(folds)]
    assert sorted(torch.cat([held for _, held in parts]).tolist()) == list(range(n))
    assert [len(held) for _, held in parts] == [n // folds + (i < n % folds) for i in range(folds)]
    for kept, held in parts:
        assert sorted(torch.cat([kept, held]).tolist()) == list(range(n))
        share = classes.bincount(minlength=4) / folds
        assert ((classes[held].bincount(minlength=4) - share).abs() < 1).all()


def test_float_targets_are_drawn_at_random() -> None:
    targets = torch.arange(100.0)
    _, held = hold_out(targets, 20, seed=0, stream=Stream.VALIDATION)
    _, other = hold_out(targets, 20, seed=1, stream=Stream.VALIDATION)
    assert len(held) == len(other) == 20
    assert not torch.equal(held, other)


def test_kept_examples_come_in_random_order_unless_ordered() -> None:
    classes = torch.arange(3).repeat_interleave(20)
    kept, _ = hold_out(classes, 12, seed=0, stream=Stream.VALIDATION)
    ordered, _ = hold_out(classes, 12, seed=0, stream=Stream.VALIDATION, ordered=True)
    assert torch.equal(kept.sort().values, ordered)
    assert set(classes[kept[:16]].tolist()) == {0, 1, 2}


def test_a_partition_never_changes_from_version_to_version() -> None:
    _, held = hold_out(torch.zeros(50), 5, seed=0, stream=Stream.TEST)
    assert held.tolist() == [6, 8, 9, 10, 49]


def test_streams_with_different_keys_differ() -> None:
    keys = [(0, 1), (1, 0), (1,), (1, 0, 0), (2**32, 1)]
    first = {torch_generator(7, Stream.ORDER, *key).initial_seed() for key in keys}
    second = {torch_generator(8, Stream.ORDER, *key).initial_seed() for key in keys}
    third = {torch_generator(7, Stream.AUGMENT, *key).initial_seed() for key in keys}
    assert len(first | second | third) == 3 * len(keys)
    assert numpy_generator(7, Stream.TEST).randint(2**31) == numpy_generator(
        7, Stream.TEST
    ).randint(2**31)
