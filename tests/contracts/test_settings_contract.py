"""What every settings class keeps: no arguments needed, frozen, hashable, JSON and back."""

import inspect
import json
from dataclasses import FrozenInstanceError, fields
from typing import Any, cast

import pytest

from harness.settings import Settings, flat, from_json


def test_it_needs_no_arguments_and_is_equal_to_its_like(settings_kind: type[Settings]) -> None:
    assert settings_kind() == settings_kind()
    assert hash(settings_kind()) == hash(settings_kind())


def test_it_is_a_dataclass_of_its_own_with_keywords_only(settings_kind: type[Settings]) -> None:
    assert "__dataclass_fields__" in vars(settings_kind), "it needs @dataclass itself"
    parameters = inspect.signature(settings_kind).parameters.values()
    assert {each.kind for each in parameters} <= {inspect.Parameter.KEYWORD_ONLY}


def test_it_is_frozen(settings: Settings) -> None:
    for field in fields(cast("Any", settings)):
        with pytest.raises(FrozenInstanceError):
            setattr(settings, field.name, None)
    with pytest.raises(FrozenInstanceError):
        settings.__setattr__("another", 1)


def test_it_comes_back_from_json(settings: Settings) -> None:
    encoded = settings.to_json()
    assert from_json(encoded) == settings
    again = from_json(json.loads(json.dumps(encoded, allow_nan=False)))
    assert again == settings
    assert type(again) is type(settings)
    assert again.to_json() == encoded


def test_its_flat_values_are_plain(settings: Settings) -> None:
    for name, value in flat(settings).items():
        assert value is None or type(value) in (bool, int, float, str), (name, value)


def test_its_first_line_says_what_it_is(settings_kind: type[Settings]) -> None:
    own = vars(settings_kind).get("__doc__") or ""
    assert own.strip(), "write a docstring"
    assert not own.startswith(f"{settings_kind.__name__}("), "write a docstring of your own"
