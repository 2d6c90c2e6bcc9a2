"""A group: members leave it, diverge in it, stop with it and go on, and no other notices."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from harness import pace
from harness.data.digits import Digits
from harness.fused.probe import unfusable
from harness.fused.shape import fusion_key
from harness.fused.together import Together
from harness.fused.train import divide, train_group
from harness.keeper import Hooks, Interrupted
from harness.models.cnn import CNN
from harness.models.mlp import MLP
from harness.outcome import Outcome, is_out_of_memory
from harness.recipe import Facts, Model, Recipe
from harness.settings import UserError
from harness.starts.from_directory import FromDirectory
from harness.strategies.linear_probe import LinearProbe
from harness.strategies.lp_ft import LPFT
from harness.strategies.surgical import Surgical
from harness.tasks.classify import Classify
from harness.training import train
from tests.test_training import BASE, WATCH, StopAt, _same

RATES = (1e-3, 3e-3, 1e-2, 2e-2)
NETWORK = MLP(depth=2, width=24, dropout=0.2, norm="batch")
"""That of BASE."""
GROUP = [replace(BASE, lr=rate, seed=seed) for seed, rate in enumerate(RATES)]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def grouped(recipes: Sequence[Recipe], directory: Path, **options: Any) -> list[Outcome]:
    chosen = {"hooks": [Hooks()] * len(recipes), "stop": lambda: False, "test": True, **options}
    return train_group(recipes, directory=directory, watch=WATCH, **chosen)


@pytest.mark.parametrize(
    "changes",
    [{}, {"optimizer": "sgd", "momentum": 0.9}, {"task": Classify(label_smoothing=0.1)}],
    ids=["adamw", "momentum", "smoothed"],
)
def test_a_group_stopped_anywhere_goes_on_to_the_same_bits(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    recipes = [replace(GROUP[0], **changes), *GROUP[1:]]
    if "optimizer" in changes:
        recipes = [replace(recipe, **changes) for recipe in GROUP]
    recipes[1] = replace(recipes[1], patience=1, lr=0.1)
    whole = grouped(recipes, tmp_path / "whole")
    for stops in ((1, 1), (2, 3), (4, 1), (5, 2), (8, 5)):
        directory = tmp_path / str(stops)
        for calls in stops:
            with suppress(Interrupted):
                grouped(recipes, directory, stop=StopAt(calls))
        for again, once in zip(grouped(recipes, directory), whole, strict=True):
            _same(again, once)


def test_in_single_precision_the_metrics_are_those_of_each_alone(tmp_path: Path) -> None:
    recipes = [replace(recipe, epochs=10) for recipe in GROUP]
    for number, fused in enumerate(grouped(recipes, tmp_path / "group")):
        alone = train(recipes[number], directory=tmp_path / str(number), watch=WATCH, test=True)
        assert fused.test == pytest.approx(alone.test, abs=0.02)


def test_label_smoothing_may_differ(tmp_path: Path) -> None:
    smoothings = (0.0, 0.1, 0.1, 0.3)
    recipes = [
        replace(recipe, task=Classify(label_smoothing=smoothing), precision="64-true")
        for recipe, smoothing in zip(GROUP, smoothings, strict=True)
    ]
    assert len({fusion_key(recipe) for recipe in recipes}) == 1
    for number, fused in enumerate(grouped(recipes, tmp_path / "group")):
        alone = train(recipes[number], directory=tmp_path / str(number), watch=WATCH, test=True)
        assert fused.best == pytest.approx(alone.best, rel=1e-9)


def test_frozen_convolutions_are_trained_on_together_and_can_be_written(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = CNN(stages=2, width=8, norm="group")
    save_file(model.build(BASE.data.facts()).state_dict(), tmp_path / "base.safetensors")
    start = FromDirectory(path=str(tmp_path))
    frozen = replace(BASE, model=model, strategy=Surgical(block=0), start=start)
    recipes = [replace(frozen, seed=seed, precision="64-true") for seed in range(2)]
    assert unfusable(recipes[0]) is None
    for number, fused in enumerate(grouped(recipes, tmp_path / "group")):
        alone = train(recipes[number], directory=tmp_path / str(number), watch=WATCH, test=True)
        assert fused.best == pytest.approx(alone.best, rel=1e-9)
        assert all(weight.is_contiguous() for weight in fused.weights.values())


def test_a_member_that_diverges_leaves_the_others_equal_to_the_bit(tmp_path: Path) -> None:
    plain = [replace(r, optimizer="sgd", model=MLP(depth=3, width=24)) for r in GROUP]
    wild = [replace(plain[0], lr=1e4), *plain[1:]]
    tame, mixed = grouped(plain, tmp_path / "tame"), grouped(wild, tmp_path / "mixed")
    alone = train(wild[0], directory=tmp_path / "alone", watch=WATCH)
    assert mixed[0].status == alone.status == "diverged"
    assert mixed[0].reason.partition(";")[0] == alone.reason.partition(";")[0]
    for with_it, without in zip(mixed[1:], tame[1:], strict=True):
        _same(with_it, without)


def test_members_that_are_pruned_or_lose_patience_leave_and_the_rest_is_repacked(
    tmp_path: Path,
) -> None:
    recipes = [replace(recipe, epochs=12, precision="64-true") for recipe in GROUP]
    recipes[2] = replace(recipes[2], patience=1, lr=0.1, schedule="constant")
    hooks = [Hooks(audit=number == 3) for number in range(len(recipes))]
    judge = {1: {0}, 2: {3}}
    outcomes = grouped(
        recipes, tmp_path / "group", hooks=hooks, judge=lambda epoch, _values: judge.get(epoch, ())
    )
    assert (outcomes[0].status, len(outcomes[0].history)) == ("pruned", 2)
    audited = outcomes[3]
    assert (audited.status, audited.pruned_at, len(audited.history)) == ("pruned", 2, 12)
    assert outcomes[2].reason.startswith("stopped early")
    for number in (1, 2, 3):
        alone = train(recipes[number], directory=tmp_path / str(number), watch=WATCH, test=True)
        assert outcomes[number].reason.endswith(alone.reason)
        assert outcomes[number].best == pytest.approx(alone.best, rel=1e-9)


def test_a_group_out_of_memory_goes_on_as_two_from_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = [replace(recipe, epochs=6, precision="64-true") for recipe in GROUP]
    recipes[0] = replace(recipes[0], patience=1, lr=0.1, schedule="constant")
    whole = grouped(recipes, tmp_path / "whole")
    gradients, steps = Together.gradients, []

    def too_large(self: Together, *arguments: Any, **options: Any) -> Tensor:
        steps.append(len(self.stack))
        if len(steps) == 15:  # in epoch 3 of four steps each
            torch.empty(2**60)
        return gradients(self, *arguments, **options)

    monkeypatch.setattr(Together, "gradients", too_large)
    monkeypatch.setattr(pace, "CHECKPOINT_SHARE", 1e9)  # one after each step
    with pytest.raises(RuntimeError) as raised:
        grouped(recipes, tmp_path / "group", checkpoint_seconds=0.0)
    assert is_out_of_memory(raised.value)
    halves = ([0, 1], [2, 3])
    for places in halves:
        divide(tmp_path / "group", places, tmp_path / str(places))
    for places in halves:
        begun = len(steps)
        outcomes = grouped([recipes[place] for place in places], tmp_path / str(places))
        assert len(steps) - begun == 6 * 4 - 14, "no step is done twice"
        for place, outcome in zip(places, outcomes, strict=True):
            assert outcome.reason == whole[place].reason
            assert outcome.best == pytest.approx(whole[place].best, rel=1e-9)


def test_a_checkpoint_of_other_recipes_is_refused(tmp_path: Path) -> None:
    grouped(GROUP[:2], tmp_path)
    with pytest.raises(UserError, match="checkpoint of these recipes"):
        grouped(GROUP[1:3], tmp_path)


def test_a_share_of_the_time_is_each_members_cost(tmp_path: Path) -> None:
    outcomes = grouped(GROUP, tmp_path)
    seconds = [outcome.costs["cost/wall_seconds"] for outcome in outcomes]
    assert min(seconds) > 0
    assert seconds == pytest.approx([seconds[0]] * len(seconds))


@dataclass(frozen=True, kw_only=True)
class Deciding(Model):
    """A network that does what vmap cannot: it looks at its data, or draws a number."""

    how: str

    def build(self, facts: Facts) -> nn.Module:
        return _DecidingNetwork(facts, self.how)


class _DecidingNetwork(nn.Module):
    def __init__(self, facts: Facts, how: str) -> None:
        super().__init__()
        self.how = how
        head: nn.Module = nn.Linear(64, facts.outputs)
        self.head = nn.utils.parametrizations.spectral_norm(head) if how == "spectral" else head

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = inputs.flatten(1)
        if self.how == "item" and hidden.sum().item() > 0:
            hidden = -hidden
        if self.how == "branch" and hidden.sum() > 0:
            hidden = -hidden
        if self.how == "draw":
            hidden = nn.functional.dropout(hidden, 0.5, self.training)
        output: Tensor = self.head(hidden)
        return output


@pytest.mark.parametrize("how", ["item", "branch", "draw", "spectral"])
def test_what_vmap_cannot_do_is_found_before_training(how: str) -> None:
    assert unfusable(replace(BASE, model=Deciding(how="nothing"))) is None
    assert unfusable(replace(BASE, model=Deciding(how=how)))


def test_other_reasons_for_the_ordinary_way() -> None:
    assert unfusable(BASE) is None
    assert unfusable(replace(BASE, strategy=LinearProbe())) is None
    assert unfusable(replace(BASE, strategy=LPFT())) == "its strategy has 2 phases"
    assert unfusable(replace(BASE, accumulate=2)) == "accumulated micro-batches"
    assert unfusable(replace(BASE, precision="bf16-mixed")) == "mixed precision (bf16-mixed)"


def test_what_may_differ_in_a_group_and_what_may_not() -> None:
    key = fusion_key(BASE)
    free: list[dict[str, Any]] = [
        {"lr": 0.5, "seed": 3, "clip": 1.0, "l1": 1e-3},
        {"model": replace(NETWORK, dropout=0.4, init="he")},
        {"schedule": "step", "warmup": 0.0, "patience": 2, "weight_decay": 0.3},
        {"task": Classify(label_smoothing=0.2)},
    ]
    for changes in free:
        assert fusion_key(replace(BASE, **changes)) == key
    fixed: list[dict[str, Any]] = [
        {"batch_size": 32},
        {"epochs": 4},
        {"optimizer": "adam"},
        {"data": Digits(limit=100)},
        {"model": replace(NETWORK, width=25)},
        {"model": replace(NETWORK, dropout=0.0)},
        {"model": replace(NETWORK, activation="tanh")},
        {"strategy": LinearProbe()},
    ]
    keys = {key, *(fusion_key(replace(BASE, **changes)) for changes in fixed)}
    assert len(keys) == len(fixed) + 1
