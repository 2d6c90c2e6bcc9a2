"""Subjects: the network that a user names, a model of the harness or a builder in a file."""

import ast
import importlib.util
import inspect
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import torch
from torch import nn

import harness.data
import harness.models
from harness.anatomy.example import example_input
from harness.anatomy.known import KNOWN
from harness.discovery import discover
from harness.recipe import Data, Model
from harness.settings import UserError
from harness.study import line_in


@dataclass(frozen=True)
class Subject:
    """A network to describe, and an example of what its forward takes."""

    name: str
    network: nn.Module
    example: Any
    place: str | None = None
    """"FILE.py:BUILDER", where it comes from a file."""


def model_subject(
    name: str, settings: Mapping[str, str], data: str = "", *, device: str = "meta"
) -> Subject:
    """Return the model called `name` with settings given as text, and one example of zeros.

    Or the network of the literature by that name, such as "ResNet-50", which has no settings.

    `data` names the dataset that it is for; without it, it is the first that the model takes, with
    images before tables. Raises UserError for an unknown name, setting or value.
    """
    kinds = {kind.__name__: kind for kind in discover(Model, harness.models)}  # type: ignore[type-abstract]
    if name in KNOWN and not settings:
        with torch.device(device):
            return Subject(name, KNOWN[name].build(), KNOWN[name].example())
    if name not in kinds:
        do = "name one, or FILE.py:BUILDER"
        allowed = ", ".join((*kinds, *KNOWN)) if not settings else ", ".join(kinds)
        raise UserError("MODEL", got=name, allowed=allowed, do=do)
    model = _with_settings(kinds[name], settings)
    facts = _data_for(model, data).facts()
    with torch.device(device):
        torch.manual_seed(0)
        network, example = model.build(facts), example_input(facts, count=1)
    words = " ".join(f"{key}={value}" for key, value in settings.items())
    return Subject(f"{name} {words}".strip(), network, example)


def settings_of(name: str) -> set[str]:
    """Return the names of the settings of the model called `name`; none if there is no such."""
    found = [kind for kind in discover(Model, harness.models) if kind.__name__ == name]  # type: ignore[type-abstract]
    return {field.name for kind in found for field in fields(cast("Any", kind))}


def file_subject(place: str, *, device: str = "meta") -> Subject:
    """Return what the builder in `place`, "FILE.py:BUILDER", returns: a module and an example.

    The builder runs on the meta device, so that its weights take no memory, and again off it if it
    cannot. Raises UserError if the file or the builder is missing or raises, or returns another
    thing.
    """
    file, _, name = place.rpartition(":")
    module = _imported(Path(file))
    builders = dict(inspect.getmembers(module, callable))
    if name not in builders:
        own = [key for key, each in builders.items() if each.__module__ == module.__name__]
        do = "name a function of the file that returns (module, example)"
        raise UserError(f"builder in {file}", got=name, allowed=", ".join(own) or "none", do=do)
    try:
        with torch.device(device):
            built = builders[name]()
    except Exception as error:
        if device == "meta":
            return file_subject(place, device="cpu")
        raise _broken(Path(file), error) from error
    match built:
        case (nn.Module() as network, example):
            return Subject(name, network, example, place)
    do = "return the module, and a tensor, a tuple of arguments or a dict of named ones"
    got = type(built).__name__
    raise UserError(f"{place} returned", got=got, allowed="(module, example input)", do=do)


def _with_settings(kind: type[Model], given: Mapping[str, str]) -> Model:
    known = [field.name for field in fields(cast("Any", kind))]
    if unknown := [f"--{name.replace('_', '-')}" for name in given if name not in known]:
        allowed = ", ".join(f"--{name.replace('_', '-')}" for name in known)
        what = f"setting of {kind.__name__}"
        raise UserError(what, got=" ".join(unknown), allowed=allowed, do="use one of them")
    needed = [
        field.name
        for field in fields(cast("Any", kind))
        if field.default is field.default_factory is MISSING and field.name not in given
    ]
    if needed:
        do = "add it"
        raise UserError(f"settings of {kind.__name__}", got="none", allowed=needed, do=do)
    return kind(**{name: _value(text) for name, text in given.items()})


def _value(text: str) -> object:
    """Return the number, truth, None or tuple that a text says, or the text."""
    try:
        return ast.literal_eval({"true": "True", "false": "False", "none": "None"}.get(text, text))
    except (ValueError, SyntaxError):
        return text


def _data_for(model: Model, name: str) -> Data:
    kinds = {kind.__name__: kind for kind in discover(Data, harness.data)}  # type: ignore[type-abstract]
    if name and name not in kinds:
        raise UserError("--data", got=name, allowed=", ".join(kinds), do="name one of them")
    if name:
        data = kinds[name]()
        try:
            model.require(data.facts(), name)
        except UserError as error:
            allowed = ", ".join(key for key, kind in kinds.items() if _fits(model, kind()))
            what, do = f"--data for {type(model).__name__}", "name one of them"
            raise UserError(what, got=name, allowed=allowed, do=do) from error
        return data
    fitting = [kind() for kind in kinds.values() if _fits(model, kind())]
    if not fitting:
        do = "name a dataset with --data to see why, or change a setting"
        raise UserError("model", got=model, allowed="one that takes a dataset", do=do)
    return max(fitting, key=lambda data: len(data.facts().inputs))


def _fits(model: Model, data: Data) -> bool:
    """Whether the model can be built for the data; a UserError is how it says no."""
    try:
        model.require(data.facts(), type(data).__name__)
        with torch.device("meta"):
            model.build(data.facts())
    except UserError:
        return False
    return True


def _imported(path: Path) -> ModuleType:
    if path.suffix != ".py" or not path.is_file():
        do = "give the path of a Python file and its builder, as nets.py:build"
        raise UserError("FILE.py:BUILDER", got=str(path), allowed="a file that is there", do=do)
    spec = importlib.util.spec_from_file_location(f"described_{path.stem}", path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise _broken(path, error) from error
    return module


def _broken(path: Path, error: Exception) -> UserError:
    line = line_in(path.resolve(), error)
    got = f"{type(error).__name__}: {error}".partition("\n")[0]
    allowed, do = "a file that runs", "correct that line"
    return UserError(f"{path}:{line}", got=got, allowed=allowed, do=do)
