"""pt2: the graph that torch.export finds, with its weights; runs without the harness."""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from harness.export.form import Form, cannot_write

USE = """\
```python
import torch

network = torch.export.load("model.pt2").module()
```

torch may unpickle parts of a .pt2 file: from those you do not trust take safetensors."""


def exported(to: str, network: nn.Module, inputs: Tensor) -> ExportedProgram:
    """Return the network's graph, for batches of any size; raise UserError if it has none."""
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # torch's own, of what it will deprecate next
            return torch.export.export(network, (inputs,), dynamic_shapes=({0: Dim("batch")},))
    except Exception as error:
        raise cannot_write(to, network, error) from error


def _write(network: nn.Module, inputs: Tensor, path: Path) -> None:
    program = exported("pt2", network, inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(program, path)


@torch.no_grad()
def _run(path: Path, inputs: Tensor) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        output: Tensor = torch.export.load(path).module()(inputs)
    return output


PT2 = Form(file="model.pt2", write=_write, run=_run, tolerance=1e-6, use=USE)
