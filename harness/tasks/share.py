"""Share: the part of what counts that is right; what each of several metrics is made of."""

import torch
from torch import Tensor
from torchmetrics import Metric


class Share(Metric):
    """Share of what is right among what counts; each case says what that is."""

    higher_is_better = True
    full_state_update = False
    right: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("right", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def compute(self) -> Tensor:
        """Return it, from 0 to 1."""
        return self.right / self.count
