"""Discovery: finds every model, dataset, task, strategy or plot by importing its file."""

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from harness.settings import Settings, UserError

Kind = TypeVar("Kind", bound=Settings)
Value = TypeVar("Value")


def discover(kind: type[Kind], *places: ModuleType | Path) -> list[type[Kind]]:
    """Return the concrete subclasses of `kind` defined in `places`, sorted by name.

    A place is a package of the harness or a directory of single files outside it; the file
    `models/tower.py` is imported as `models.tower`, as a study beside the directory imports it.

    Raises:
        UserError: another file was imported before under the name of one in a directory.
    """
    found = {
        member
        for place in places
        for module in _modules(place)
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, kind) and member.__module__ == module.__name__
    }
    return sorted((each for each in found if not inspect.isabstract(each)), key=_name)


def constants(kind: type[Value], place: ModuleType) -> list[Value]:
    """Return the module-level values of type `kind` in the files of a package."""
    values = (value for module in _modules(place) for value in vars(module).values())
    return [value for value in values if isinstance(value, kind)]


def _name(kind: type) -> tuple[str, str]:
    return kind.__name__, kind.__module__


def _modules(place: ModuleType | Path) -> Iterator[ModuleType]:
    if isinstance(place, Path):
        yield from map(_load, sorted(place.glob("*.py")))
    else:
        for module in pkgutil.iter_modules(place.__path__):
            yield importlib.import_module(f"{place.__name__}.{module.name}")


def _load(path: Path) -> ModuleType:
    name = f"{path.parent.name}.{path.stem}"
    if known := sys.modules.get(name):
        if known.__file__ is None or Path(known.__file__).resolve() != path.resolve():
            do = "rename one of them"
            raise UserError(f"module {name}", got=str(path), allowed=str(known.__file__), do=do)
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
