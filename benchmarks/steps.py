"""Steps: what `harness.training.train` adds to an optimizer step, at three sizes of MLP."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import torch

from benchmarks.bare import train_bare
from benchmarks.measure import Clock, Spread, interleaved, now, ratios, spread, table
from harness.course import Watch
from harness.data.batches import Split
from harness.data.content import Content
from harness.data.in_memory import Sizes
from harness.data.table import Table
from harness.fresh import network_of
from harness.keeper import Hooks
from harness.models.mlp import MLP
from harness.recipe import Recipe
from harness.strategies.full import Full
from harness.tasks.classify import Classify
from harness.training import train

EXAMPLES, HELD_OUT, BATCH, RATE, SEED = 4096, 512, 64, 1e-3, 0
STEPS = EXAMPLES // BATCH


@dataclass(frozen=True, kw_only=True)
class Noise(Table):
    """Random numbers with random classes: 64 optimizer steps an epoch that learn nothing."""

    sizes: ClassVar[Sizes] = Sizes(
        inputs=(64,), outputs=10, development=EXAMPLES + HELD_OUT, test=10, validation=HELD_OUT
    )

    def load(self) -> Content:
        """Return the same numbers every time."""
        return _content()


@lru_cache(maxsize=1)
def _content() -> Content:
    generator = torch.Generator().manual_seed(SEED)
    size = EXAMPLES + HELD_OUT
    inputs = torch.randn(size, 64, generator=generator)
    targets = torch.arange(size) % 10
    return Content(Split(inputs, targets), Split(inputs[:10], targets[:10]))


@dataclass(frozen=True, kw_only=True)
class Size:
    """A model, and epochs enough to see its steps past the first epoch."""

    model: MLP
    epochs: int

    @property
    def recipe(self) -> Recipe:
        """The recipe that both loops train."""
        return Recipe(
            model=self.model,
            data=Noise(),
            task=Classify(),
            strategy=Full(),
            lr=RATE,
            epochs=self.epochs,
            batch_size=BATCH,
            seed=SEED,
        )


SIZES = {
    "small": Size(model=MLP(depth=2, width=64), epochs=9),
    "medium": Size(model=MLP(depth=3, width=384), epochs=5),
    "large": Size(model=MLP(depth=4, width=768), epochs=4),
}


@dataclass(frozen=True, kw_only=True)
class Timed:
    """One training: ms per step after the first epoch, on the wall and of CPU, and all its ms.

    Every epoch's evaluation, and whatever checkpoint falls due, is in the steps' time.
    """

    step: float
    cpu: float
    whole: float


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """Both loops at one size: ms per step, harness over bare, and the harness's ms outside steps.

    `cpu_ratio` is the ratio of CPU times, which other programs on the machine disturb least.
    """

    parameters: int
    bare: Spread
    harness: Spread
    ratio: Spread
    cpu_ratio: Spread
    fixed: Spread


def overheads(repeats: int, sizes: Mapping[str, Size] = SIZES) -> dict[str, Overhead]:
    """Time both loops at every size, interleaved, on one thread as the harness's workers do."""
    torch.set_num_threads(1)
    loops: dict[str, Callable[[Size, int], Timed]] = {"bare": _bare, "harness": _harness}
    both = [(loop, name) for name in sizes for loop in loops]
    warm = {f"{loop} {n}": partial(loops[loop], replace(sizes[n], epochs=2)) for loop, n in both}
    interleaved(warm, 1)
    timed = interleaved(
        {f"{loop} {n}": partial(loops[loop], sizes[n]) for loop, n in both}, repeats
    )
    return {
        name: _overhead(size, timed[f"bare {name}"], timed[f"harness {name}"])
        for name, size in sizes.items()
    }


def _overhead(size: Size, bare: list[Timed], harness: list[Timed]) -> Overhead:
    steps = size.epochs * STEPS
    return Overhead(
        parameters=sum(p.numel() for p in network_of(size.recipe).parameters()),
        bare=spread([timed.step for timed in bare]),
        harness=spread([timed.step for timed in harness]),
        ratio=ratios([timed.step for timed in harness], [timed.step for timed in bare]),
        cpu_ratio=ratios([timed.cpu for timed in harness], [timed.cpu for timed in bare]),
        fixed=spread([timed.whole - timed.step * steps for timed in harness]),
    )


def _bare(size: Size, _round: int) -> Timed:
    parts = Noise().build(seed=SEED, batch_size=BATCH).splits
    start = now()
    trained = train_bare(
        network_of(size.recipe),
        parts,
        lr=RATE,
        weight_decay=0.0,
        epochs=size.epochs,
        batch=BATCH,
    )
    return _timed(trained.ends, now() - start)


def _harness(size: Size, _round: int) -> Timed:
    ends: list[Clock] = []

    def stamp(_epoch: int, _value: float) -> bool:
        ends.append(now())
        return False

    with TemporaryDirectory() as directory:
        start = now()
        train(size.recipe, directory=Path(directory), watch=Watch(), hooks=Hooks(prune=stamp))
        return _timed(ends, now() - start)


def _timed(ends: list[Clock], whole: Clock) -> Timed:
    steps = (len(ends) - 1) * STEPS
    spent = ends[-1] - ends[0]
    return Timed(
        step=1000 * spent.wall / steps, cpu=1000 * spent.cpu / steps, whole=1000 * whole.wall
    )


def step_table(measured: Mapping[str, Overhead]) -> str:
    """Return milliseconds per optimizer step of both loops, and what a training costs besides."""
    head = ("MLP", "parameters", "bare ms", "harness ms", "ratio", "of CPU", "fixed ms")
    rows = [
        (
            name,
            f"{overhead.parameters:,}",
            f"{overhead.bare.median:.2f}",
            f"{overhead.harness.median:.2f}",
            overhead.ratio.written(),
            f"{overhead.cpu_ratio.median:.2f}",
            f"{overhead.fixed.median:.0f}",
        )
        for name, overhead in measured.items()
    ]
    title = "One optimizer step with its share of evaluation, and in the harness of checkpoints"
    return table(title, head, rows)
