"""ONNX: the graph in the open format that runtimes of other languages and devices run."""

import logging
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.export.form import Form, cannot_write
from harness.export.graph import exported
from harness.settings import UserError

USE = """\
```python
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
output = session.run(None, {"inputs": inputs})[0]
```"""


def _write(network: nn.Module, inputs: Tensor, path: Path) -> None:
    _require_packages()
    program = exported("onnx", network, inputs)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision aloud
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's and onnxscript's own, of what is to come
            made = torch.onnx.export(
                program, dynamo=True, verbose=False, input_names=["inputs"], output_names=["output"]
            )
    except Exception as error:
        raise cannot_write("onnx", network, error) from error
    assert made is not None
    made.save(path)


def _run(path: Path, inputs: Tensor) -> Tensor:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"inputs": inputs.numpy()})[0])


def _require_packages() -> None:
    try:
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        do = "pip install .[export]"
        raise UserError(
            "TO=onnx", got=str(error), allowed="onnxscript, onnxruntime", do=do
        ) from None


ONNX = Form(file="model.onnx", write=_write, run=_run, tolerance=1e-4, use=USE)
