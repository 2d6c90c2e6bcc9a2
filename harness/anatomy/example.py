"""Example: an input of the shape and type that a dataset's facts promise, without the dataset."""

import torch
from torch import Tensor

from harness.recipe import Facts


def example_input(facts: Facts, count: int = 2) -> Tensor:
    """Return `count` examples of zeros: (count, *facts.inputs), float32 or, for tokens, int64."""
    kind = torch.int64 if facts.holds == "tokens" else torch.float32
    return torch.zeros(count, *facts.inputs, dtype=kind)
