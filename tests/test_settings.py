"""Settings: refusals that say what to do, flat values, JSON that executes nothing."""

import json
import math
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.settings import (
    Settings,
    UserError,
    flat,
    from_json,
    require_choice,
    require_name,
    require_range,
    require_whole,
    without_defaults,
)

HERE = __name__
PARTS = r"^{what}: got .+; allowed: .+; .+$"
"""What, got, allowed, what to do: each in one line."""


@dataclass(frozen=True, kw_only=True)
class Inner(Settings):
    number: float = 0.5
    word: str = "a"


@dataclass(frozen=True, kw_only=True)
class Outer(Settings):
    inner: Inner
    flag: bool = False
    sizes: tuple[object, ...] = ()
    nothing: int | None = None


@dataclass(frozen=True, kw_only=True)
class Unfinished(Settings, ABC):
    size: int = 1

    @abstractmethod
    def area(self) -> int: ...


class NoDataclass(Settings):
    pass


@dataclass(frozen=True, kw_only=True)
class NoSettings:
    size: int = 1


called: list[str] = []


def strike(*_: object, **__: object) -> None:
    called.append("struck")


@dataclass(frozen=True, kw_only=True)
class AnyValue(Settings):
    value: object = None
    made: list[int] = field(default_factory=list)


@pytest.mark.parametrize(
    "got", [math.nan, math.inf, -math.inf, True, "0.5", None, (1,), -0.1, 1.1, 10**400]
)
def test_a_range_refuses_what_is_no_number_in_it(got: Any) -> None:
    with pytest.raises(UserError, match=PARTS.format(what="share")) as caught:
        require_range("share", got, low=0, high=1)
    assert "[0, 1]" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_range_has_its_ends_unless_they_are_excluded() -> None:
    for end in (0, 1, 0.0, 1.0):
        require_range("share", end, low=0, high=1)
        with pytest.raises(UserError, match=r"\(0, 1\)"):
            require_range("share", end, low=0, high=1, exclusive=True)


def test_a_range_without_ends_still_refuses_what_is_not_finite() -> None:
    require_range("shift", -1e300)
    with pytest.raises(UserError, match=PARTS.format(what="shift")):
        require_range("shift", math.inf)


@pytest.mark.parametrize("got", [0, -1, True, 1.0, 1.5, "1", None, math.nan])
def test_a_whole_number_is_an_int_from_its_lowest(got: Any) -> None:
    with pytest.raises(UserError, match=PARTS.format(what="width")):
        require_whole("width", got)
    require_whole("width", 1)


@pytest.mark.parametrize("got", ["c", None, 1, ["a"], {"a": 1}, float("nan")])
def test_a_choice_lists_what_there_is(got: Any) -> None:
    for allowed in (("a", "b"), {"a": 1, "b": 2}, {"a", "b"}):
        with pytest.raises(UserError, match=PARTS.format(what="init")) as caught:
            require_choice("init", got, allowed)
        assert "'a'" in str(caught.value)
        assert "'b'" in str(caught.value)
    require_choice("init", "a", ("a", "b"))


@pytest.mark.parametrize(
    "got", ["", ".", "..", "../x", "a/b", "a b", "a\n", "-" * 65, "ä", "a;b", "$(x)", "%s", "'"]
)
def test_a_name_that_could_be_more_than_a_name_is_refused(got: str) -> None:
    with pytest.raises(UserError, match=PARTS.format(what="study NAME")):
        require_name(got, "study NAME")
    assert require_name("depth_vs.params-2", "study NAME") == "depth_vs.params-2"


def test_a_place_goes_in_front_of_an_error() -> None:
    error = UserError("lr", got=-1, allowed="more", do="correct it")
    located = UserError.within("file.py:3", error)
    assert str(located) == "file.py:3: lr: got -1; allowed: more; correct it"
    assert isinstance(located, ValueError)


def test_flat_values_have_dotted_names() -> None:
    settings = Outer(inner=Inner(number=2.0), sizes=(1, 2))
    assert flat(settings) == {
        "inner": "Inner",
        "inner.number": 2.0,
        "inner.word": "a",
        "flag": False,
        "sizes": "(1, 2)",
        "nothing": None,
    }


def test_fields_at_their_default_are_left_out() -> None:
    settings = Outer(inner=Inner(word="b"), nothing=3)
    assert without_defaults(settings.to_json(), settings)["settings"] == {
        "inner": {"class": f"{HERE}:Inner", "settings": {"word": "b"}},
        "nothing": 3,
    }


plain_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.builds(Inner, number=st.floats(allow_nan=False, allow_infinity=False), word=st.text()),
)
nested = st.recursive(plain_values, lambda inside: st.lists(inside, max_size=3).map(tuple))


@given(nested)
def test_all_that_is_plain_comes_back_from_json(value: Any) -> None:
    settings = Outer(inner=Inner(), sizes=(value,))
    text = json.dumps(settings.to_json(), allow_nan=False)
    again = from_json(json.loads(text))
    assert again == settings
    assert isinstance(again, Outer)
    assert repr(again) == repr(settings)  # 1, 1.0 and True are equal and not the same


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, [1], {"a": 1}, {1}, b"x", object(), print, Inner, 1j, (1, [2])]
)
def test_what_is_not_plain_is_not_written(value: Any) -> None:
    with pytest.raises(UserError, match=PARTS.format(what="setting")):
        replace(Outer(inner=Inner()), sizes=(value,)).to_json()


def test_a_class_inside_a_function_is_not_written() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Local(Settings):
        size: int = 1

    with pytest.raises(UserError, match="top level of a module"):
        Local().to_json()


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "builtins:eval",
        "builtins:dict",
        "subprocess:Popen",
        "harness.recipe:Facts",
        "harness.recipe:Model",
        "harness.settings:Settings",
        "harness.settings:UserError",
        "harness.data.in_memory:InMemory",
        "harness.settings:UserError.within",
        f"{HERE}:strike",
        f"{HERE}:Unfinished",
        f"{HERE}:NoDataclass",
        f"{HERE}:NoSettings",
        f"{HERE}:called",
        f"{HERE}",
        ".settings:Settings",
        "..:x",
        "no_such_module_at_all:X",
        "",
        ":",
        "a\0b:c",
    ],
)
def test_a_name_that_is_no_settings_class_is_never_called(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "system", strike)
    for values in ({}, {"command": "true"}, {"size": 1}):
        with pytest.raises(UserError, match=PARTS.format(what="settings class")):
            from_json({"class": name, "settings": values})
    assert called == []


@pytest.mark.parametrize(
    "encoded",
    [
        None,
        5,
        "text",
        [],
        {},
        {"class": f"{HERE}:Inner"},
        {"settings": {}},
        {"class": f"{HERE}:Inner", "settings": {}, "more": 1},
        {"class": f"{HERE}:Inner", "settings": []},
        {"class": f"{HERE}:Inner", "settings": None},
        {"class": f"{HERE}:Inner", "settings": "number"},
        {"class": 5, "settings": {}},
        {"class": ["os", "system"], "settings": {}},
    ],
)
def test_what_to_json_never_wrote_is_refused(encoded: object) -> None:
    with pytest.raises(UserError, match=PARTS.format(what="settings JSON")):
        from_json(encoded)


def test_unknown_and_missing_fields_are_refused() -> None:
    for values in ({"nummer": 1}, {"__class__": 1}, {"number": 1, "to_json": 2}):
        with pytest.raises(UserError, match=r"^settings of Inner: got .*number.*; .+$"):
            from_json({"class": f"{HERE}:Inner", "settings": values})
    with pytest.raises(UserError, match=r"^settings of Outer: got \['flag'\]; allowed: .*inner"):
        from_json({"class": f"{HERE}:Outer", "settings": {"flag": True}})


def test_fields_with_a_default_may_be_missing() -> None:
    assert from_json({"class": f"{HERE}:Inner", "settings": {}}) == Inner()
    assert from_json({"class": f"{HERE}:AnyValue", "settings": {"value": [1]}}) == AnyValue(
        value=(1,)
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
)


@given(json_values)
def test_any_other_json_is_refused_or_is_settings(encoded: object) -> None:
    with pytest.raises(UserError):
        from_json(encoded)
