"""Examples in a file of the user's own: a CSV of numbers, a .npy array, a PNG, lines of text."""

import csv
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from harness.recipe import Data
from harness.settings import UserError

KINDS = (".csv", ".npy", ".png", ".txt")
WHITE = 255
"""In a PNG of 8 bits."""


def read_examples(path: Path, data: Data) -> Tensor:
    """Return the raw inputs (n, *facts.inputs) in a file, in the units of the dataset.

    `.csv` has an example a row, with or without a header; `.npy` one example or several of them;
    `.png` one image, grey or RGB as the dataset is, its white that of the dataset; `.txt` a text a
    line. Nothing is unpickled.

    Raises:
        UserError: the file is missing or damaged, or holds something else than the dataset.
    """
    kind = path.suffix.lower()
    if kind not in KINDS or not path.is_file():
        got = str(path) if path.exists() else f"{path}, which is not there"
        do = "give the path of such a file"
        raise UserError("FILE", got=got, allowed=f"a file *{', *'.join(KINDS)}", do=do)
    if kind == ".txt":
        return data.tokens([line for line in path.read_text("utf-8").splitlines() if line.strip()])
    values = {".csv": _rows, ".npy": _array, ".png": _pixels}[kind](path)
    if kind == ".png":
        values = (values * data.white / WHITE).round().to(values.dtype)
    return _shaped(values, path, data)


def _rows(path: Path) -> Tensor:
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if row]
    header = bool(rows) and not any(_is_number(cell) for cell in rows[0])
    numbers = []
    for line, row in enumerate(rows[header:], start=1 + header):
        if wrong := [cell for cell in row if not _is_number(cell)]:
            do = "write every column as a number; leave none empty"
            raise UserError(f"{path}:{line}", got=wrong[0], allowed="numbers", do=do)
        numbers.append([float(cell) for cell in row])
    if len({len(row) for row in numbers}) != 1:
        got = sorted({len(row) for row in numbers}) or "no row"
        raise UserError(f"columns of {path}", got=got, allowed="one number", do="correct the file")
    return torch.tensor(numbers, dtype=torch.float64)


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def _array(path: Path) -> Tensor:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        do = "write it with numpy.save, as numbers"
        raise UserError(str(path), got=str(error), allowed="an array", do=do) from error
    if array.dtype.kind not in "buif" or not np.isfinite(array).all():
        do = "write it with numpy.save, as finite numbers"
        raise UserError(str(path), got=array.dtype, allowed="finite numbers", do=do)
    return torch.from_numpy(array.astype(np.int64 if array.dtype.kind in "bui" else np.float64))


def _pixels(path: Path) -> Tensor:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            array = np.asarray(image.convert("L" if image.mode in "1LI" else "RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise UserError(str(path), got=str(error), allowed="a PNG", do="save it anew") from error
    return torch.from_numpy(array.astype(np.int64)).reshape(*array.shape[:2], -1).permute(2, 0, 1)


def _shaped(values: Tensor, path: Path, data: Data) -> Tensor:
    """Return (n, *inputs): a single example becomes a batch of one."""
    facts = data.facts()
    batch = values[None] if values.shape == facts.inputs else values
    if batch.shape[1:] != facts.inputs or len(batch) == 0:
        allowed = f"(n, {', '.join(map(str, facts.inputs))}), as {type(data).__name__} has them"
        do = "bring it into this shape; text goes into a .txt file"
        raise UserError(f"shape of {path}", got=tuple(values.shape), allowed=allowed, do=do)
    if facts.vocabulary is None:
        return batch
    if batch.is_floating_point() or batch.min() < 0 or batch.max() >= facts.vocabulary:
        allowed = f"whole numbers from 0 to {facts.vocabulary - 1}"
        raise UserError(f"tokens of {path}", got="others", allowed=allowed, do="correct the file")
    return batch
