"""Recipe: refuses what cannot train, has a stable hash, and comes back from JSON."""

import json
import math
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.digits import Digits
from harness.data.iris import Iris
from harness.data.shakespeare import Shakespeare
from harness.models.cnn import CNN
from harness.models.decoder import Decoder
from harness.models.mlp import MLP
from harness.recipe import OPTIMIZERS, PRECISIONS, SCHEDULES, Recipe, recipe_from_json
from harness.settings import UserError, flat, from_json
from harness.starts.from_run import FromRun
from harness.strategies.full import Full
from harness.tasks.classify import Classify
from harness.tasks.regress import Regress

RECIPE = Recipe(model=MLP(), data=Digits(), task=Classify(), strategy=Full(), lr=1e-3)
HASH = "ecb1f3ddbddfc84d"
"""Of RECIPE. If it changes, every run that anybody ever stored belongs to another recipe."""
WRONG: list[tuple[str, Any]] = [
    *[("lr", value) for value in (0, -0.1, math.nan, math.inf, True, "0.1", None, (0.1,))],
    *[("epochs", value) for value in (0, -1, 1.5, True, "3", None)],
    *[("accumulate", value) for value in (0, 2.0, False)],
    *[("batch_size", value) for value in (0, -64, 64.0, True, "all")],
    *[("patience", value) for value in (0, 1.5, True)],
    *[("seed", value) for value in (-1, 0.0, True, "0", None)],
    *[("optimizer", value) for value in ("adamax", "AdamW", None, ["sgd"])],
    *[("schedule", value) for value in ("linear", True, {"cosine": 1})],
    *[("precision", value) for value in ("16", 32, None)],
    *[("weight_decay", value) for value in (-1e-9, math.inf, True, "0")],
    *[("l1", value) for value in (-1, math.nan)],
    *[("l2", value) for value in (-1, None)],
    *[("beta1", value) for value in (1.0, -0.1, math.nan)],
    *[("beta2", value) for value in (1, True)],
    *[("warmup", value) for value in (1.0, -0.1, "0.1")],
    *[("step_every", value) for value in (0, 1.5)],
    *[("step_factor", value) for value in (0, 2)],
    *[("clip", value) for value in (0, -1, math.inf, True)],
    *[("momentum", value) for value in (1.0, -0.1, 0.9)],  # RECIPE's optimizer is AdamW
    *[("model", value) for value in (MLP, None, "MLP", Digits())],
    *[("data", value) for value in (Digits, None, MLP())],
    *[("task", value) for value in (Classify, Full())],
    *[("strategy", value) for value in (Full, None)],
    *[("start", value) for value in (FromRun, "a run", MLP())],
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=str)
def test_a_wrong_value_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(UserError, match=rf"^{name}: got .+; allowed: .+; .+$") as caught:
        replace(RECIPE, **{name: value})
    assert "\n" not in str(caught.value)


def test_every_field_is_checked() -> None:
    unchecked = {field.name for field in fields(RECIPE)} - {name for name, _ in WRONG}
    assert unchecked == {"nesterov"}  # see below


def test_nesterov_needs_momentum_and_momentum_needs_sgd() -> None:
    replace(RECIPE, optimizer="sgd", momentum=0.9, nesterov=True)
    with pytest.raises(UserError, match=r"^nesterov: got True; allowed: with momentum; set"):
        replace(RECIPE, optimizer="sgd", nesterov=True)
    with pytest.raises(UserError, match=r"^momentum: .* 0 with Adam; .+"):
        replace(RECIPE, nesterov=True)


@pytest.mark.parametrize("wrong", [{"width": 0}, {"depth": True}, {"dropout": 1.0}, {"depth": "2"}])
def test_a_model_refuses_wrong_settings_when_it_is_written(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(UserError, match=rf"^{name}: got .+; allowed: .+; .+$"):
        MLP(**wrong)


def test_it_is_frozen_and_has_no_positions() -> None:
    with pytest.raises(FrozenInstanceError):
        RECIPE.lr = 1.0  # type: ignore[misc]
    with pytest.raises(TypeError, match="positional"):
        Recipe(MLP(), Digits(), Classify(), Full(), 0.1)  # type: ignore[call-arg]


def test_the_hash_is_what_it_was() -> None:
    assert RECIPE.hash == HASH


def test_the_hash_ignores_the_seed_and_fields_at_their_default() -> None:
    assert replace(RECIPE, seed=7).hash == HASH
    spelled = replace(RECIPE, epochs=20, batch_size=64, optimizer="adamw", model=MLP(depth=2))
    assert spelled.hash == HASH


@pytest.mark.parametrize(
    "change",
    [
        {"lr": 2e-3},
        {"epochs": 21},
        {"batch_size": None},
        {"weight_decay": 1e-4},
        {"precision": "64-true"},
        {"model": MLP(depth=3)},
        {"model": CNN()},
        {"data": Iris()},
        {"data": Digits(fold=0, folds=5)},
        {"task": Classify(label_smoothing=0.1)},
        {"task": Regress()},
    ],
    ids=str,
)
def test_any_other_change_changes_the_hash(change: dict[str, Any]) -> None:
    assert replace(RECIPE, **change).hash != HASH


def test_the_hash_is_sixteen_hexadecimal_digits_and_survives_json() -> None:
    assert len(bytes.fromhex(RECIPE.hash)) == 8
    assert recipe_from_json(json.loads(json.dumps(RECIPE.to_json()))).hash == HASH


def test_flat_values_name_the_parts_and_their_settings() -> None:
    values = flat(RECIPE)
    assert values["model"] == "MLP"
    assert values["model.depth"] == 2
    assert values["lr"] == 1e-3
    assert values["data.augment.shift"] == 0
    assert all(value is None or isinstance(value, str | int | float) for value in values.values())


models = st.one_of(
    st.builds(
        MLP,
        depth=st.integers(0, 9),
        width=st.integers(1, 999),
        dropout=st.floats(0, 0.9),
        activation=st.sampled_from(["relu", "tanh"]),
        connection=st.sampled_from(["plain", "residual", "rezero"]),
    ),
    st.builds(CNN, stages=st.integers(1, 4), pooling=st.sampled_from(["max", "stride"])),
)
recipes = st.builds(
    Recipe,
    model=models,
    data=st.builds(Digits, limit=st.none() | st.integers(1, 100)) | st.builds(Iris),
    task=st.builds(Classify, label_smoothing=st.floats(0, 0.5)) | st.builds(Regress),
    strategy=st.builds(Full),
    lr=st.floats(1e-9, 1e3),
    epochs=st.integers(1, 10**6),
    batch_size=st.none() | st.integers(1, 10**6),
    seed=st.integers(0, 2**63),
    optimizer=st.sampled_from(OPTIMIZERS),
    weight_decay=st.floats(0, 10),
    schedule=st.sampled_from(SCHEDULES),
    warmup=st.floats(0, 0.9),
    clip=st.none() | st.floats(1e-6, 1e6),
    precision=st.sampled_from(PRECISIONS),
)


@given(recipes)
def test_every_recipe_comes_back_from_json(recipe: Recipe) -> None:
    again = recipe_from_json(json.loads(json.dumps(recipe.to_json(), allow_nan=False)))
    assert again == recipe
    assert again.hash == recipe.hash
    assert flat(again) == flat(recipe)


@given(recipes, recipes)
def test_recipes_share_a_hash_exactly_if_only_the_seed_differs(one: Recipe, two: Recipe) -> None:
    assert (one.hash == two.hash) == (replace(one, seed=0) == replace(two, seed=0))


def hostile(**changes: object) -> dict[str, Any]:
    encoded = RECIPE.to_json()
    encoded["settings"] |= changes
    return encoded


@pytest.mark.parametrize(
    "encoded",
    [
        hostile(model={"class": "os:system", "settings": {"command": "true"}}),
        hostile(model={"class": "builtins:eval", "settings": {}}),
        hostile(model={"class": "harness.recipe:Facts", "settings": {}}),
        hostile(model={"class": "harness.data.in_memory:InMemory", "settings": {}}),
        hostile(model=Digits().to_json()),
        hostile(model=RECIPE.to_json()),
        hostile(lr={"class": "harness.models.mlp:MLP", "settings": {}}),
        hostile(lr=[0.1]),
        hostile(lr="0.1"),
        hostile(epochs=True),
        hostile(optimizer=["sgd"]),
        hostile(momentum="0"),
        hostile(bogus=1),
        {"class": "harness.recipe:Recipe", "settings": {}},
        {"class": "harness.recipe:Recipe", "settings": {"lr": 0.1}},
        {"class": "harness.models.mlp:MLP", "settings": {}},
        {},
    ],
    ids=str,
)
def test_hostile_json_is_refused(encoded: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r": got .*; allowed: .+; .+"):
        recipe_from_json(encoded)


def test_other_settings_are_no_recipe() -> None:
    assert from_json(MLP().to_json()) == MLP()
    with pytest.raises(UserError, match=r"^recipe JSON: got 'MLP'; allowed: "):
        recipe_from_json(MLP().to_json())


def test_a_model_that_cannot_read_the_data_is_refused() -> None:
    with pytest.raises(UserError, match=r"^model: got 'MLP, which reads numbers'.*tokens, as Shak"):
        replace(RECIPE, data=Shakespeare())
    with pytest.raises(UserError, match=r"^model: got 'Decoder, which reads tokens'"):
        replace(RECIPE, model=Decoder())
