"""Every strategy, stopped at each border of its phases ± 1 step and resumed: equal to the bit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import harness.strategies
from harness.data.digits import Digits
from harness.data.movie_reviews import MovieReviews
from harness.discovery import discover
from harness.fresh import network_of
from harness.groups import prepare
from harness.keeper import Hooks, Interrupted
from harness.models.bert import Bert
from harness.models.mlp import MLP
from harness.outcome import Outcome
from harness.phases import Plan
from harness.recipe import Recipe, Strategy
from harness.settings import UserError
from harness.start import Base
from harness.starts.from_directory import FromDirectory
from harness.strategies.full import Full
from harness.strategies.linear_probe import LinearProbe
from harness.strategies.lp_ft import LPFT
from harness.tasks.classify import Classify
from harness.training import train
from tests.test_training import WATCH, StopAt, exact

BASE = Recipe(
    model=MLP(depth=2, width=8, norm="batch", dropout=0.2),
    data=Digits(limit=96),
    task=Classify(),
    strategy=Full(),
    lr=3e-3,
    epochs=4,
    batch_size=32,
    weight_decay=0.1,
    warmup=0.2,
)
ENCODER = replace(
    BASE,
    model=Bert(depth=2, width=8, heads=2, feed_forward_width=16),
    data=MovieReviews(limit=96, folds=100),
)
"""For strategies of encoders of the transformers library."""
STEPS = 3
"""Steps an epoch; whether to stop is asked after each of them and once more after the epoch."""
STRATEGIES = [kind() for kind in discover(Strategy, harness.strategies)]  # type: ignore[type-abstract]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True, kw_only=True)
class OfBase(FromDirectory):
    """Weights of a directory that BASE trained with another seed, as those of a run are."""

    def base(self) -> Base:
        return replace(super().base(), recipe=replace(BASE, seed=7))


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> FromDirectory:
    """Weights to start from, of another seed."""
    return base_in(tmp_path_factory.mktemp("base"))


def base_in(folder: Path, recipe: Recipe = BASE) -> FromDirectory:
    """Write the weights of another seed into a folder and return the start from them."""
    weights = network_of(replace(recipe, seed=7)).state_dict()
    save_file(dict(weights), folder / "model.safetensors")
    return OfBase(path=str(folder))


def fine_tuning(strategy: Strategy, start: FromDirectory, folder: Path) -> tuple[Recipe, Plan]:
    """Return a recipe and its plan: BASE from `start`, or ENCODER from weights in a new `folder`.

    Skips the test if a package that the strategy needs is not installed.
    """
    try:
        recipe = replace(BASE, strategy=strategy, start=start)
        return recipe, prepare(network_of(recipe), strategy).plan
    except UserError as error:
        if "pip install" in str(error):
            pytest.skip(str(error))
    folder.mkdir()
    recipe = replace(ENCODER, strategy=strategy, start=base_in(folder, ENCODER))
    return recipe, prepare(network_of(recipe), strategy).plan


def moments(borders: tuple[int, ...]) -> list[int]:
    """Return after how many questions to stop: each border ± 1 step, and once inside a phase."""
    asked = STEPS + 1
    around = [b * asked + shift for b in borders[1:] for shift in (-2, 0, 1)]
    return sorted({2, *around, BASE.epochs * asked - 2})


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda each: type(each).__name__)
def test_stopped_at_each_border_and_resumed_is_equal_to_the_bit(
    strategy: Strategy, start: FromDirectory, tmp_path: Path
) -> None:
    recipe, plan = fine_tuning(strategy, start, tmp_path / "base")
    whole = train(recipe, directory=tmp_path / "whole", watch=WATCH, test=True)
    assert whole.status == "finished"
    for calls in moments(plan.borders(recipe.epochs)):
        directory = tmp_path / str(calls)
        with pytest.raises(Interrupted):
            train(recipe, directory=directory, watch=WATCH, hooks=Hooks(stop=StopAt(calls)))
        same(train(recipe, directory=directory, watch=WATCH, test=True), whole)


def test_stopped_after_every_step_it_is_still_equal(start: FromDirectory, tmp_path: Path) -> None:
    recipe = replace(BASE, strategy=LPFT(), start=start)
    whole = train(recipe, directory=tmp_path / "whole", watch=WATCH, test=True)
    for _ in range(BASE.epochs * STEPS):
        hooks = Hooks(stop=StopAt(1))
        try:
            again = train(recipe, directory=tmp_path / "a", watch=WATCH, hooks=hooks, test=True)
        except Interrupted:
            continue
        break
    same(again, whole)


def same(one: Outcome, other: Outcome) -> None:
    assert exact(one) == exact(other)
    assert one.weights.keys() == other.weights.keys() != set()
    for name, tensor in one.weights.items():
        assert torch.equal(tensor, other.weights[name]), name


def test_what_is_frozen_in_every_phase_is_the_base_to_the_bit(
    start: FromDirectory, tmp_path: Path
) -> None:
    recipe = replace(BASE, strategy=LinearProbe(), start=start)
    base: dict[str, Tensor] = dict(start.base().weights)
    trained = train(recipe, directory=tmp_path, watch=WATCH).weights
    assert {n for n in base if not torch.equal(base[n], trained[n])} == {
        "head.weight",
        "head.bias",
    }


def test_a_base_that_changed_since_is_refused(start: FromDirectory, tmp_path: Path) -> None:
    recipe = replace(BASE, start=start)
    with pytest.raises(Interrupted):
        train(recipe, directory=tmp_path / "a", watch=WATCH, hooks=Hooks(stop=StopAt(2)))
    path = Path(start.path) / "model.safetensors"
    before = path.read_bytes()
    save_file({n: t + 1 for n, t in start.base().weights.items()}, path)
    try:
        with pytest.raises(UserError, match="checkpoint's base: got"):
            train(recipe, directory=tmp_path / "a", watch=WATCH)
    finally:
        path.write_bytes(before)


def test_a_checkpoint_of_another_strategy_is_refused(tmp_path: Path) -> None:
    train(BASE, directory=tmp_path, watch=WATCH)
    with pytest.raises(UserError, match="checkpoint's recipe"):
        train(replace(BASE, strategy=LPFT()), directory=tmp_path, watch=WATCH)


def test_too_few_epochs_for_the_phases_are_refused_before_anything_is_trained(
    tmp_path: Path,
) -> None:
    with pytest.raises(UserError, match="epochs: got 1; allowed: 2 or more for 2 phases"):
        train(replace(BASE, strategy=LPFT(), epochs=1), directory=tmp_path, watch=WATCH)
    assert not (tmp_path / "last.ckpt").exists()
