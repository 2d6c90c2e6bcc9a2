"""Write: an exported directory, whole or not at all, and compared before it is there."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import torch
from rich.console import Console
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from harness.export.card import card
from harness.export.form import Form
from harness.export.graph import PT2
from harness.export.onnx import ONNX
from harness.export.weights import RECIPE, SAFETENSORS
from harness.recipe import Recipe
from harness.settings import UserError
from harness.trained import Trained, trained

FORMS: Mapping[str, Form] = {"safetensors": SAFETENSORS, "onnx": ONNX, "pt2": PT2}
CARD, EXAMPLE = "README.md", "example.safetensors"


def export_run(run_id: str, to: str, out: str, console: Console) -> None:
    """Write a run's network into a directory of its own, and print what it holds.

    `out` names the directory; by default it lies in the store, under exports/.

    Raises:
        UserError: there is no such form, no such finished run, `out` holds something else, the
            network cannot be written so, or what was written gives another output.
    """
    if to not in FORMS:
        raise UserError("TO", got=to, allowed=", ".join(FORMS), do="say TO=safetensors")
    found = trained(run_id)
    place = Path(out) if out else found.root / "exports" / f"{found.id}-{to}"
    largest = write(found, FORMS[to], place)
    files = ", ".join(sorted(path.name for path in place.iterdir()))
    same = f"same output, largest difference {largest:.1g}" if largest else "same to the bit"
    console.print(f"{place}: {files}; read back: {same}", highlight=False, soft_wrap=True)


def write(found: Trained, form: Form, place: Path) -> float:
    """Write the directory `place` anew and return the largest difference that its copy showed."""
    _require_ours(place)
    with _replacing(place) as directory:
        largest = copy(found.recipe, found.network, found.examples(), form, directory)
        (directory / CARD).write_text(card(found, form, largest), encoding="utf-8")
    return largest


def copy(recipe: Recipe, network: nn.Module, inputs: Tensor, form: Form, directory: Path) -> float:
    """Write the network, its recipe and the batch into `directory`; return what `compared` does."""
    with torch.no_grad():
        output: Tensor = network(inputs)
    (directory / RECIPE).write_text(json.dumps(recipe.to_json(), indent=1) + "\n")
    save_file({"inputs": inputs, "output": output}, directory / EXAMPLE)
    form.write(network, inputs, directory / form.file)
    return compared(form, directory)


def compared(form: Form, directory: Path) -> float:
    """Return the largest difference of a written file's output on the stored batch.

    Raises UserError if it is more than the form's tolerance allows.
    """
    example = load_file(directory / EXAMPLE)
    output, expected = form.run(directory / form.file, example["inputs"]), example["output"]
    same_shape = output.shape == expected.shape
    largest = float((output - expected).abs().max()) if same_shape else float("inf")
    if not largest <= form.tolerance * max(1.0, float(expected.abs().max())):
        do = "say TO=safetensors; this form does not carry the network faithfully"
        allowed = f"at most {form.tolerance:g} of the largest output"
        raise UserError(f"difference of {form.file}", got=largest, allowed=allowed, do=do)
    return largest


@contextmanager
def _replacing(place: Path) -> Iterator[Path]:
    """Yield a directory beside `place` that takes its place once everything in it is on the disk.

    An error leaves what was there before; a kill between the two renames leaves it beside it.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    directory = Path(mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        yield directory
        directory.chmod(0o755)
        for path in directory.iterdir():
            path.chmod(0o644)
            with path.open("rb") as file:
                os.fsync(file.fileno())
        before = directory.with_name(f"{directory.name}.before")
        if place.exists():
            place.rename(before)
        directory.rename(place)
        shutil.rmtree(before, ignore_errors=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _require_ours(place: Path) -> None:
    """Raise UserError unless `place` is free or an earlier export, which may be replaced."""
    if place.exists() and not ((place / EXAMPLE).is_file() and (place / RECIPE).is_file()):
        do = "name a directory that is not there yet"
        raise UserError("OUT", got=str(place), allowed="free, or an earlier export", do=do)
