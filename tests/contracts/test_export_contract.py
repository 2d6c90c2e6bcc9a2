"""What every model keeps on its way out: each form of file gives the same output, or refuses."""

from pathlib import Path

import pytest
import torch

from harness.export.form import Form
from harness.export.graph import PT2
from harness.export.onnx import ONNX
from harness.export.weights import SAFETENSORS
from harness.export.write import copy
from harness.recipe import Model, Recipe
from harness.settings import UserError
from harness.strategies.full import Full
from tests.contracts.found import Found, built, examples

ANOTHER_SIZE = 3
ONE_GRAPH = {"CNN", "Decoder", "Encoder", "GRU", "LSTM", "LeNet5", "MLP", "RNN", "ResNet", "ViT"}
"""Models that must have a graph; others may refuse, with the way out."""


def exported(model: Model, found: Found, form: Form, directory: Path) -> None:
    """Write a network so, and run the file on fewer examples than it was written with."""
    data = found.small_data(model)
    recipe = Recipe(
        model=model, data=data, task=found.task_of(model, data), strategy=Full(), lr=0.1
    )
    network, inputs = built(model, data).eval(), examples(data)[0][:5].contiguous()
    if form is not SAFETENSORS and type(model).__name__ not in ONE_GRAPH:
        try:
            copy(recipe, network, inputs, form, directory)
        except UserError as refused:
            said = str(refused)
            assert said.endswith("say TO=safetensors"), said
            return
    copy(recipe, network, inputs, form, directory)
    few = inputs[:ANOTHER_SIZE]
    with torch.no_grad():
        torch.testing.assert_close(
            form.run(directory / form.file, few), network(few), rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("form", [SAFETENSORS, PT2], ids=["safetensors", "pt2"])
def test_a_copy_gives_the_same_output(
    model: Model, found: Found, form: Form, tmp_path: Path
) -> None:
    exported(model, found, form, tmp_path)


@pytest.mark.slow
def test_onnx_gives_the_same_output(model: Model, found: Found, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="needs `pip install .[export]`")
    pytest.importorskip("onnxruntime", reason="needs `pip install .[export]`")
    exported(model, found, ONNX, tmp_path)
