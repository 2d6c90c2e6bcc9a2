"""Settings: frozen dataclasses that validate themselves, flatten, and travel as JSON."""

import importlib
import math
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from inspect import isabstract
from typing import Any, cast

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")

Plain = None | bool | int | float | str


class UserError(ValueError):
    """What a user got wrong, in one line: what, got, allowed, and what to do."""

    def __init__(self, what: str, *, got: object, allowed: object, do: str) -> None:
        super().__init__(f"{what}: got {got!r}; allowed: {allowed}; {do}")

    @classmethod
    def within(cls, where: str, error: "UserError") -> "UserError":
        """Return `error` with the place where it came up in front."""
        located = cls.__new__(cls)
        ValueError.__init__(located, f"{where}: {error}")
        return located


def require_name(name: str, what: str) -> str:
    """Return `name` if it is safe as a path, a filter and a make word; or raise UserError."""
    if not NAME.fullmatch(name) or name.strip(".") == "":
        raise UserError(
            what, got=name, allowed="1-64 of A-Z a-z 0-9 . _ -", do="choose another name"
        )
    return name


def require_range(
    what: str,
    got: float,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    exclusive: bool = False,
) -> None:
    """Raise UserError unless `got` is a finite number in [low, high] ((low, high) if exclusive)."""
    number = isinstance(got, int | float) and not isinstance(got, bool)
    if not (
        number
        and abs(got) <= sys.float_info.max
        and (low < got < high if exclusive else low <= got <= high)
    ):
        brackets = "()" if exclusive else "[]"
        allowed = f"a number in {brackets[0]}{low:g}, {high:g}{brackets[1]}"
        raise UserError(what, got=got, allowed=allowed, do="correct the value in the study file")


def require_whole(what: str, got: int, *, low: int = 1) -> None:
    """Raise UserError unless `got` is an integer of at least `low`."""
    if isinstance(got, bool) or not isinstance(got, int) or got < low:
        do = "correct the value in the study file"
        raise UserError(what, got=got, allowed=f"a whole number from {low}", do=do)


def require_choice(what: str, got: object, allowed: Collection[object]) -> None:
    """Raise UserError unless `got` is one of `allowed`."""
    if got not in tuple(allowed):  # a set or a dict would ask for a hash
        choices = ", ".join(repr(choice) for choice in allowed) or "nothing"
        raise UserError(what, got=got, allowed=choices, do="choose one of them")


class Settings:
    """Base of every settings dataclass: plain values, tuples of them, or other settings."""

    def to_json(self) -> dict[str, Any]:
        """Return `{"class": "module:Name", "settings": {field: value}}`, nested settings alike."""
        kind = type(self)
        if "<locals>" in kind.__qualname__:
            do = "move the class to the top level of a module"
            raise UserError("settings class", got=kind.__qualname__, allowed="importable", do=do)
        values = {name: _encode(value) for name, value in settings_items(self)}
        return {"class": f"{kind.__module__}:{kind.__qualname__}", "settings": values}


def settings_items(settings: Settings) -> Iterator[tuple[str, Any]]:
    """Yield (field name, value) of a settings dataclass, in the order of its fields."""
    for field in fields(cast("Any", settings)):
        yield field.name, getattr(settings, field.name)


def flat(settings: Settings, prefix: str = "") -> dict[str, Plain]:
    """Return every value as `name.name: plain value`, a nested class under its own name."""
    result: dict[str, Plain] = {}
    for name, value in settings_items(settings):
        if isinstance(value, Settings):
            result[f"{prefix}{name}"] = type(value).__name__
            result |= flat(value, f"{prefix}{name}.")
        else:
            result[f"{prefix}{name}"] = str(value) if isinstance(value, tuple) else value
    return result


def without_defaults(encoded: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Drop fields at their default from `settings.to_json()`, so that a new field keeps hashes."""
    kept: dict[str, Any] = {}
    for field in fields(cast("Any", settings)):
        value = getattr(settings, field.name)
        if field.default is not MISSING and value == field.default:
            continue
        inner = encoded["settings"][field.name]
        kept[field.name] = without_defaults(inner, value) if isinstance(value, Settings) else inner
    return {"class": encoded["class"], "settings": kept}


def from_json(encoded: object) -> Settings:
    """Build settings from what `to_json` wrote.

    The named modules are imported, and nothing else is executed: a name that is not a settings
    dataclass raises UserError before it is called.
    """
    match encoded:
        case {"class": str(name), "settings": dict(inner), **others} if not others:
            kind = _settings_class(name)
        case _:
            allowed, do = '{"class": …, "settings": {…}}', "use what to_json wrote"
            raise UserError("settings JSON", got=encoded, allowed=allowed, do=do)
    values = {str(name): _decode(value) for name, value in inner.items()}
    known = {field.name for field in fields(kind)}
    needed = {each.name for each in fields(kind) if each.default is each.default_factory is MISSING}
    if not needed <= set(values) <= known:
        allowed = f"{sorted(needed)} and any of {sorted(known - needed)}"
        do = "use the version of the code that wrote it"
        raise UserError(f"settings of {kind.__name__}", got=sorted(values), allowed=allowed, do=do)
    return cast("Settings", kind(**values))


def _settings_class(name: str) -> Any:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, TypeError, ValueError):
        found = None
    is_settings = isinstance(found, type) and issubclass(found, Settings)
    if not is_settings or not is_dataclass(found) or isabstract(found):
        do = "install or restore the module that defines it"
        raise UserError("settings class", got=name, allowed="module:SettingsClass", do=do)
    return found


def _encode(value: object) -> object:
    if isinstance(value, Settings):
        return value.to_json()
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError("setting", got=value, allowed="finite numbers", do="use None for 'none'")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    allowed = "None, bool, int, float, str, tuples of them, settings"
    raise UserError("setting", got=value, allowed=allowed, do="use a plain value")


def _decode(value: object) -> object:
    if isinstance(value, dict):
        return from_json(value)
    return tuple(_decode(item) for item in value) if isinstance(value, list) else value
