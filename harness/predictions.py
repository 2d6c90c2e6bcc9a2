"""Predictions: what a trained network says of examples in a file, in words and in units."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import torch
from torch import Tensor

from harness.examples_file import read_examples
from harness.recipe import Data
from harness.settings import UserError
from harness.trained import Trained, trained

BATCH = 256
Rows = Iterator[tuple[object, ...]]


def predict_run(run_id: str, path: Path, out: TextIO) -> None:
    """Write a CSV of a run's predictions for each example of a file.

    The inputs are standardised as the run's training part was. Classes come with their
    probability, values in the units of the dataset.

    Raises:
        UserError: there is no such finished run, its task has another kind of answer, or the file
            does not hold examples of its dataset.
    """
    found = trained(run_id)
    data = found.recipe.data
    if data.facts().targets not in ("classes", "values") or found.recipe.task.purpose != "predict":
        got = f"a run of {type(found.recipe.task).__name__}"
        do = "choose another run; a language model writes with `harness generate`"
        raise UserError("RUN", got=got, allowed="one that tells classes or values", do=do)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows(predictions(found, read_examples(path, data)))


def predictions(found: Trained, raw: Tensor) -> Rows:
    """Yield a header, then a row for each raw example (n, *facts.inputs)."""
    recipe = found.recipe
    output = _outputs(found, recipe.data.standardise(raw, seed=recipe.seed))
    if recipe.data.facts().targets == "classes":
        return _classes(output, recipe.data)
    return _values(recipe.data.in_units(output, seed=recipe.seed))


@torch.no_grad()
def _outputs(found: Trained, inputs: Tensor) -> Tensor:
    like = next(found.network.parameters())
    typed = inputs.to(like.dtype) if inputs.is_floating_point() else inputs
    starts = range(0, len(typed), BATCH)
    return torch.cat([found.network(typed[start : start + BATCH]) for start in starts])


def _classes(logits: Tensor, data: Data) -> Rows:
    names = data.classes or tuple(str(number) for number in range(logits.shape[1]))
    chances = logits.softmax(dim=1)
    yield ("example", "class", "probability")
    for number, row in enumerate(chances):
        best = int(row.argmax())
        yield (number, names[best], f"{float(row[best]):.6f}")


def _values(values: Tensor) -> Rows:
    yield ("example", *(f"value_{number}" for number in range(values.shape[1])))
    for number, row in enumerate(values.tolist()):
        yield (number, *(f"{value:.6g}" for value in row))
