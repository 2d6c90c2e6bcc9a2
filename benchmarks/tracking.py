"""Tracking: the share of a training's time that logging every step's loss takes.

A ratio of two trainings would drown 2 % in the machine's noise, so what tracking itself uses is
timed within one: the calls that the training makes, and the CPU time of the thread that writes.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from benchmarks.empty import empty_store
from benchmarks.measure import Spread, now, spread, table
from benchmarks.steps import SIZES, STEPS, Size
from benchmarks.stored import designed
from harness.course import History, Watch
from harness.keeper import Hooks
from harness.outbox import Outbox
from harness.rows import Owed
from harness.tracked import Run
from harness.tracking import Tracker
from harness.training import train

EVERY_STEP = Watch(log_every=1)


@dataclass(frozen=True, kw_only=True)
class Share:
    """Of one size: ms a step, points written, and tracking's part of the wall time."""

    step: Spread
    points: int
    share: Spread


@dataclass
class Meter:
    """Seconds spent in tracking: of the training's thread, and CPU time of the writer's."""

    called: float = 0.0
    wrote: float = 0.0
    points: int = 0


def shares(rounds: int, sizes: Mapping[str, Size] = SIZES) -> dict[str, Share]:
    """Train each size in `rounds`, after a warm-up, and return what tracking took."""
    torch.set_num_threads(1)
    _one(replace(next(iter(sizes.values())), epochs=1))
    found = {name: [_one(size) for _ in range(rounds)] for name, size in sizes.items()}
    return {name: _share(sizes[name], results) for name, results in found.items()}


def _share(size: Size, results: Sequence[tuple[float, Meter]]) -> Share:
    steps = size.epochs * STEPS
    return Share(
        step=spread([1000 * wall / steps for wall, _ in results]),
        points=results[0][1].points,
        share=spread([(meter.called + meter.wrote) / wall for wall, meter in results]),
    )


def _one(size: Size) -> tuple[float, Meter]:
    """Return the seconds of a training and what of them was tracking."""
    meter = Meter()
    with empty_store() as root:
        tracker = Tracker(root, designed(3))
        tracker.outbox = metered(tracker.outbox, meter)
        run = tracker.open(0, "run", {}, fresh=True)
        start = now()

        def saved(history: History) -> None:
            began = time.perf_counter()
            run.record(history)
            meter.called += time.perf_counter() - began

        outcome = train(
            size.recipe, directory=root / "run", watch=EVERY_STEP, hooks=Hooks(saved=saved)
        )
        _finish(run, tracker, outcome.history, meter)
        return (now() - start).wall, meter


def _finish(run: Run, tracker: Tracker, history: History, meter: Meter) -> None:
    began = time.perf_counter()
    run.finish("finished", "", history, {}, {})
    tracker.flush()
    meter.called += time.perf_counter() - began


def metered(outbox: Outbox, meter: Meter) -> Outbox:
    """Return an outbox that writes the same and notes what its thread uses."""
    write = outbox.write

    def timed(owed: Sequence[Owed]) -> None:
        began = time.thread_time()
        write(owed)
        meter.wrote += time.thread_time() - began
        meter.points += sum(len(one.metrics) for one in owed)

    return Outbox(timed)


def share_table(measured: Mapping[str, Share]) -> str:
    """Return the shares in percent."""
    head = ("MLP", "ms a step", "points", "tracking %")
    rows = [
        (name, each.step.written(), f"{each.points:,}", each.share.written(".2%"))
        for name, each in measured.items()
    ]
    return table("Tracking with a point for every optimizer step", head, rows)
