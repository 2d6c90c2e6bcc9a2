"""What every model that tells classes or values keeps: its answers can be explained, or it says."""

import pytest
import torch

from harness.explain.attributions import attribute
from harness.explain.subject import Subject
from harness.recipe import Model, Recipe
from harness.settings import UserError
from harness.strategies.full import Full
from tests.contracts.found import Found, built

pytest.importorskip("captum", reason="needs `pip install .[explain]`")


def test_attributions_sum_to_what_they_explain(model: Model, found: Found) -> None:
    data = found.small_data(model)
    recipe = Recipe(
        model=model, data=data, task=found.task_of(model, data), strategy=Full(), lr=0.1
    )
    network = built(model, data).eval()
    facts = data.facts()
    answers = facts.targets in ("classes", "values") and model.purpose == "predict"
    if not answers or facts.holds == "entities":
        with pytest.raises(UserError, match=r"^RUN: got"):
            Subject(recipe, network)
        return
    explained = attribute(Subject(recipe, network), torch.arange(2))
    largest = explained.differences.abs().max()
    assert explained.errors.abs().max() <= 0.02 * largest + 1e-6
