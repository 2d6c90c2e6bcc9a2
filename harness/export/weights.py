"""safetensors: the weights alone; recipe.json says how to build the network around them."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from harness.export.form import Form
from harness.recipe import recipe_from_json
from harness.starts.files import read_files
from harness.trained import network_of

FILE, RECIPE = "model.safetensors", "recipe.json"
USE = """\
```python
from pathlib import Path
from harness.export.weights import load

network = load(Path("DIRECTORY"))  # the recipe builds it; nothing in the directory is executed
```

or begin a training with it: `Recipe(..., start=FromDirectory(path="DIRECTORY"))`."""


def load(directory: Path) -> nn.Module:
    """Return the network of an exported directory, in eval mode; nothing in it is executed.

    Raises UserError if a file is damaged, or names a class that is not installed here.
    """
    recipe = recipe_from_json(json.loads((directory / RECIPE).read_text(encoding="utf-8")))
    weights, _ = read_files([directory / FILE])
    return network_of(recipe, weights)


def _write(network: nn.Module, inputs: Tensor, path: Path) -> None:
    del inputs
    # Cloned: tied weights share their memory, which safetensors refuses.
    save_file({name: each.clone() for name, each in network.state_dict().items()}, path)


@torch.no_grad()
def _run(path: Path, inputs: Tensor) -> Tensor:
    output: Tensor = load(path.parent)(inputs)
    return output


SAFETENSORS = Form(file=FILE, write=_write, run=_run, tolerance=0.0, use=USE)
