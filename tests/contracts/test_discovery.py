"""Discovery: concrete classes where they are defined, by name, and no file under two names."""

# mypy: disable-error-code="type-abstract"

from pathlib import Path

import pytest

import harness.data
import harness.models
from harness.discovery import discover
from harness.models.mlp import MLP
from harness.recipe import Data, Model
from harness.settings import Settings, UserError

MODEL = """
from dataclasses import dataclass
from harness.models.mlp import MLP
from harness.recipe import Facts, Model


@dataclass(frozen=True, kw_only=True)
class {name}(Model):
    def build(self, facts: Facts):
        return MLP().build(facts)


class Abstract{name}(Model):
    pass
"""


def write(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True)
    (folder / f"{name.lower()}.py").write_text(MODEL.format(name=name))
    return folder


def test_a_package_gives_its_concrete_classes_by_name() -> None:
    found = discover(Model, harness.models)
    assert MLP in found
    assert [kind.__name__ for kind in found] == sorted(kind.__name__ for kind in found)
    assert {kind.__module__.rpartition(".")[0] for kind in found} == {"harness.models"}
    assert "InMemory" not in {kind.__name__ for kind in discover(Data, harness.data)}


def test_a_kind_is_found_among_all_places(tmp_path: Path) -> None:
    folder = write(tmp_path / "found_here", "Zebra")
    found = discover(Model, harness.models, folder, tmp_path / "nowhere")
    assert found == [*discover(Model, harness.models), *discover(Model, folder)]
    assert [kind.__name__ for kind in discover(Model, folder)] == ["Zebra"]
    assert discover(Data, folder) == []
    assert discover(Settings, folder) == discover(Model, folder), "the same file, imported once"


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    first = write(tmp_path / "one" / "same_name", "Twin")
    second = write(tmp_path / "two" / "same_name", "Twin")
    discover(Model, first)
    with pytest.raises(UserError, match=r"^module same_name\.twin: got .*two.*; allowed: .*one.*"):
        discover(Model, second)
