"""Page: docs/depth.md, made from the definitions' own words and from networks described here."""

import inspect
import sys
from collections.abc import Callable, Iterable

import torch
from torch import nn

from harness.anatomy.depth import DEFINITIONS
from harness.anatomy.depths import Depths, depths
from harness.anatomy.known import KNOWN, video
from harness.anatomy.parameters import count

SHOWN = tuple(name for name in DEFINITIONS if name != "ops_longest")
IN_TABLE = (
    "weight_layers_longest",
    "weight_layers_shortest",
    "weight_layers_longest_with_pooling",
    "weight_layers_total",
    "parametric_layers_longest",
    "nonlinearities_longest",
    "blocks",
    "residual_path_lengths",
)
HEAD = """# Depth, by every definition

This page is made by `make docs`. Nothing in the harness is called just "depth": the fields do not
mean the same by it, and a comparison that mixes them measures the mixture. `harness describe`
shows all of them for any network, and every run logs them as `depth/…`.

A network runs once, in eval mode, on tensors without values, and every operator is written down
with the operators that its operands come from, through views, writes in place, concatenation and
computed parameters. The definitions are paths in that graph, so that they do not depend on how a
network is written: modules or functions, `nn.Linear` or `einsum`. What cannot be followed has no
depth, but a reason.
"""
FROM_THE_INPUTS = """A path begins at an input and ends at an output. Masks and indices choose what
flows and are no path; indices into a learned table are. What a network computes from its parameters
alone, positions for instance, is no path either, but its layers are in the total. `ops_longest`
depends on torch's version, and is no number to compare.
"""
T = 6
"""Time steps of the example."""


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join([HEAD, _definitions(), FROM_THE_INPUTS, _example(), _known()])


def _definitions() -> str:
    rows = ((f"`{name}`", _words(definition)) for name, definition in DEFINITIONS.items())
    return "## The definitions\n\n" + _table(("name", "definition and source"), rows)


def _words(definition: Callable[..., object]) -> str:
    return " ".join((inspect.getdoc(definition) or "").split())


def _example() -> str:
    with torch.device("meta"):
        found = depths(video.Video(), torch.zeros(1, T, 3, 16, 16)).shown()
    words = (inspect.getdoc(video.Video) or "").strip()
    code = inspect.getsource(video.Video.forward)
    rows = ((f"`{name}`", found[name]) for name in SHOWN)
    intro = f"## One network on which they differ\n\n{words} Of {T} frames:\n"
    return "\n".join([intro, _table(("name", "value"), rows), f"```python\n{code}```\n"])


def _known() -> str:
    rows = []
    for name, known in KNOWN.items():
        with torch.device("meta"):
            network, example = known.build(), known.example()
        rows.append((name, *_row(network, depths(network, example))))
    head = ("network", "parameters", *(f"`{name}`" for name in IN_TABLE))
    intro = (
        "## Networks of the literature\n\nResNet-…-A and -B and plain-… are those for CIFAR-10. "
        "`harness describe ResNet-50 VGG-16` compares them with your own.\n"
    )
    return "\n".join([intro, _table(head, rows)])


def _row(network: nn.Module, found: Depths) -> tuple[str, ...]:
    shown = found.shown()
    return f"{count(network).total:,}", *(shown[name] for name in IN_TABLE)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(head)
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(page())
