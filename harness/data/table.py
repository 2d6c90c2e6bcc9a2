"""Tables: datasets of rows of numbers, standardised column by column."""

from abc import ABC
from dataclasses import dataclass

from torch import Tensor

from harness.data import standardise
from harness.data.in_memory import InMemory
from harness.data.standardise import Scale, Standardisation


@dataclass(frozen=True, kw_only=True)
class Table(InMemory, ABC):
    """Rows of numbers (n, columns), standardised column by column."""

    def scale(self, inputs: Tensor) -> Scale:
        """Return one mean and one deviation for each column."""
        return standardise.per_column(inputs)

    def augmentation(self, scale: Standardisation) -> None:
        """Return None: rows are not augmented."""
