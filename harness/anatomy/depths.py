"""Depths: one network by every definition, with a reason where one does not apply."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import nn

from harness.anatomy import depth
from harness.anatomy.depth import DEFINITIONS, Seen
from harness.anatomy.graph import Trace
from harness.anatomy.recorder import NotTraceable
from harness.anatomy.residual import PathLengths
from harness.anatomy.roles import Role, roles
from harness.anatomy.trace import trace
from harness.anatomy.unrolled import Recurrence, recurrence
from harness.settings import UserError

IN_TIME = ("recurrent_depth", "feedforward_depth", "skip_coefficient")
WHY = {
    "blocks": "no structure repeats",
    "residual_path_lengths": "no residual unit",
    **dict.fromkeys(IN_TIME, "no cycle through time"),
}
NO_PATH = "no way from an input to an output"
TOOL = f"torch {torch.__version__} dispatch"


@dataclass(frozen=True, kw_only=True)
class Depths:
    """A network's depths by their names in `harness.anatomy.depth`; None where one does not apply.

    All None, with the reason, of a network that is not traceable.
    """

    weight_layers_longest: int | None = None
    weight_layers_longest_with_pooling: int | None = None
    weight_layers_total: int | None = None
    parametric_layers_longest: int | None = None
    weight_layers_shortest: int | None = None
    nonlinearities_longest: int | None = None
    blocks: int | None = None
    credit_assignment_path: int | None = None
    residual_path_lengths: PathLengths | None = None
    recurrent_depth: Fraction | None = None
    feedforward_depth: Fraction | None = None
    skip_coefficient: Fraction | None = None
    sequential_steps: int | None = None
    ops_longest: int | None = None

    weight_layers_applied: int | None = None
    """`weight_layers_total`, but counting each time that a layer is applied."""
    tool: str = TOOL
    """What `ops_longest` depends on: operators as torch dispatches them in inference mode."""
    reasons: Mapping[str, str]
    """Why a depth is None, by its name."""
    notes: tuple[str, ...] = ()
    """What a reader of the numbers must know, from the trace."""

    def shown(self) -> dict[str, str]:
        """Return every depth as text by its name: "–" for None, path lengths by their mean."""
        texts = {name: "–" if value is None else f"{value}" for name, value in vars(self).items()}
        if (lengths := self.residual_path_lengths) is not None:
            texts["residual_path_lengths"] = f"0–{len(lengths.paths) - 1}, mean {lengths.mean:g}"
        if self.ops_longest is not None:
            texts["ops_longest"] += f" ({self.tool})"
        return {name: texts[name] for name in DEFINITIONS}

    def as_dict(self) -> dict[str, float | list[float] | None]:
        """Return plain values for JSON by the names of the definitions, and nothing else.

        `residual_path_lengths` as the shares of paths of length 0, 1, 2, …
        """
        return {name: _plain(getattr(self, name)) for name in DEFINITIONS}


def depths(network: nn.Module | Trace, example: object = None) -> Depths:
    """Return every depth of `network`, run once on `example` as `trace` does, or of its trace.

    A network that is not traceable has no depth but a reason. Raises UserError if forward does not
    take the example, or a layer is lazy.
    """
    try:
        seen = network if isinstance(network, Trace) else trace(network, example)
    except NotTraceable as refusal:
        reasons = dict.fromkeys(DEFINITIONS, str(refusal))
        return Depths(reasons=reasons, notes=(f"no depths: {refusal}",))
    layers = roles(seen)
    in_time, why_not = _in_time(seen, layers)
    found = _by_every_definition(Seen(trace=seen, roles=layers, recurrence=in_time))
    missing = (name for name in DEFINITIONS if vars(found)[name] is None)
    return replace(found, reasons={name: (WHY | why_not).get(name, NO_PATH) for name in missing})


def _in_time(seen: Trace, layers: tuple[Role, ...]) -> tuple[Recurrence | None, dict[str, str]]:
    try:
        return recurrence(seen, layers), {}
    except UserError as refusal:
        return None, dict.fromkeys(IN_TIME, str(refusal))


def _by_every_definition(seen: Seen) -> Depths:
    return Depths(
        weight_layers_longest=depth.weight_layers_longest(seen),
        weight_layers_longest_with_pooling=depth.weight_layers_longest_with_pooling(seen),
        weight_layers_total=depth.weight_layers_total(seen),
        parametric_layers_longest=depth.parametric_layers_longest(seen),
        weight_layers_shortest=depth.weight_layers_shortest(seen),
        nonlinearities_longest=depth.nonlinearities_longest(seen),
        blocks=depth.blocks(seen),
        credit_assignment_path=depth.credit_assignment_path(seen),
        residual_path_lengths=depth.residual_path_lengths(seen),
        recurrent_depth=depth.recurrent_depth(seen),
        feedforward_depth=depth.feedforward_depth(seen),
        skip_coefficient=depth.skip_coefficient(seen),
        sequential_steps=depth.sequential_steps(seen),
        ops_longest=depth.ops_longest(seen),
        weight_layers_applied=sum(role.weight_layers_in_all for role in seen.roles),
        reasons={},
        notes=seen.trace.notes,
    )


def _plain(value: int | Fraction | PathLengths | None) -> float | list[float] | None:
    if isinstance(value, PathLengths):
        return list(value.shares)
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return value
