"""Sizing: the width that gives a model a wanted number of parameters."""

from dataclasses import fields, replace
from functools import lru_cache
from typing import Any, cast

import torch

from harness.anatomy.parameters import count
from harness.recipe import Data, Facts, Model
from harness.settings import UserError, require_range, require_whole


@lru_cache(maxsize=4096)
def count_parameters(model: Model, facts: Facts) -> int:
    """Return the unique trainable parameters of what `model` builds, without using memory for it.

    Raises UserError if the model cannot be built for these facts.
    """
    with torch.device("meta"):
        return count(model.build(facts)).trainable


def width_for(
    model: Model, data: Data, *, parameters: int, tolerance: float = 0.02, **settings: object
) -> int:
    """Return the width at which `model`, with `settings` changed, is nearest to `parameters`.

    `tolerance` is the largest relative difference accepted. Widths are counted on the meta device,
    by doubling and bisection, on the assumption that a wider model has more parameters:
    `width_for(MLP(), Digits(), parameters=8_000, depth=8)`. Of two equally near, the narrower.

    Raises UserError if the model has no `width`, a setting is unknown or out of its range, or no
    width comes near enough; the last names the nearest counts below and above.
    """
    require_whole("parameters", parameters)
    require_range("tolerance", tolerance, low=0)
    _require_fields(model, settings)
    shape = cast("Model", replace(cast("Any", model), **settings))
    facts = data.facts()
    bracket = _bracket(shape, facts, parameters)
    counts = {width: _count(shape, facts, width) for width in bracket}
    nearest = min(counts, key=lambda width: abs(counts[width] - parameters))
    if abs(counts[nearest] - parameters) > tolerance * parameters:
        raise _out_of_reach(shape, parameters, tolerance, counts)
    return nearest


def _count(model: Model, facts: Facts, width: int) -> int:
    return count_parameters(cast("Model", replace(cast("Any", model), width=width)), facts)


def _bracket(model: Model, facts: Facts, parameters: int) -> tuple[int, int]:
    """Return two neighbouring widths, counts below and not below `parameters`; or 1, 1."""
    low, high = 1, 1
    while _count(model, facts, high) < parameters:
        low, high = high, 2 * high
        if low > parameters:  # a unit of width has at least one parameter
            do = "use a model whose parameters grow with its width"
            raise UserError("model", got=model, allowed="count rising with width", do=do)
    while high - low > 1:
        middle = (low + high) // 2
        below = _count(model, facts, middle) < parameters
        low, high = (middle, high) if below else (low, middle)
    return low, high


def _require_fields(model: Model, settings: dict[str, object]) -> None:
    names = [field.name for field in fields(cast("Any", model))]
    if "width" not in names:
        what = f"model {type(model).__name__} has no width"
        do = "use a model with a width setting"
        raise UserError(what, got=names, allowed="a field called width", do=do)
    known = [name for name in names if name != "width"]
    if unknown := sorted(set(settings) - set(known)):
        what = f"settings of {type(model).__name__}"
        raise UserError(what, got=unknown, allowed=known, do="correct the name in the study file")


def _out_of_reach(
    model: Model, parameters: int, tolerance: float, counts: dict[int, int]
) -> UserError:
    below = [f"{n:,} at width {w}" for w, n in counts.items() if n < parameters]
    above = [f"{n:,} at width {w}" for w, n in counts.items() if n >= parameters]
    reach = f"nearest below: {''.join(below) or 'none'}; nearest above: {''.join(above)}"
    what = f"no width of {type(model).__name__} is within {tolerance:.2%} of the parameters"
    do = "choose one of those counts, raise tolerance, or change the model's other settings"
    return UserError(what, got=parameters, allowed=reach, do=do)
