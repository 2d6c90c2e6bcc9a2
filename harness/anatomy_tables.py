"""Anatomy in the terminal: layers, types, depths and memory, of one network or side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.anatomy.describe import Anatomy
from harness.anatomy.layers import Layer
from harness.anatomy.signal import Signal

FIRST, LAST = 20, 8
"""Rows of a longer network that are shown at its beginning and its end."""
TYPE_COLUMNS = ("layers", "parameters", "share", "trainable", "FLOPs", "backward", "saved")
COUNTS = ("total", "trainable", "frozen", "embedding", "non_embedding", "head", "applied")
WIDE = 110
"""Columns of a terminal from which on all columns of the table have room."""


def show(found: Mapping[str, Anatomy], console: Console, *, all_layers: bool = False) -> None:
    """Print one network in full, or several side by side."""
    if len(found) == 1:
        for name, anatomy in found.items():
            _show_one(name, anatomy, console, all_layers=all_layers)
    else:
        console.print(_side_by_side(found))
    for name, anatomy in found.items():
        for note in anatomy.notes:
            console.print(Text(f"note on {name}: {note}"))


def short(number: float | None) -> str:
    """Return a count in at most five characters: 12, 4,547, 693k, 124M, 3.14T; – for None."""
    if number is None:
        return "–"
    if abs(number) < 10_000:
        return f"{number:,.0f}" if number == int(number) else f"{number:.3g}"
    for size, letter in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= 0.9995 * size:
            scaled = number / size
            return f"{scaled:.0f}{letter}" if abs(scaled) >= 99.95 else f"{scaled:.3g}{letter}"
    raise AssertionError(number)


def bytes_(number: int | None) -> str:
    """Return a size in units of 1,000: 35.9 kB, 1.2 GB; – for None."""
    if number is None:
        return "–"
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * size:
            return f"{number / size:.3g} {letter}B"
    return f"{number} B"


def show_signal(
    name: str, rows: Sequence[Signal], console: Console, *, all_layers: bool = False
) -> None:
    """Print activations and gradients by layer, and how gradients change on the way back."""
    console.print()
    console.print(Text(f"signal at initialisation of {name}", style="bold"))
    table = Table(box=None, pad_edge=False)
    for column in ("layer", "type", "mean square", "variance", "gradient norm"):
        words = column in ("layer", "type")
        table.add_column(column, justify="left" if words else "right", no_wrap=True)
    shown: list[Signal | None] = list(rows)
    if not all_layers and len(rows) > FIRST + LAST:
        shown = [*rows[:FIRST], None, *rows[-LAST:]]
    for row in shown:
        if row is None:
            table.add_row("…")
            continue
        norm = "" if row.gradient_norm is None else f"{row.gradient_norm:.3g}"
        numbers = (f"{row.mean_square:.3g}", f"{row.variance:.3g}", norm)
        table.add_row(Text(row.name or "(itself)"), Text(row.type), *numbers)
    console.print(table)
    norms = [row.gradient_norm for row in rows if row.gradient_norm is not None]
    if len(norms) > 1 and norms[-1]:
        times = f"{norms[0] / norms[-1]:.2g}"
        said = f"gradient norm of the first layer that trains, over that of the last: {times}"
        console.print(said, highlight=False)


def _show_one(name: str, anatomy: Anatomy, console: Console, *, all_layers: bool) -> None:
    console.print(Text(name, style="bold"))
    console.print(_layer_table(anatomy, wide=console.width >= WIDE, all_layers=all_layers))
    cut = len(anatomy.layers) - FIRST - LAST
    if cut > 0 and not all_layers:
        console.print(f"{cut} of {len(anatomy.layers)} layers are not shown: say --all")
    console.print()
    console.print(_type_table(anatomy))
    for title, rows in _facts(anatomy).items():
        console.print()
        console.print(Text(title, style="bold"))
        console.print(_two_columns(rows))


def _layer_table(anatomy: Anatomy, *, wide: bool, all_layers: bool) -> Table:
    frozen = anatomy.counts.frozen > 0
    numbers = ["parameters", *(["trainable"] if frozen or wide else []), "share", "FLOPs"]
    numbers += ["backward"] if wide else []
    rows: list[Layer | None] = list(anatomy.layers)
    if not all_layers and len(rows) > FIRST + LAST:
        rows = [*rows[:FIRST], None, *rows[-LAST:]]
    cells = [_cells(row, numbers) if row else ["…"] for row in rows]
    table = Table(box=None, pad_edge=False)
    for column in ("layer", "type", "output shape"):
        table.add_column(column, overflow="ellipsis", no_wrap=True)
    for place, column in enumerate((*numbers, "saved"), start=3):
        longest = max(len(row[place]) for row in cells if len(row) > place)
        width = max(len(column), longest)
        table.add_column(column, justify="right", no_wrap=True, min_width=width)
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def _cells(row: Layer, numbers: list[str]) -> list[str]:
    shape = "×".join(map(str, row.output_shape)) if row.output_shape is not None else "never ran"
    values = {
        "parameters": _count(row.parameters),
        "trainable": _count(row.trainable),
        "share": f"{row.share:.1%}" if row.parameters else "",
        "FLOPs": "?" if row.method == "not counted" else _nonzero(row.forward_flops),
        "backward": _nonzero(row.backward_flops),
    }
    cells = [row.name or "(itself)", row.type, shape, *(values[name] for name in numbers)]
    return [*cells, bytes_(row.saved_bytes) if row.saved_bytes else ""]


def _type_table(anatomy: Anatomy) -> Table:
    frame = anatomy.to_frame()
    columns = ["parameters", "trainable", "forward_flops", "backward_flops", "saved_bytes"]
    by_type = frame.groupby("type", sort=False)[columns].sum()
    by_type.insert(0, "layers", frame.groupby("type", sort=False).size())
    by_type.loc["all"] = by_type.sum()
    table = Table(box=None, pad_edge=False)
    for column in ("type", *TYPE_COLUMNS):
        table.add_column(column, justify="left" if column == "type" else "right", no_wrap=True)
    total = max(1, anatomy.counts.total)
    for kind, row in by_type.iterrows():
        values: dict[str, Any] = {str(key): int(value) for key, value in row.items()}
        table.add_row(
            Text(str(kind)),
            f"{values['layers']:,}",
            f"{values['parameters']:,}" if values["parameters"] else "",
            f"{values['parameters'] / total:.1%}" if values["parameters"] else "",
            _count(values["trainable"]),
            _nonzero(values["forward_flops"]),
            _nonzero(values["backward_flops"]),
            bytes_(values["saved_bytes"]) if values["saved_bytes"] else "",
        )
    return table


def _facts(anatomy: Anatomy) -> dict[str, dict[str, str]]:
    """Return titled blocks of named values."""
    counts, flops, memory = anatomy.counts, anatomy.flops, anatomy.memory
    examples = "one example" if flops.examples == 1 else f"{flops.examples} examples"
    batch = f"batch of {memory.batch_size:,}, {memory.optimizer}, {memory.precision}"
    known = asdict(counts) | {k: v for k, v in asdict(anatomy.uses).items() if v is not None}
    shared = {" = ".join(names): "tied" for names in counts.shared}
    return {
        "parameters": {name: f"{known[name]:,}" for name in COUNTS if name in known} | shared,
        "depth": anatomy.depth.shown(),
        f"FLOPs of {examples}": _plain(asdict(flops)),
        f"memory of a training step ({batch})": {
            "weights": bytes_(memory.weights),
            "gradients": bytes_(memory.gradients),
            "optimizer state": bytes_(memory.optimizer_state),
            "saved activations": bytes_(memory.activations),
            "… checkpointed": bytes_(memory.activations_checkpointed),
            "peak (estimate)": bytes_(memory.peak),
            "… checkpointed ": bytes_(memory.peak_checkpointed),
        },
    }


def _plain(values: Mapping[str, int | None]) -> dict[str, str]:
    """Return all that is known but the number of examples, which is in the title."""
    known = {name: value for name, value in values.items() if value is not None}
    return {k.replace("_", " "): short(v) for k, v in known.items() if k != "examples"}


def _two_columns(rows: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, overflow="ellipsis")
    table.add_column(justify="right", no_wrap=True)
    for name, value in rows.items():
        if value != "–":
            table.add_row(Text(name), Text(value))
    return table


def _side_by_side(found: Mapping[str, Anatomy]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in found:
        table.add_column(Text(name), justify="right", overflow="fold")
    blocks = {name: _facts(anatomy) for name, anatomy in found.items()}
    types = {name: anatomy.counts.by_type for name, anatomy in found.items()}
    for position, title in enumerate(next(iter(blocks.values()))):
        parts = [list(block.values())[position] for block in blocks.values()]
        table.add_row(Text(title.partition(" (")[0], style="bold"))
        for row in dict.fromkeys(key for part in parts for key in part):
            table.add_row(Text(f"  {row}"), *(part.get(row, "–") for part in parts))
    table.add_row(Text("parameters by type", style="bold"))
    for kind in dict.fromkeys(key for each in types.values() for key in each):
        values = (each.get(kind) for each in types.values())
        cells = ("–" if value is None else f"{value:,}" for value in values)
        table.add_row(Text(f"  {kind}"), *cells)
    return table


def _count(number: int) -> str:
    return f"{number:,}" if 0 < number < 10_000_000 else _nonzero(number)


def _nonzero(number: int) -> str:
    return short(number) if number else ""
