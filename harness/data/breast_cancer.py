"""Breast cancer: 569 tumours, 30 measurements, malignant (0) or benign (1).

Wisconsin Diagnostic (Street et al. 1993, bundled with scikit-learn).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from sklearn.datasets import load_breast_cancer

from harness.data.batches import Split
from harness.data.content import Content, draw_test
from harness.data.in_memory import Sizes
from harness.data.table import Table


@dataclass(frozen=True, kw_only=True)
class BreastCancer(Table):
    """Inputs (30,); the test set is a fixed stratified 20 %."""

    sizes: ClassVar[Sizes] = Sizes(inputs=(30,), outputs=2, development=455, test=114)

    classes: ClassVar[tuple[str, ...]] = ("malignant", "benign")

    def load(self) -> Content:
        """Return the rows as scikit-learn reads them."""
        return _content()

    def columns(self) -> tuple[str, ...]:
        """Return what was measured."""
        return tuple(load_breast_cancer().feature_names.tolist())


@lru_cache(maxsize=1)
def _content() -> Content:
    rows, labels = load_breast_cancer(return_X_y=True)
    return draw_test(Split(torch.from_numpy(rows), torch.from_numpy(labels).long()))
