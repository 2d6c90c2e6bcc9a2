"""Iris: 150 flowers, 4 measurements, 3 species (Fisher 1936, bundled with scikit-learn).

Small enough that one test example is 3 % of the accuracy: for demonstrations, not conclusions.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from sklearn.datasets import load_iris

from harness.data.batches import Split
from harness.data.content import Content, draw_test
from harness.data.in_memory import Sizes
from harness.data.table import Table


@dataclass(frozen=True, kw_only=True)
class Iris(Table):
    """Inputs (4,); the test set is a fixed stratified 20 %."""

    sizes: ClassVar[Sizes] = Sizes(inputs=(4,), outputs=3, development=120, test=30)

    classes: ClassVar[tuple[str, ...]] = ("setosa", "versicolor", "virginica")

    def load(self) -> Content:
        """Return the rows as scikit-learn reads them."""
        return _content()

    def columns(self) -> tuple[str, ...]:
        """Return what was measured."""
        return tuple(load_iris().feature_names)


@lru_cache(maxsize=1)
def _content() -> Content:
    rows, labels = load_iris(return_X_y=True)
    return draw_test(Split(torch.from_numpy(rows), torch.from_numpy(labels).long()))
