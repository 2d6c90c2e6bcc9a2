"""Layers: what runs in a network, in order, with shapes, parameters, work and memory."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from torch import nn

from harness.anatomy.formulas import expected
from harness.anatomy.ledger import Row
from harness.anatomy.parameters import Owned, is_whole, kind, layer_of
from harness.anatomy.step import Step


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One row of a network's table: a leaf module, or one that holds or does something itself."""

    name: str
    """The module's path in the network; empty for the network itself."""
    type: str
    """What kind of layer it counts as, e.g. "Linear" for every subclass of nn.Linear."""
    output_shape: tuple[int, ...] | None
    """Of the (first) output tensor of the first call, batch included; None if it never ran."""
    parameters: int
    """Held by this module itself and by no other row."""
    trainable: int
    """How many of `parameters` require a gradient."""
    share: float
    """Of the network's parameters, from 0 to 1."""
    forward_flops: int
    """Of the example, over all calls."""
    backward_flops: int
    saved_bytes: int
    """Activations of the batch kept for the backward pass and by no row above."""
    calls: int
    method: Literal["formula", "counter", "none", "not counted"]
    """How the FLOPs were found: by the formula of the type, which the counter confirms; by torch's
    counter on the operators that ran, as the type has no formula; none, as nothing multiplied; not
    at all, as an operator ran that nobody can count."""


def layers(
    network: nn.Module, tensors: Iterable[Owned], step: Step, batches: Fraction
) -> tuple[Layer, ...]:
    """Return one row per layer in the order in which they first finish; those that never ran last.

    A tied tensor counts in the row of the layer that `parameters.owned` gives it to. The example is
    so many of the step's `batches`.
    """
    held: dict[str, list[nn.Parameter]] = {}
    for each in tensors:
        held.setdefault(each.layer, []).append(each.parameter)
    total = sum(each.numel() for own in held.values() for each in own)
    modules = dict(network.named_modules())
    inside = {name for name in modules if name and is_whole(modules[name.rpartition(".")[0]])}
    names = [name for name in dict.fromkeys([*step.rows, *modules]) if layer_of(name) == name]
    rows = [
        _layer(name, modules[name], held.get(name, []), step.rows.get(name, Row()))
        for name in names
        if name not in inside and _is_row(modules[name], held.get(name), step.rows.get(name))
    ]
    return tuple(
        replace(
            row,
            share=row.parameters / total if total else 0.0,
            forward_flops=int(batches * row.forward_flops),
            backward_flops=int(batches * row.backward_flops),
        )
        for row in rows
    )


def without_formula(network: nn.Module, rows: Iterable[Layer]) -> tuple[str, ...]:
    """Return a sentence for each type whose parameters no formula confirms."""
    said: dict[str, None] = {}
    for row in rows:
        module = network.get_submodule(row.name)
        wanted = expected(module)
        held = sum(each.numel() for each in module.parameters())
        if wanted is None and row.parameters:
            said[f"parameters of {row.type}: no formula, counted from its tensors"] = None
        elif wanted is not None and wanted != held:
            said[f"{row.name or row.type}: {held:,} parameters, by formula {wanted:,}"] = None
    return tuple(said)


def _is_row(module: nn.Module, held: list[nn.Parameter] | None, row: Row | None) -> bool:
    leaf = next(module.children(), None) is None or is_whole(module)
    return (
        (leaf and not _is_list(module))
        or bool(held)
        or (row is not None and bool(row.forward or row.saved))
    )


def _is_list(module: nn.Module) -> bool:
    """Return whether a module only holds others: it never runs."""
    lists = nn.ModuleList | nn.ModuleDict | nn.ParameterList | nn.ParameterDict
    return isinstance(module, lists)


def _layer(name: str, module: nn.Module, own: list[nn.Parameter], row: Row) -> Layer:
    numbers = sum(each.numel() for each in own)
    return Layer(
        name=name,
        type=kind(module),
        output_shape=row.output_shape,
        parameters=numbers,
        trainable=sum(each.numel() for each in own if each.requires_grad),
        share=0.0,
        forward_flops=row.forward or row.formula or 0,
        backward_flops=row.backward,
        saved_bytes=row.saved,
        calls=row.calls,
        method=_method(row),
    )


def _method(row: Row) -> Literal["formula", "counter", "none", "not counted"]:
    if row.formula and row.formula == (row.forward or row.formula):
        return "formula"
    if row.uncounted:
        return "not counted"
    return "counter" if row.forward else "none"
