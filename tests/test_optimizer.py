"""Optimizer: the recipe's settings reach torch, and the schedule is its formula."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from harness.data.digits import Digits
from harness.models.mlp import MLP
from harness.optimizer import build_optimizer, build_schedule, schedule_factor
from harness.recipe import SCHEDULES, Recipe
from harness.strategies.full import Full
from harness.tasks.classify import Classify

BASE = Recipe(model=MLP(), data=Digits(), task=Classify(), strategy=Full(), lr=0.1)
TOTAL = 100


def factors(total: int = TOTAL, **settings: Any) -> list[float]:
    recipe = replace(BASE, **settings)
    return [schedule_factor(step, recipe=recipe, total=total) for step in range(total + 1)]


def parameter(value: float = 1.0) -> nn.Parameter:
    return nn.Parameter(torch.full((3,), value))


def optimizer_of(recipe: Recipe, *parameters: nn.Parameter) -> Optimizer:
    return build_optimizer(recipe, {"all": parameters or [parameter()]})


def test_constant_stays_at_one() -> None:
    assert set(factors(schedule="constant")) == {1.0}


def test_cosine_falls_from_one_over_a_half_to_zero() -> None:
    cosine = factors(schedule="cosine")
    assert cosine[0] == 1.0
    assert cosine[25] == pytest.approx(0.5 + math.sqrt(0.125))
    assert cosine[50] == pytest.approx(0.5)
    assert cosine[TOTAL] == 0.0
    assert cosine == sorted(cosine, reverse=True)


def test_warm_up_is_linear_and_the_schedule_begins_after_it() -> None:
    cosine = factors(schedule="cosine", warmup=0.2)
    assert cosine[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])
    assert cosine[20] == 1.0
    assert cosine[60] == pytest.approx(0.5)
    assert cosine[TOTAL] == 0.0
    assert factors(schedule="constant", warmup=0.2)[20:] == [1.0] * 81
    assert factors(schedule="constant", warmup=0.07)[5:8] == [6 / 7, 1.0, 1.0]


def test_steps_fall_by_the_factor_at_each_share() -> None:
    thirds = factors(total=90, schedule="step", step_every=1 / 3, step_factor=0.1)
    for step, expected in {0: 1, 29: 1, 30: 0.1, 59: 0.1, 60: 0.01, 89: 0.01}.items():
        assert thirds[step] == pytest.approx(expected)
    halves = factors(schedule="step", step_every=0.5, step_factor=0.5)
    assert (halves[49], halves[50], halves[99]) == (1.0, 0.5, 0.5)


@given(
    st.builds(
        replace,
        st.just(BASE),
        schedule=st.sampled_from(SCHEDULES),
        warmup=st.floats(0, 0.99),
        step_every=st.floats(0.01, 1),
        step_factor=st.floats(0.01, 1),
    ),
    st.integers(1, 10_000),
    st.floats(0, 1),
)
def test_no_factor_leaves_zero_to_one_and_the_first_step_learns(
    recipe: Recipe, total: int, share: float
) -> None:
    assert 0 <= schedule_factor(int(share * total), recipe=recipe, total=total) <= 1
    assert schedule_factor(0, recipe=recipe, total=total) > 0


@given(st.sampled_from(SCHEDULES), st.integers(2, 500), st.floats(0, 0.9))
def test_after_the_warm_up_no_factor_rises(schedule: Any, total: int, warmup: float) -> None:
    found = factors(total=total, schedule=schedule, warmup=warmup)
    after = found[math.ceil(warmup * total - 1e-9) :]
    assert after == sorted(after, reverse=True)
    assert after[0] == 1.0


@pytest.mark.parametrize(
    ("settings", "kind", "expected"),
    [
        (
            {"optimizer": "adamw", "beta1": 0.8, "beta2": 0.95, "weight_decay": 0.3},
            AdamW,
            {"betas": (0.8, 0.95), "weight_decay": 0.3},
        ),
        (
            {"optimizer": "adam", "beta1": 0.8, "weight_decay": 0.2},
            Adam,
            {"betas": (0.8, 0.999), "weight_decay": 0.2},
        ),
        (
            {"optimizer": "sgd", "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
            SGD,
            {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        ),
    ],
    ids=["adamw", "adam", "sgd"],
)
def test_the_optimizer_has_the_recipes_settings(
    settings: dict[str, Any], kind: type[Optimizer], expected: dict[str, Any]
) -> None:
    optimizer = optimizer_of(replace(BASE, **settings))
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups
    assert {name: group[name] for name in expected} == expected
    assert (group["lr"], group["name"]) == (BASE.lr, "all")


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_each_group_has_its_own_rate(name: Any) -> None:
    recipe = replace(BASE, optimizer=name, schedule="cosine")
    groups = {"body": [parameter()], "head": [parameter(), parameter()]}
    optimizer = build_optimizer(recipe, groups)
    schedule = build_schedule(optimizer, recipe, [4], [lambda _step: 0.1, lambda step: 2.0 + step])
    rates = []
    for _ in range(4):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    cosine = [0.5 * (1 + math.cos(math.pi * step / 4)) for step in range(4)]
    for step, factor in enumerate(cosine):
        assert rates[step] == pytest.approx([0.01 * factor, (0.2 + 0.1 * step) * factor])
    assert [len(group["params"]) for group in optimizer.param_groups] == [1, 2]


def test_adamw_decays_weights_apart_from_the_gradient() -> None:
    weights = parameter(2.0)
    weights.grad = torch.zeros(3)
    optimizer_of(replace(BASE, weight_decay=0.5), weights).step()
    torch.testing.assert_close(weights.data, torch.full((3,), 2.0 * (1 - 0.1 * 0.5)))


def test_sgd_decays_weights_through_the_gradient() -> None:
    weights = parameter(2.0)
    weights.grad = torch.ones(3)
    optimizer_of(replace(BASE, optimizer="sgd", weight_decay=0.5), weights).step()
    torch.testing.assert_close(weights.data, torch.full((3,), 2.0 - 0.1 * (1.0 + 0.5 * 2.0)))


def test_adam_normalises_the_decay_away() -> None:
    weights = parameter(2.0)
    weights.grad = torch.zeros(3)
    optimizer_of(replace(BASE, optimizer="adam", weight_decay=0.5), weights).step()
    torch.testing.assert_close(weights.data, torch.full((3,), 2.0 - 0.1))


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_without_a_gradient_and_a_decay_nothing_moves(name: Any) -> None:
    weights = parameter(2.0)
    weights.grad = torch.zeros(3)
    optimizer_of(replace(BASE, optimizer=name), weights).step()
    assert torch.equal(weights.data, torch.full((3,), 2.0))
