"""Sizing: the width that gives a model a wanted number of parameters."""

from collections.abc import Callable
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any, Literal, cast, get_args

import torch
from torch import nn

from harness.anatomy.parameters import unique_parameters
from harness.recipe import Data, Facts, Model
from harness.settings import UserError, require_choice, require_range, require_whole

Counted = Literal["trainable", "non_embedding"]


@lru_cache(maxsize=4096)
def count_parameters(model: Model, facts: Facts, of: Counted = "trainable") -> int:
    """Return the unique trainable parameters of what `model` builds, without using memory for it.

    `non_embedding` leaves out those of embeddings of tokens and places, and so a head tied to one
    (Kaplan 2020, arXiv:2001.08361, §2.1).

    Raises UserError if the model cannot be built for these facts.
    """
    with torch.device("meta"):
        network = model.build(facts)
    return sum(
        parameter.numel()
        for owner, parameter in unique_parameters(network)
        if parameter.requires_grad
        and not (of == "non_embedding" and isinstance(owner, nn.Embedding))
    )


def width_for(
    model: Model,
    data: Data,
    *,
    parameters: int,
    of: Counted = "trainable",
    tolerance: float = 0.02,
    **settings: object,
) -> int:
    """Return the width at which `model`, with `settings` changed, is nearest to `parameters`.

    `of` says which parameters count. `tolerance` is the largest relative difference accepted.
    Widths are counted on the meta device, by doubling and bisection, on the assumption that a wider
    model has more parameters: `width_for(MLP(), Digits(), parameters=8_000, depth=8)`. Of two
    equally near, the narrower.

    Raises UserError if the model has no `width`, a setting is unknown or out of its range, or no
    width comes near enough; the last names the nearest counts below and above.
    """
    require_whole("parameters", parameters)
    require_range("tolerance", tolerance, low=0)
    require_choice("of", of, get_args(Counted))
    _require_fields(model, settings)
    shape = cast("Model", replace(cast("Any", model), **settings))
    facts = data.facts()

    def count(width: int) -> int:
        return count_parameters(cast("Model", replace(cast("Any", shape), width=width)), facts, of)

    bracket = _bracket(shape, count, parameters)
    counts = {width: count(width) for width in bracket}
    nearest = min(counts, key=lambda width: abs(counts[width] - parameters))
    if abs(counts[nearest] - parameters) > tolerance * parameters:
        raise _out_of_reach(shape, parameters, tolerance, counts)
    return nearest


def _bracket(model: Model, count: Callable[[int], int], parameters: int) -> tuple[int, int]:
    """Return two neighbouring widths, counts below and not below `parameters`; or 1, 1."""
    low, high = 1, 1
    while count(high) < parameters:
        low, high = high, 2 * high
        if low > parameters:  # a unit of width has at least one parameter
            do = "use a model whose parameters grow with its width"
            raise UserError("model", got=model, allowed="count rising with width", do=do)
    while high - low > 1:
        middle = (low + high) // 2
        below = count(middle) < parameters
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
