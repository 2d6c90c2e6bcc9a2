"""Form: one way to write a network into a file, and to run it from there."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from harness.settings import UserError


@dataclass(frozen=True, kw_only=True)
class Form:
    """A file format: how to write it, how to run what was written, how near it must come."""

    file: str
    write: Callable[[nn.Module, Tensor, Path], None]
    """Write a network in eval mode; the examples show what it takes, their number is free."""
    run: Callable[[Path, Tensor], Tensor]
    """Return the output of the network in the file, beside which recipe.json lies."""
    tolerance: float
    """Largest difference to the network's own output, as a share of its largest; 0: none."""
    use: str
    """How to load it, for the model card."""


def cannot_write(to: str, network: nn.Module, error: Exception) -> UserError:
    """Return what to say where a network cannot be written as a graph."""
    said = str(error).strip().partition("\n")[0][:200]
    got = f"{type(network).__name__}: {type(error).__name__}: {said}"
    allowed = "a forward that is one graph: no packed sequences, no look at values"
    return UserError(f"TO={to}", got=got, allowed=allowed, do="say TO=safetensors")
