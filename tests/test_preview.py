"""Preview: a recipe's network counted as its strategy trains it, in every phase of it."""

from harness.data.digits import Digits
from harness.models.mlp import MLP
from harness.preview import anatomy_of, counts_of, metrics_of
from harness.recipe import Recipe, Strategy
from harness.strategies.full import Full
from harness.strategies.linear_probe import LinearProbe
from harness.strategies.lp_ft import LPFT
from harness.tasks.classify import Classify

HEAD = 64 * 10 + 10


def recipe(strategy: Strategy, *, batch_size: int | None = 64, momentum: float = 0.0) -> Recipe:
    optimizer = "sgd" if momentum else "adamw"
    return Recipe(
        model=MLP(),
        data=Digits(),
        task=Classify(),
        strategy=strategy,
        lr=0.1,
        batch_size=batch_size,
        optimizer=optimizer,  # type: ignore[arg-type]
        momentum=momentum,
    )


def test_memory_is_of_the_recipe_s_batch_and_optimizer_and_work_of_an_example() -> None:
    small, full = anatomy_of(recipe(Full())), anatomy_of(recipe(Full(), batch_size=None))
    assert small.memory.batch_size == 64
    assert full.memory.batch_size == Digits().facts().train
    assert full.memory.activations > 10 * small.memory.activations
    assert small.flops == full.flops
    momentum = anatomy_of(recipe(Full(), momentum=0.9)).memory
    assert momentum.optimizer_state == small.memory.optimizer_state // 2


def test_recipes_that_differ_in_numbers_alone_share_a_record() -> None:
    assert anatomy_of(recipe(Full())) is anatomy_of(recipe(Full()))


def test_one_phase_has_no_metrics_of_phases() -> None:
    metrics = metrics_of(recipe(LinearProbe()))
    assert metrics["params/trainable"] == counts_of(recipe(LinearProbe())).trainable == HEAD
    assert metrics["flops/backward"] == 2 * 64 * 10
    assert not any(name.startswith("phase/") for name in metrics)


def test_every_phase_of_a_fine_tuning_has_what_changes() -> None:
    metrics = metrics_of(recipe(LPFT()))
    total = metrics["params/total"]
    assert metrics["phase/0/params/trainable"] == HEAD
    assert metrics["phase/1/params/trainable"] == metrics["params/trainable"] == total
    assert metrics["phase/0/flops/backward"] < metrics["phase/1/flops/backward"]
    assert metrics["phase/0/memory/peak"] < metrics["phase/1/memory/peak"]
