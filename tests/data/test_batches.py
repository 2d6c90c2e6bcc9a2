"""Batches: every example once an epoch, in an order of (seed, epoch) alone, resumable anywhere."""

import math
from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from harness.data.batches import Batch, Batches, Split
from harness.settings import UserError

SIZES = st.integers(1, 40)
BATCH_SIZES = st.none() | st.integers(1, 50)
PARTS = st.integers(1, 9)


def numbered(n: int) -> Split:
    """Return examples whose target is their index."""
    return Split(torch.arange(n, dtype=torch.float32)[:, None], torch.arange(n))


def noisy(inputs: Tensor, generator: torch.Generator) -> Tensor:
    return inputs + torch.rand(inputs.shape, generator=generator)


def make(
    n: int = 23,
    batch_size: int | None = 6,
    accumulate: int = 2,
    seed: int = 0,
    augment: bool = True,
) -> Batches:
    return Batches(
        numbered(n),
        batch_size=batch_size,
        accumulate=accumulate,
        seed=seed,
        augment=noisy if augment else None,
    )


def same(left: list[Batch], right: list[Batch]) -> bool:
    pairs = zip(left, right, strict=True)
    return all(torch.equal(a, c) and torch.equal(b, d) for (a, b), (c, d) in pairs)


def order(batches: Batches) -> list[int]:
    """Return the indices of the next epoch in the order they come."""
    return torch.cat([targets for _, targets in batches]).tolist()


@given(SIZES, BATCH_SIZES, PARTS)
def test_an_epoch_has_every_example_once(n: int, batch_size: int | None, accumulate: int) -> None:
    batches = make(n, batch_size, accumulate)
    for _ in range(2):
        seen = list(batches)
        assert len(seen) == len(batches)
        assert sorted(torch.cat([targets for _, targets in seen]).tolist()) == list(range(n))


@given(SIZES, BATCH_SIZES, PARTS)
def test_micro_batches_join_to_the_effective_batches(
    n: int, batch_size: int | None, accumulate: int
) -> None:
    size = n if batch_size is None else batch_size
    whole = list(make(n, batch_size, 1, augment=False))
    batches = make(n, batch_size, accumulate, augment=False)
    joined: list[list[Tensor]] = []
    for k, (inputs, _) in enumerate(batches):
        if k % batches.parts == 0:
            joined.append([])
        joined[-1].append(inputs)
        assert 1 <= len(inputs) <= math.ceil(size / accumulate)
        assert batches.effective_size(k) == len(whole[k // batches.parts][0])
    assert [torch.cat(parts).tolist() for parts in joined] == [x.tolist() for x, _ in whole]
    assert all(len(parts) == min(accumulate, size) for parts in joined[:-1])
    assert len(joined) == batches.effective_batches == len(whole)


def test_sizes_of_micro_batches_differ_by_one_at_most() -> None:
    sizes = [len(inputs) for inputs, _ in make(20, 10, 4)]
    assert sizes == [2, 3, 2, 3, 2, 3, 2, 3]


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    first, again, other = make(seed=3), make(seed=3), make(seed=4)
    orders = [order(first) for _ in range(3)]
    assert orders == [order(again) for _ in range(3)]
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert orders[0] != order(other)
    # Neighbours on the diagonal: seed + epoch would make these two the same.
    assert orders[1] != order(make(seed=4))


def test_the_order_does_not_depend_on_the_batch_size() -> None:
    assert order(make(batch_size=5)) == order(make(batch_size=None, accumulate=3))


def test_every_micro_batch_and_epoch_is_augmented_differently() -> None:
    batches = make(8, 4, 2)
    noise = [(inputs[:, 0] - targets).tolist() for _ in range(2) for inputs, targets in batches]
    assert len({tuple(values) for values in noise}) == len(noise)


@given(SIZES, BATCH_SIZES, PARTS, st.integers(0, 3), st.data())
def test_a_resumed_loader_goes_on_identically(
    n: int, batch_size: int | None, accumulate: int, epoch: int, data: st.DataObject
) -> None:
    straight, resumed = (make(n, batch_size, accumulate) for _ in range(2))
    used = data.draw(st.integers(0, len(straight)))
    for _ in range(epoch):
        list(straight)
    list(islice(straight, used))
    resumed.load_state_dict(straight.state_dict())
    assert straight.state_dict() == {"epoch": epoch, "used": used}
    assert same(list(straight), list(resumed))
    assert same(list(straight), list(resumed))


def test_a_finished_epoch_is_followed_by_the_next() -> None:
    batches, fresh = make(), make()
    batches.load_state_dict({"epoch": 4, "used": len(batches)})
    fresh.load_state_dict({"epoch": 5, "used": 0})
    assert same(list(batches), list(fresh))
    assert batches.state_dict() == {"epoch": 6, "used": 0}


def test_an_iterator_that_nobody_advances_changes_nothing() -> None:
    batches = make()
    idle = [iter(batches) for _ in range(3)]
    assert batches.state_dict() == {"epoch": 0, "used": 0}
    assert same(list(batches), list(make()))
    assert batches.state_dict() == {"epoch": 1, "used": 0}
    del idle


def test_an_old_iterator_does_not_disturb_a_new_one() -> None:
    batches, reference = make(), make()
    old = iter(batches)
    next(old)
    assert same(list(batches), list(reference)[1:])
    assert list(old) == []
    assert batches.state_dict() == {"epoch": 1, "used": 0}


def test_without_shuffle_every_iteration_starts_anew_in_order() -> None:
    batches = Batches(numbered(10), batch_size=4, shuffle=False)
    list(islice(batches, 2))
    assert order(batches) == order(batches) == list(range(10))


def test_the_global_generator_is_untouched() -> None:
    before = torch.get_rng_state()
    list(make())
    assert torch.equal(before, torch.get_rng_state())


def test_batches_do_not_depend_on_the_global_generator() -> None:
    torch.manual_seed(1)
    first = list(make())
    torch.manual_seed(2)
    assert same(first, list(make()))


@pytest.mark.parametrize("state", [{"epoch": -1, "used": 0}, {"epoch": 0, "used": 99}])
def test_a_position_from_elsewhere_is_refused(state: dict[str, int]) -> None:
    with pytest.raises(UserError, match="position in the data"):
        make().load_state_dict(state)


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(UserError, match="batch_size"):
        make(batch_size=0)
    with pytest.raises(UserError, match="accumulate"):
        make(accumulate=0)
    with pytest.raises(UserError, match="lengths of a split"):
        Split(torch.zeros(3), torch.zeros(2))


def texts(lengths: list[int]) -> Split:
    rows = torch.zeros(len(lengths), max(lengths), dtype=torch.int64)
    for row, length in zip(rows, lengths, strict=True):
        row[:length] = 1
    return Split(rows, torch.arange(len(lengths)))


def test_texts_of_similar_length_come_together() -> None:
    """Every text once an epoch, with far less padding up to each batch's longest text."""
    drawn = torch.randint(1, 60, (403,), generator=torch.Generator().manual_seed(0)).tolist()
    split = texts(drawn)

    def padding(by_length: bool) -> int:
        loader = Batches(split, batch_size=16, by_length=by_length)
        batches = list(loader)
        assert sorted(torch.cat([targets for _, targets in batches]).tolist()) == list(range(403))
        lengths = [(inputs != 0).sum(1) for inputs, _ in batches]
        return sum(int((one.max() - one).sum()) for one in lengths)

    assert padding(True) < padding(False) / 3
    evaluation = Batches(split, batch_size=16, shuffle=False, by_length=True)
    shown = [int((inputs[0] != 0).sum()) for inputs, _ in evaluation]
    assert shown == sorted(shown)
