"""Described: what networks are, as tables in the terminal, as CSV, as JSON and as a picture."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd
from rich.console import Console

from harness import anatomy_tables as tables
from harness.anatomy.describe import Anatomy, describe
from harness.anatomy.given import Given
from harness.anatomy.memory import largest_batch
from harness.anatomy.signal import signal
from harness.plots import layer_bars
from harness.settings import UserError
from harness.subjects import Subject, file_subject, model_subject, settings_of

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
UNITS |= {f"{letter}I": 1024**power for power, letter in enumerate("KMGT", start=1)}
BATCH = 64
"""Examples in a batch where none are given, as a recipe's default."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to describe, for which training, and how to show it."""

    names: Sequence[str]
    settings: Mapping[str, str]
    data: str
    batch_size: int | None
    optimizer: str
    precision: str
    memory: str
    all_layers: bool
    csv: str
    json: bool
    picture: str
    signal: bool


def describe_all(request: Request, console: Console) -> None:
    """Describe every network of the request and show them as it asks.

    Raises UserError for an unknown name, setting, optimizer, precision or size, for a network that
    its example does not fit, and for more than one network where one file is to be written.
    """
    if len(request.names) > 1 and (request.csv or request.picture):
        do = "describe one at a time"
        raise UserError("networks", got=len(request.names), allowed="one for a file", do=do)
    limit = size_of(request.memory) if request.memory else None
    _require_used(request)
    found = {}
    for subject in (_subject(name, request) for name in request.names):
        network, anatomy = _described(subject, request)
        found[network.name] = anatomy
        if limit is not None and not (request.json or request.csv == "-"):
            largest = _largest(network, request, limit)
            console.print(f"{network.name}: {largest}", highlight=False)
    if request.json:
        whole = [{"name": name, **anatomy.to_dict()} for name, anatomy in found.items()]
        _write(json.dumps(whole[0] if len(whole) == 1 else whole, indent=1))
        return
    for name, anatomy in found.items():
        _write_files(name, anatomy, request)
    if request.csv != "-":
        tables.show(found, console, all_layers=request.all_layers)
    if request.signal:
        _show_signal(request, console)


def size_of(text: str) -> int:
    """Return the bytes of "8GB", "512 MiB" or "1.5e9"; raise UserError for another text."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(E\d+)? *([KMGT]I?)?B?", text.strip().upper())
    if match is None:
        allowed = "a size as 8GB, 512MiB or 2e9"
        raise UserError("--memory", got=text, allowed=allowed, do="correct it")
    number, power, unit = match.groups(default="")
    return int(float(number + power) * UNITS[unit])


def _subject(name: str, request: Request, device: str = "meta") -> Subject:
    if ":" in name or name.endswith(".py"):
        return file_subject(name if ":" in name else f"{name}:build", device=device)
    known = settings_of(name)
    one = len(request.names) == 1
    given = {k: v for k, v in request.settings.items() if one or k in known}
    return model_subject(name, given, request.data, device=device)


def _require_used(request: Request) -> None:
    """Refuse a setting that none of several models has, or that a file's network cannot have."""
    models = [name for name in request.names if ":" not in name and not name.endswith(".py")]
    known = {field for name in models for field in settings_of(name)}
    if models == list(request.names) and len(models) == 1:
        return
    if unknown := sorted(set(request.settings) - known):
        got = ", ".join(f"--{name.replace('_', '-')}" for name in unknown)
        allowed = ", ".join(sorted(known)) or "none: a file's builder takes no settings"
        raise UserError("setting", got=got, allowed=allowed, do="leave it out")


def _described(subject: Subject, request: Request) -> tuple[Subject, Anatomy]:
    """Return the anatomy, of the network off the meta device where it cannot run on it."""
    try:
        return subject, _anatomy(subject, request, request.batch_size)
    except UserError:
        if subject.place is None:
            raise
        real = file_subject(subject.place, device="cpu")
        return real, _anatomy(real, request, request.batch_size)


def _anatomy(subject: Subject, request: Request, size: int | None) -> Anatomy:
    return describe(
        subject.network,
        subject.example,
        optimizer=request.optimizer,
        precision=request.precision,
        batch_size=size or (BATCH if subject.place is None else None),
    )


def _largest(subject: Subject, request: Request, limit: int) -> str:
    largest = largest_batch(limit, lambda size: _anatomy(subject, request, size).memory.peak)
    if not largest:
        return f"not even one example fits {request.memory}"
    return f"the largest batch that fits {request.memory} is {largest:,}"


def _show_signal(request: Request, console: Console) -> None:
    """Show activations and gradients of the networks as they are initialised with the seed 0."""
    for name in request.names:
        real = _subject(name, request, device="cpu")
        given = Given.of(real.example)
        own = given.examples if real.place else BATCH
        rows = signal(real.network, given.batch(request.batch_size or own))
        tables.show_signal(real.name, rows, console, all_layers=request.all_layers)


def _write_files(name: str, anatomy: Anatomy, request: Request) -> None:
    frame = anatomy.to_frame()
    if request.csv == "-":
        _write(frame.to_csv(index=False), end="")
    elif request.csv:
        _save(request.csv, frame.to_csv(index=False).encode())
    if request.picture:
        _save(request.picture, _picture(name, frame, request.picture))


def _picture(name: str, frame: pd.DataFrame, path: str) -> bytes:
    drawn = layer_bars.draw(layer_bars.numbers(frame), name)
    if path.endswith(".svg"):
        return drawn
    if path.endswith(".html"):
        head = f'<!doctype html><meta charset="utf-8"><title>{escape(name)}</title>'
        return head.encode() + drawn
    raise UserError("--picture", got=path, allowed="FILE.svg or FILE.html", do="name it so")


def _save(path: str, content: bytes) -> None:
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        allowed, do = "a file that can be written", "choose another place"
        raise UserError(path, got=error.strerror, allowed=allowed, do=do) from error


def _write(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
