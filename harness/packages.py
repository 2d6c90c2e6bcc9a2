"""Packages: where the files lie that an installed Python package carries; no code of it runs."""

from importlib.util import find_spec
from pathlib import Path

from harness.settings import UserError


def folder_of(package: str, folder: str, *, do: str) -> Path:
    """Return a folder of an installed package; raise UserError, saying what to do, if it is not."""
    spec = find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise UserError("package", got=package, allowed="an installed package", do=do)
    return Path(spec.submodule_search_locations[0]) / folder
