"""Anatomy: everything known of a network before it is trained, as one record."""

import json
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import Any

import pandas as pd
from torch import nn

from harness.anatomy.depths import Depths, depths
from harness.anatomy.given import Given
from harness.anatomy.graph import Trace
from harness.anatomy.layers import Layer, layers, without_formula
from harness.anatomy.memory import Memory, memory
from harness.anatomy.parameters import Counts, count, owned
from harness.anatomy.recorder import NotTraceable
from harness.anatomy.step import Step, take_step
from harness.anatomy.trace import trace
from harness.anatomy.twin import with_shapes
from harness.anatomy.uses import Uses, uses


@dataclass(frozen=True, kw_only=True)
class Flops:
    """Work of the example, by matrix products and convolutions; 1 multiply-accumulate is 2 FLOPs.

    forward + backward are the model's FLOPs: what a training step must do. Hardware that runs
    checkpointed blocks again does `recomputed` more.
    """

    forward: int
    """Attention counted in full: every query sees every key."""
    backward: int
    """As far as something trains: no gradient of the input, none of a frozen weight."""
    forward_causal: int | None
    """Forward, less the pairs that a causal mask leaves out: T(T + 1)/2 of T² stay. None without
    scaled_dot_product_attention(…, is_causal=True): a mask given as numbers says nothing."""
    recomputed: int | None
    """Forward again of each outermost block, with checkpointing; None without blocks."""
    examples: int
    """How many examples these numbers are for: the first dimension of the first input."""


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """What a network is: parameters, depths, work, memory, and its layers in the order they run."""

    counts: Counts
    uses: Uses
    depth: Depths
    flops: Flops
    memory: Memory
    layers: tuple[Layer, ...]
    notes: tuple[str, ...]
    """What a reader of these numbers must know."""

    def to_frame(self) -> pd.DataFrame:
        """Return one row per layer with the fields of `Layer` as columns."""
        columns = [field.name for field in fields(Layer)]
        return pd.DataFrame([asdict(layer) for layer in self.layers], columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """Return parameters, depth, tools, flops, memory, layers and notes as plain values."""
        return {
            "parameters": self._parameters(),
            "depth": self.depth.as_dict(),
            "tools": {"ops_longest": self.depth.tool},
            "flops": asdict(self.flops),
            "memory": asdict(self.memory),
            "layers": [asdict(layer) for layer in self.layers],
            "notes": list(self.notes),
        }

    def _parameters(self) -> dict[str, Any]:
        return {**asdict(self.counts), **asdict(self.uses), "unique": self.counts.total}

    def to_json(self) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=1)

    def metrics(self) -> dict[str, float]:
        """Return params/…, params/by_type/<layer type>, depth/…, flops/… an example, memory/… ."""
        counts = asdict(self.counts)
        by_type: dict[str, int] = counts.pop("by_type")
        counts |= {f"by_type/{kind}": number for kind, number in by_type.items()}
        counts.pop("shared")
        counts |= {name: value for name, value in asdict(self.uses).items() if value is not None}
        work = {"forward": self.flops.forward, "backward": self.flops.backward}
        found = {f"params/{name}": float(number) for name, number in counts.items()}
        known = self.depth.as_dict().items()
        found |= {f"depth/{name}": value for name, value in known if isinstance(value, int | float)}
        found |= {f"flops/{name}": n / self.flops.examples for name, n in work.items()}
        sizes = {
            name: value for name, value in asdict(self.memory).items() if isinstance(value, int)
        }
        return found | {f"memory/{name}": float(size) for name, size in sizes.items()}


def describe(
    network: nn.Module,
    example: Any,
    *,
    optimizer: str = "adamw",
    precision: str = "32-true",
    batch_size: int | None = None,
) -> Anatomy:
    """Return the anatomy of `network`, found by following one training step of `example`.

    `example` is what its forward takes: a tensor, a tuple of arguments, or a mapping of named ones;
    all on the network's device, which may be meta. FLOPs are of the example as it is; memory is of
    `batch_size` such examples, if given, along the first dimension. The network is left as it was,
    and no weights are allocated; a lazy layer takes its shape in a copy.

    Raises UserError if the network cannot be called with the example, or for an unknown optimizer
    or precision.
    """
    given = Given.of(example)
    network = with_shapes(network, given)
    size = batch_size or given.examples
    step = take_step(network, given.batch(size))
    batches = Fraction(given.examples, size)
    tensors = owned(network)
    rows = layers(network, tensors, step, batches)
    seen = _traced(network, example)
    depth = depths(seen or network, example)
    return Anatomy(
        counts=count(network),
        uses=uses(seen, tensors) if seen else Uses(),
        depth=depth,
        flops=_flops(step, given.examples, batches),
        memory=memory(network, step, optimizer=optimizer, precision=precision, batch_size=size),
        layers=rows,
        notes=(*step.notes, *depth.notes, *_not_counted(step), *without_formula(network, rows)),
    )


def _traced(network: nn.Module, example: Any) -> Trace | None:
    try:
        return trace(network, example)
    except NotTraceable:
        return None


def _flops(step: Step, examples: int, batches: Fraction) -> Flops:
    rows = step.rows.values()
    masked = sum(row.masked for row in rows)
    forward = sum(row.forward or row.formula or 0 for row in rows)
    return Flops(
        forward=int(batches * forward),
        backward=int(batches * sum(row.backward for row in rows)),
        forward_causal=int(batches * (forward - masked)) if masked else None,
        recomputed=int(batches * sum(step.work.values())) if step.work else None,
        examples=examples,
    )


def _not_counted(step: Step) -> tuple[str, ...]:
    operators = sorted({name for row in step.rows.values() for name in row.uncounted})
    return tuple(f"FLOPs of {name} are not counted: no formula" for name in operators)
