"""Length: what an extension does to the learning rate, as a law and in a training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.keeper import Hooks, Interrupted
from harness.length import POLICIES, Length, length_from
from harness.optimizer import cycle_factor, schedule_factor
from harness.settings import UserError
from harness.strategies.lp_ft import LPFT
from harness.training import train
from tests.test_resume_matrix import BASE, STEPS, same
from tests.test_training import WATCH, StopAt

extensions = st.lists(st.tuples(st.integers(1, 9), st.sampled_from(POLICIES)), max_size=4)


def factor(step: int, length: Length, schedule: Any = "cosine") -> float:
    recipe = replace(BASE, schedule=schedule)
    return cycle_factor(step, recipe=recipe, ends=length.ends(STEPS))


@given(st.integers(1, 30), extensions)
def test_it_travels_as_text_and_its_cycles_rise(epochs: int, more: list[tuple[int, str]]) -> None:
    length = Length.of(epochs)
    for added, policy in more:
        length = length.extended(added, policy)
    assert length_from(length.as_text()) == length
    assert length.epochs == epochs + sum(added for added, _ in more)
    assert list(length.cycles) == sorted(set(length.cycles))
    assert length.cycles[-1] <= length.epochs


@given(st.integers(1, 30), st.integers(1, 10), st.sampled_from(["cosine", "step", "constant"]))
def test_the_three_policies_are_what_they_say(epochs: int, more: int, schedule: Any) -> None:
    recipe = replace(BASE, schedule=schedule)
    old, end = Length.of(epochs), epochs * STEPS
    for step in (end, end + 1, (epochs + more) * STEPS - 1):
        kept, again, longer = (
            factor(step, old.extended(more, policy), schedule) for policy in POLICIES
        )
        total = (epochs + more) * STEPS
        assert kept == schedule_factor(end, recipe=recipe, total=end)
        assert again == schedule_factor(step - end, recipe=recipe, total=more * STEPS)
        assert longer == schedule_factor(step, recipe=recipe, total=total)


@given(st.integers(1, 9), st.integers(1, 9))
def test_a_cycle_after_a_kept_rate_is_a_whole_one(kept: int, more: int) -> None:
    length = Length.of(5).extended(kept, "keep").extended(more, "rewarm")
    fresh = Length.of(more)
    for step in range(more * STEPS):
        assert factor((5 + kept) * STEPS + step, length) == factor(step, fresh)


@pytest.mark.parametrize("wrong", ["", "5", "5 a", "5 4,x", "one 4"])
def test_a_damaged_tag_is_one_line(wrong: str) -> None:
    with pytest.raises(UserError, match=r"harness\.length: got"):
        length_from(wrong)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_rates_of_an_extension_are_the_planned_ones_from_its_first_step(
    policy: str, tmp_path: Path
) -> None:
    recipe = replace(BASE, optimizer="sgd", strategy=LPFT(factor=0.5), schedule="step")
    train(recipe, directory=tmp_path, watch=WATCH)
    length = Length.of(recipe.epochs).extended(2, policy)
    longer = train(recipe, directory=tmp_path, watch=WATCH, length=length)
    assert len(longer.history) == recipe.epochs + 2
    for epoch in range(recipe.epochs, recipe.epochs + 2):
        planned = recipe.lr * cycle_factor(
            (epoch + 1) * STEPS, recipe=recipe, ends=length.ends(STEPS)
        )
        assert longer.history[epoch]["lr"] == pytest.approx(0.5 * planned), (
            "phases stay as they were"
        )


def test_an_extension_that_rescales_is_the_long_training_if_the_schedule_is_constant(
    tmp_path: Path,
) -> None:
    recipe = replace(BASE, schedule="constant", warmup=0.0)
    train(recipe, directory=tmp_path / "a", watch=WATCH)
    length = Length.of(recipe.epochs).extended(2, "rescale")
    longer = train(recipe, directory=tmp_path / "a", watch=WATCH, length=length, test=True)
    whole = replace(recipe, epochs=recipe.epochs + 2)
    same(longer, train(whole, directory=tmp_path / "b", watch=WATCH, test=True))


@pytest.mark.parametrize("policy", POLICIES)
def test_an_extension_that_is_stopped_goes_on_to_the_same_bits(policy: str, tmp_path: Path) -> None:
    recipe = replace(BASE, schedule="step", strategy=LPFT())
    length = Length.of(recipe.epochs).extended(2, policy)
    for name, stops in (("whole", ()), ("stopped", (1, 3, 2))):
        train(recipe, directory=tmp_path / name, watch=WATCH)
        for calls in stops:
            hooks = Hooks(stop=StopAt(calls))
            with pytest.raises(Interrupted):
                train(recipe, directory=tmp_path / name, watch=WATCH, length=length, hooks=hooks)
    one, other = (
        train(recipe, directory=tmp_path / name, watch=WATCH, length=length, test=True)
        for name in ("whole", "stopped")
    )
    same(one, other)
