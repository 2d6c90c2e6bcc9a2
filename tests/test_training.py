"""Training: one recipe, interrupted and resumed to the bit, out of memory, diverged."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.course import Watch
from harness.data.diabetes import Diabetes
from harness.data.digits import Digits
from harness.keeper import Hooks, Interrupted
from harness.models.cnn import CNN
from harness.models.mlp import MLP
from harness.outcome import Outcome
from harness.recipe import Facts, Model, Recipe
from harness.settings import UserError
from harness.strategies.full import Full
from harness.tasks.classify import Classify
from harness.tasks.regress import Regress
from harness.training import train

WATCH = Watch(monitor="val/loss", metrics=("accuracy",))
BASE = Recipe(
    model=MLP(depth=2, width=24, dropout=0.2, norm="batch"),
    data=Digits(limit=200),
    task=Classify(),
    strategy=Full(),
    lr=3e-3,
    epochs=3,
    batch_size=64,
    warmup=0.2,
)
VARIANTS = {
    "adamw": BASE,
    "sgd with momentum": replace(
        BASE, optimizer="sgd", momentum=0.9, nesterov=True, lr=0.05, schedule="step"
    ),
    "accumulated and clipped": replace(BASE, accumulate=3, clip=0.5, l1=1e-5, l2=1e-4),
    "full batch": replace(BASE, batch_size=None, optimizer="adam", epochs=8, schedule="constant"),
    "early stopping": replace(BASE, patience=1, lr=0.05, epochs=12),
    "double precision": replace(BASE, precision="64-true"),
    "convolution": replace(BASE, model=CNN(stages=2, width=4, norm="batch")),
    "half precision": replace(BASE, precision="bf16-mixed"),
}


class StopAt:
    """Asks to stop at the n-th time it is asked."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self) -> bool:
        self.left -= 1
        return self.left <= 0


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def exact(outcome: Outcome) -> dict[str, Any]:
    history = [
        {k: v for k, v in epoch.items() if k != "time" and not k.startswith("cost/")}
        for epoch in outcome.history
    ]
    return {"history": history, "best": outcome.best, "test": outcome.test}


def _same(one: Outcome, other: Outcome) -> None:
    assert exact(one) == exact(other)
    assert one.weights.keys() == other.weights.keys() != set()
    for name, tensor in one.weights.items():
        assert torch.equal(tensor, other.weights[name]), name


@pytest.mark.parametrize("variant", VARIANTS)
def test_stopped_anywhere_and_resumed_is_equal_to_the_bit(variant: str, tmp_path: Path) -> None:
    recipe = VARIANTS[variant]
    whole = train(recipe, directory=tmp_path / "whole", watch=WATCH, test=True)
    assert whole.status == "finished"
    for first, second in ((1, 1), (2, 3), (4, 1), (5, 2), (8, 5)):
        directory = tmp_path / f"stopped-{first}-{second}"
        outcome = _with_stops(recipe, directory, [first, second])
        _same(outcome, whole)


def _with_stops(recipe: Recipe, directory: Path, stops: list[int]) -> Outcome:
    for calls in stops:
        try:
            return train(
                recipe, directory=directory, watch=WATCH, hooks=Hooks(stop=StopAt(calls)), test=True
            )
        except Interrupted:
            pass
    return train(recipe, directory=directory, watch=WATCH, test=True)


def test_a_finished_training_is_not_trained_again(tmp_path: Path) -> None:
    whole = train(BASE, directory=tmp_path, watch=WATCH, test=True)

    def never(_epoch: int, _value: float) -> bool:
        raise AssertionError("an epoch was trained")

    again = train(BASE, directory=tmp_path, watch=WATCH, hooks=Hooks(prune=never), test=True)
    _same(again, whole)


def test_a_damaged_checkpoint_costs_time_and_nothing_else(tmp_path: Path) -> None:
    whole = train(BASE, directory=tmp_path / "whole", watch=WATCH, test=True)
    path = tmp_path / "damaged" / "last.ckpt"
    for calls in (2, 4):
        with pytest.raises(Interrupted):
            train(BASE, directory=path.parent, watch=WATCH, hooks=Hooks(stop=StopAt(calls)))
    path.unlink()
    path.write_bytes(b"torn")
    _same(train(BASE, directory=path.parent, watch=WATCH, test=True), whole)


def test_accumulation_changes_no_gradient(tmp_path: Path) -> None:
    plain = replace(BASE, model=MLP(depth=2, width=24), precision="64-true", l2=1e-3, epochs=2)
    one = train(plain, directory=tmp_path / "1", watch=WATCH)
    for parts in (2, 5, 64):
        recipe = replace(plain, accumulate=parts)
        split = train(recipe, directory=tmp_path / str(parts), watch=WATCH)
        for name, tensor in one.weights.items():
            assert torch.allclose(split.weights[name], tensor, rtol=0, atol=1e-11), (parts, name)


@dataclass(frozen=True, kw_only=True)
class Hungry(Model):
    """A network that runs out of memory with more than `fits` examples in training."""

    fits: int = 20
    kind: str = "cpu"

    def build(self, facts: Facts) -> nn.Module:
        return _HungryNetwork(facts, self)


class _HungryNetwork(nn.Module):
    def __init__(self, facts: Facts, model: Hungry) -> None:
        super().__init__()
        self.model = model
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 64))
        self.head = nn.Linear(64, facts.outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training and len(inputs) > self.model.fits:
            if self.model.kind == "cuda":
                raise torch.OutOfMemoryError("CUDA out of memory")
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        output: Tensor = self.head(self.body(inputs))
        return output


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_out_of_memory_halves_the_micro_batch_and_keeps_the_result(
    kind: str, tmp_path: Path
) -> None:
    roomy = replace(BASE, model=Hungry(fits=64, kind=kind), precision="64-true")
    tight = replace(BASE, model=Hungry(fits=20, kind=kind), precision="64-true")
    whole = train(roomy, directory=tmp_path / "roomy", watch=WATCH)
    split = train(tight, directory=tmp_path / "tight", watch=WATCH)
    assert (whole.micro_batches, split.micro_batches) == (1, 4)
    for name, tensor in whole.weights.items():
        assert torch.allclose(split.weights[name], tensor, rtol=0, atol=1e-11)


def test_out_of_memory_with_single_examples_is_an_error(tmp_path: Path) -> None:
    recipe = replace(BASE, model=Hungry(fits=0))
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        train(recipe, directory=tmp_path, watch=WATCH)


def test_a_training_resumed_after_out_of_memory_keeps_its_micro_batch(tmp_path: Path) -> None:
    recipe = replace(BASE, model=Hungry(fits=20))
    whole = train(recipe, directory=tmp_path / "whole", watch=WATCH, test=True)
    with pytest.raises(Interrupted):
        train(recipe, directory=tmp_path / "a", watch=WATCH, hooks=Hooks(stop=StopAt(9)))
    again = train(recipe, directory=tmp_path / "a", watch=WATCH, test=True)
    assert again.micro_batches == 4
    _same(again, whole)


def test_a_diverged_training_says_when_and_keeps_what_was_best(tmp_path: Path) -> None:
    recipe = replace(BASE, model=MLP(depth=3, width=24), optimizer="sgd", lr=1e4, epochs=4)
    outcome = train(recipe, directory=tmp_path, watch=WATCH)
    assert outcome.status == "diverged"
    assert "step" in outcome.reason
    assert "last finite loss" in outcome.reason or "train loss" in outcome.reason


def test_early_stopping_counts_epochs_since_the_best(tmp_path: Path) -> None:
    recipe = replace(VARIANTS["early stopping"], epochs=60, schedule="constant")
    outcome = train(recipe, directory=tmp_path, watch=WATCH)
    assert len(outcome.history) == outcome.best_epoch + 2 < recipe.epochs
    losses = [epoch["val/loss"] for epoch in outcome.history]
    assert losses[outcome.best_epoch] == min(losses) == outcome.best["val/loss"]


def test_pruning_stops_and_says_so(tmp_path: Path) -> None:
    hooks = Hooks(prune=lambda epoch, _value: epoch == 1)
    outcome = train(BASE, directory=tmp_path, watch=WATCH, hooks=hooks)
    assert (outcome.status, len(outcome.history)) == ("pruned", 2)


def test_more_epochs_go_on_from_a_finished_training(tmp_path: Path) -> None:
    constant = replace(BASE, schedule="constant", warmup=0.0)
    train(replace(constant, epochs=2), directory=tmp_path / "a", watch=WATCH)
    longer = train(replace(constant, epochs=4), directory=tmp_path / "a", watch=WATCH, test=True)
    whole = train(replace(constant, epochs=4), directory=tmp_path / "b", watch=WATCH, test=True)
    _same(longer, whole)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    train(BASE, directory=tmp_path, watch=WATCH)
    with pytest.raises(UserError, match="checkpoint's recipe"):
        train(replace(BASE, lr=0.1), directory=tmp_path, watch=WATCH)


def test_regression_learns_and_reports_its_metrics(tmp_path: Path) -> None:
    recipe = replace(BASE, data=Diabetes(), task=Regress(), model=MLP(depth=1, width=16), epochs=30)
    watch = Watch(monitor="val/rmse", metrics=("rmse",))
    outcome = train(recipe, directory=tmp_path, watch=watch, test=True)
    assert set(outcome.test) == {"test/loss", "test/mae", "test/rmse", "test/r2"}
    assert outcome.test["test/r2"] > 0.3


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_trains_the_same_recipe(tmp_path: Path) -> None:
    outcome = train(replace(BASE, epochs=10), directory=tmp_path, watch=WATCH, test=True)
    assert outcome.test["test/accuracy"] > 0.8
    assert outcome.costs["cost/peak_memory_bytes"] > 0


@pytest.mark.parametrize("accumulate", [1, 2])
def test_losses_of_steps_are_kept_once_and_are_those_of_the_epoch(
    tmp_path: Path, accumulate: int
) -> None:
    recipe = replace(BASE, accumulate=accumulate, model=MLP(depth=1, width=8))
    watch = Watch(log_every=1)
    whole = train(recipe, directory=tmp_path / "whole", watch=watch)
    kept = [key for epoch in whole.history for key in epoch if key.startswith("step/")]
    assert kept == [f"step/train_loss@{step}" for step in range(1, 13)], "4 steps an epoch"
    sizes = torch.tensor([64.0, 64.0, 64.0, 8.0])
    first = torch.tensor([whole.history[0][key] for key in kept[:4]])
    mean = float((first * sizes).sum() / sizes.sum())
    assert mean == pytest.approx(whole.history[0]["train/loss"], rel=1e-5)
    hooks = Hooks(stop=StopAt(7))
    with pytest.raises(Interrupted):
        train(recipe, directory=tmp_path / "cut", watch=watch, hooks=hooks)
    again = train(recipe, directory=tmp_path / "cut", watch=watch)
    for before, after in zip(whole.history, again.history, strict=True):
        steps = {key: value for key, value in before.items() if key.startswith("step/")}
        assert steps == {key: value for key, value in after.items() if key.startswith("step/")}
    some = train(recipe, directory=tmp_path / "some", watch=Watch(log_every=5))
    kept = [key for epoch in some.history for key in epoch if key.startswith("step/")]
    assert kept == ["step/train_loss@5", "step/train_loss@10"]
