"""An example input has the shape and the type that the data's facts promise."""

import torch

from harness.anatomy.example import example_input
from harness.recipe import Facts


def test_numbers_are_floats_and_tokens_are_indices() -> None:
    facts = Facts(inputs=(1, 8, 8), outputs=3, train=1, validation=1, test=1)
    assert (example_input(facts).shape, example_input(facts).dtype) == ((2, 1, 8, 8), torch.float32)
    text = Facts(
        inputs=(5,), outputs=9, vocabulary=9, targets="tokens", train=1, validation=1, test=1
    )
    assert (example_input(text, 3).shape, example_input(text).dtype) == ((3, 5), torch.int64)
