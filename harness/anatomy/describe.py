"""Anatomy: everything known of a network before it is trained, as one record."""

from dataclasses import asdict, dataclass, fields

import pandas as pd
from torch import Tensor, nn

from harness.anatomy.layers import Layer, layers
from harness.anatomy.parameters import Counts, count


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """What a network is: its parameter counts and its layers in the order they run."""

    counts: Counts
    layers: tuple[Layer, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per layer with the fields of `Layer` as columns."""
        columns = [field.name for field in fields(Layer)]
        return pd.DataFrame([asdict(layer) for layer in self.layers], columns=columns)

    def metrics(self) -> dict[str, float]:
        """Return params/total, /trainable, /frozen and params/by_type/<layer type>."""
        counts = asdict(self.counts)
        by_type: dict[str, int] = counts.pop("by_type")
        counts |= {f"by_type/{kind}": number for kind, number in by_type.items()}
        return {f"params/{name}": float(number) for name, number in counts.items()}


def describe(network: nn.Module, example: Tensor) -> Anatomy:
    """Return the anatomy of `network`, found by running `example`, (batch, …), through it once.

    Both on one device, which may be meta. The network is left as it was. Raises UserError if a
    lazy layer does not yet have its shape.
    """
    return Anatomy(counts=count(network), layers=layers(network, example))
