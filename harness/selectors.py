"""Selectors: parameters by a short text, such as `head`, `blocks[-2:]` or `kind:norm`.

| selector | parameters |
| --- | --- |
| `all` | every one |
| `head` · `stem` · `tail` | the last layer; what comes before the blocks; what comes after |
| `blocks` · `blocks[0]` · `blocks[-2:]` | of all blocks, of one, of a slice, as in Python |
| `kind:norm` | of layers of that kind: linear, conv, norm, embedding, recurrent, attention |
| `bias` | every bias |
| `adapter` | what an adapter added |
| `name:encoder.*.query` | whose names begin so; a `*` stands for one or more whole segments, and
  within a segment for any characters |
"""

import re
from collections.abc import Callable, Sequence

from harness.outline import KINDS, Entry, Outline
from harness.settings import UserError

PLACES = ("head", "stem", "tail", "adapter")
INDEX = re.compile(r"blocks\[\s*(-?\d+)?\s*(:)?\s*(-?\d+)?\s*\]")
Test = Callable[[Entry], bool]


def select(outline: Outline, selector: str) -> list[Entry]:
    """Return the entries that a selector means, perhaps none; raise UserError if it is none."""
    matches = _test(outline, selector)
    return [entry for entry in outline.entries if matches(entry)]


def require_some(outline: Outline, selector: str) -> None:
    """Raise UserError, naming what there is, if the selector finds nothing."""
    if not select(outline, selector):
        raise UserError("selector", got=selector, allowed=_existing(outline), do="choose from it")


def _test(outline: Outline, selector: str) -> Test:
    prefix, _, rest = selector.partition(":")
    if selector == "all":
        return lambda entry: entry is not None
    if selector in PLACES:
        return lambda entry: entry.place == selector
    if selector == "bias":
        return lambda entry: _is_bias(entry.name)
    if prefix == "kind" and rest in KINDS:
        return lambda entry: entry.kind == rest
    if prefix == "name" and rest:
        pattern = _pattern(rest)
        return lambda entry: pattern.match(entry.name) is not None
    numbers = _blocks(outline, selector)
    return lambda entry: entry.block in numbers


def _blocks(outline: Outline, selector: str) -> Sequence[int]:
    every = range(len(outline.blocks))
    if selector == "blocks":
        return every
    match = INDEX.fullmatch(selector)
    if match is None or not any(match.groups()):
        allowed = "all, head, stem, tail, blocks, blocks[i], blocks[i:j], bias, adapter, "
        allowed += "name:…, " + ", ".join(f"kind:{kind}" for kind in KINDS)
        raise UserError("selector", got=selector, allowed=allowed, do="correct it")
    low, colon, high = match.groups()
    if colon:
        return every[int(low) if low else None : int(high) if high else None]
    index = int(low)
    return [every[index]] if -len(every) <= index < len(every) else []


def _is_bias(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last == "bias" or last.startswith("bias_") or last.endswith("_bias")


def _pattern(text: str) -> re.Pattern[str]:
    """Return the pattern of a name or of a beginning of it, in whole segments."""
    segments = [
        r"[^.]+(\.[^.]+)*" if part == "*" else re.escape(part).replace(r"\*", "[^.]*")
        for part in text.split(".")
    ]
    return re.compile(r"\.".join(segments) + r"(\.|$)")


def _existing(outline: Outline) -> str:
    """Say what there is in a network, and how it is selected."""
    places = [p for p in PLACES if any(entry.place == p for entry in outline.entries)]
    kinds = sorted({f"kind:{e.kind}" for e in outline.entries if e.kind in KINDS})
    biases = ["bias"] if any(_is_bias(entry.name) for entry in outline.entries) else []
    blocks = [f"blocks[0:{len(outline.blocks)}] ({', '.join(outline.blocks)})"]
    return ", ".join(["all", *places, *(blocks if outline.blocks else []), *kinds, *biases])
