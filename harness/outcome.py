"""Outcome: what a training came to, and what it took."""

import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytorch_lightning as lightning
import torch
from torch import Tensor, nn

from harness.course import Course, History
from harness.evaluation import Evaluated, outputs_on, prefixed, score
from harness.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a training came to.

    `best` holds the metrics of the epoch whose weights were kept, `test` those weights' metrics on
    the test set (empty if it was not touched), `output` and `target` their validation outputs.
    """

    status: str
    reason: str
    history: History
    best_epoch: int
    best: Mapping[str, float]
    test: Mapping[str, float]
    weights: Mapping[str, Tensor]
    costs: Mapping[str, float]
    micro_batches: int
    pruned_at: int | None = None
    """The epoch after which it was pruned, if it was; if audited it went on to its end."""
    base: str = ""
    """The sha256 of the weights that it started from, or ""."""
    output: Tensor | None = field(default=None, repr=False)
    target: Tensor | None = field(default=None, repr=False)
    tested: Tensor | None = field(default=None, repr=False)
    """Outputs on the test set, and its targets, where it was touched."""
    test_target: Tensor | None = field(default=None, repr=False)


def outcome_of(
    recipe: Recipe,
    network: nn.Module,
    data: lightning.LightningDataModule,
    course: Course,
    *,
    weights: Mapping[str, Tensor],
    share: float | None = None,
    wall: float,
    cpu: float,
    memory: Mapping[str, float] | None = None,
    micro_batches: int,
    base: str,
    seen: Evaluated | None,
    test: bool,
) -> Outcome:
    """Evaluate the best weights, loaded into `network`, and return what the course came to.

    `seen` is what evaluating them on validation gave, if it is known. The test set is touched only
    if `test` and the training finished. Without weights, as in a training that diverged in its
    first epoch, nothing is evaluated. With a `share` they are no epoch's, but lie between the best
    epoch's and the start's. `memory` holds what was measured of it, if anything was.
    """
    found = _Evaluation()
    if weights:
        network.load_state_dict(dict(weights))
        found = _evaluate(recipe, network, data, course, share, seen, test=test)
    return Outcome(
        status=course.status,
        reason="; ".join(filter(None, (course.reason, found.remark))),
        history=course.history,
        best_epoch=course.best_epoch,
        best=found.best,
        test=found.test,
        weights=weights,
        costs={**_costs(wall, cpu), **(memory or {})},
        micro_batches=micro_batches,
        pruned_at=course.pruned_at,
        base=base,
        output=found.output,
        target=found.target,
        tested=found.tested,
        test_target=found.test_target,
    )


@dataclass(frozen=True, kw_only=True)
class _Evaluation:
    """What the best weights score; nothing where there are none."""

    best: Mapping[str, float] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)
    output: Tensor | None = None
    target: Tensor | None = None
    tested: Tensor | None = None
    test_target: Tensor | None = None
    remark: str = ""


def _evaluate(
    recipe: Recipe,
    network: nn.Module,
    data: lightning.LightningDataModule,
    course: Course,
    share: float | None,
    seen: Evaluated | None,
    *,
    test: bool,
) -> _Evaluation:
    task, metrics = recipe.task, recipe.task.metrics(recipe.data.facts())
    output, batch = seen or outputs_on(network, data.val_dataloader(), task)
    epoch = course.history[course.best_epoch]
    best = {"train/loss": epoch["train/loss"]}
    values = score(output, batch, task, metrics)
    best |= prefixed("val", values)
    if share is None:
        best |= {name: value for name, value in epoch.items() if name.startswith("val/")}
    else:
        best["interpolation/share"] = share
    scores: dict[str, float] = {}
    tested = test_target = None
    if test and course.status == "finished":
        tested, examples = outputs_on(network, data.test_dataloader(), task)
        scores = prefixed("test", score(tested, examples, task, metrics))
        test_target = examples[-1]
    return _Evaluation(
        best=best,
        test=scores,
        output=output,
        target=batch[-1],
        tested=tested,
        test_target=test_target,
        remark=task.remark(values),
    )


def _costs(wall: float, cpu: float) -> dict[str, float]:
    return {
        "cost/wall_seconds": wall,
        "cost/cpu_seconds": cpu,
        "cost/peak_memory_bytes": peak_memory(),
    }


def peak_memory() -> float:
    """Return the peak of memory in bytes: the GPU's allocator, else this process's resident set."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether memory ran out; on a CPU torch raises a plain RuntimeError."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and "can't allocate memory" in text
