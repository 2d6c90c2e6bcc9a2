"""Diabetes: 442 patients, 10 measurements, progression after a year (regression).

Efron et al. 2004, bundled with scikit-learn, here unscaled: its scaled form has seen the test set.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from sklearn.datasets import load_diabetes

from harness.data.batches import Split
from harness.data.content import Content, draw_test
from harness.data.in_memory import Sizes
from harness.data.table import Table


@dataclass(frozen=True, kw_only=True)
class Diabetes(Table):
    """Inputs (10,), targets (1,), both standardised; the test set is a fixed random 20 %."""

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(10,), outputs=1, development=354, test=88, targets="values"
    )

    def load(self) -> Content:
        """Return the rows as scikit-learn reads them."""
        return _content()

    def columns(self) -> tuple[str, ...]:
        """Return what was measured."""
        return tuple(load_diabetes().feature_names)


@lru_cache(maxsize=1)
def _content() -> Content:
    rows, targets = load_diabetes(return_X_y=True, scaled=False)
    return draw_test(Split(torch.from_numpy(rows), torch.from_numpy(targets)[:, None]))
