"""Group: recipes of one shape trained as one stack, each with the course it would have alone."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from harness import checkpoints
from harness.anatomy.gradients import is_due, row_norms, weight_layers
from harness.course import Diverged, Judge, Watch, mean_loss, refuse_bad_losses, refuse_bad_scores
from harness.evaluation import Evaluated, prefixed, score
from harness.fused.feed import Feed
from harness.fused.kept import state_of
from harness.fused.masks import Call, Draws, rates
from harness.fused.member import Member, build
from harness.fused.optimizer import RowOptimizer, segments_of
from harness.fused.passes import passes
from harness.fused.stack import Stack, Tensors
from harness.keeper import Interrupted
from harness.outcome import Outcome, outcome_of
from harness.pace import Pace

CROWDED = 0.75
"""A stack is repacked when no more than this share of its models still train: 10 ms for 128 models
(2026-11-22), and less than that each step after."""


class Group:
    """Trains `members`, which share a fusion key, or goes on from the checkpoint at `path`.

    Everything that decides a result's bits, the repacking included, is a function of the members,
    so that a continuation from any checkpoint ends in the same bits.
    """

    def __init__(
        self,
        members: Sequence[Member],
        watch: Watch,
        path: Path,
        pace: Pace,
        stop: Callable[[], bool],
        judge: Judge,
    ) -> None:
        self.members, self.path, self.pace = list(members), path, pace
        self.stop, self.judge = stop, judge
        recipes = [member.recipe for member in members]
        built = [build(recipe) for recipe in recipes]
        self.network = built[0].network
        self.bases = [each.base for each in built]
        groups = built[0].prepared.groups
        networks = [each.network for each in built]
        trained = [name for group in groups for name in group.members]
        self.stack = Stack(networks, trained, [recipe.task for recipe in recipes])
        self.passes = passes(self.stack, recipes[0])
        self.feed = Feed(recipes, self.stack.flat)
        self.data = [self.feed.of(row) for row in range(len(members))]
        self.optimizer = RowOptimizer(
            recipes, segments_of(groups), self.stack.flat, self.feed.steps * recipes[0].epochs
        )
        kept = [{path: 1 - rate for path, rate in rates(network).items()} for network in networks]
        self.draws = Draws(kept, [each.state for each in built], self.stack.flat)
        self.best: Tensors = {name: t.clone() for name, t in self.stack.tensors().items()}
        self.rows = list(range(len(members)))
        """The member of each row of the stack."""
        facts = recipes[0].data.facts()
        metrics = recipes[0].task.metrics(facts)
        self.metrics = {name: metrics[name] for name in watch.metrics}
        self.seen: dict[int, Evaluated] = {}
        """By member, what the best epoch's evaluation saw, where doing it again gives its bits."""
        self.losses: list[Tensor] = []
        self.sizes: list[int] = []
        self.layers = weight_layers(self.network)
        self.gradients: list[dict[str, float]] = []
        """Norms of the epoch's first step by layer and row, where they are measured."""
        self._calls: dict[int, list[Call]] = {}
        self._clock = (0.0, 0.0)

    def run(self) -> None:
        """Train until every member's course has ended.

        Raises:
            Interrupted: a member's hook asked to stop; the checkpoint holds everything.
        """
        self._lap()
        while self._live():
            self._train_epoch()
            self._end_epoch()
            if self._live():
                self._save_if_asked()
            else:
                self._save()

    def outcomes(self, *, test: bool) -> list[Outcome]:
        """Evaluate every member's best weights, and return what each came to."""
        outcomes = []
        for number, member in enumerate(self.members):
            weights: Mapping[str, Tensor] = {}
            if member.course.best_epoch >= 0:
                weights = self.stack.weights(number, self.best)
            outcome = outcome_of(
                member.recipe,
                self.network,
                self.data[number],
                member.course,
                weights=weights,
                wall=member.wall,
                cpu=member.cpu,
                micro_batches=1,
                base=self.bases[number],
                seen=self.seen.get(number),
                test=test,
            )
            outcomes.append(outcome)
        return outcomes

    def _live(self) -> list[int]:
        """Return the rows whose members still train."""
        running = [member.course.status == "running" for member in self.members]
        return [row for row, number in enumerate(self.rows) if running[number]]

    def _train_epoch(self) -> None:
        for batch in self.feed.epoch():
            shared = self.feed.shared
            size = len(batch[0]) if shared else batch[0].shape[1]
            if size not in self._calls:
                self._calls[size] = self.stack.calls(batch, shared=shared)
            masks = self.draws.masks(self._calls[size])
            losses = self.passes.gradients(batch, masks, self.optimizer.gradient, shared=shared)
            self.optimizer.penalise()
            if not self.losses and is_due(self.optimizer.done // self.feed.steps):
                pieces = self.stack.pieces(self.optimizer.gradient)
                self.gradients = row_norms(pieces, self.layers)
            self.optimizer.step()
            self.losses.append(losses)
            self.sizes.append(size)
            if len(self.losses) < self.feed.steps:
                self._save_if_asked()

    def _end_epoch(self) -> None:
        live = self._live()
        wall, cpu = (share / len(live) for share in self._lap())
        losses = torch.stack(self.losses, 1).cpu()
        outputs, batch = self._validate()
        records: dict[int, dict[str, float]] = {}
        seen: dict[int, Evaluated] = {}
        for row in live:
            member = self.members[self.rows[row]]
            member.wall, member.cpu = member.wall + wall, member.cpu + cpu
            seen[row] = outputs[row], batch if self.feed.shared else [part[row] for part in batch]
            try:
                records[row] = self._measure(row, losses[row], seen[row], wall)
            except Diverged as diverged:
                member.course.end("diverged", str(diverged))
        improved = self._take(records)
        for row in improved:
            if self.passes.repeatable:
                self.seen[self.rows[row]] = seen[row][0].clone(), seen[row][1]
        numbers = [self.rows[row] for row in improved]
        for name, tensor in self.stack.tensors().items():
            self.best[name][numbers] = tensor[improved]
        self.losses, self.sizes, self.gradients = [], [], []
        left = self._live()
        if left and len(left) <= CROWDED * len(self.rows):
            self.keep(left)

    def _take(self, records: Mapping[int, dict[str, float]]) -> list[int]:
        """Take rows' epochs into their members' courses; return the rows whose best it is.

        All of them are judged at once: what is pruned does not depend on the order of the rows.
        """
        epoch = self.optimizer.done // self.feed.steps - 1
        courses = {row: self.members[self.rows[row]].course for row in records}
        unjudged = [row for row, course in courses.items() if course.pruned_at is None]
        values = {self.rows[row]: courses[row].value(records[row]) for row in unjudged}
        pruned = self.judge(epoch, values)
        return [
            row
            for row, course in courses.items()
            if course.take(records[row], pruned=self.rows[row] in pruned)
        ]

    def _measure(
        self, row: int, losses: Tensor, seen: Evaluated, seconds: float
    ) -> dict[str, float]:
        """Return the record of a row's epoch; raise Diverged if a number is not finite."""
        member, step = self.members[self.rows[row]], self.optimizer.done
        refuse_bad_losses(losses, before=step - len(losses))
        scores = prefixed("val", score(*seen, member.recipe.task, self.metrics))
        train_loss = mean_loss(losses, self.sizes)
        refuse_bad_scores(scores, step=step, train_loss=train_loss)
        return {
            "step": float(step),
            "time": time.time(),
            "train/loss": train_loss,
            **scores,
            **(self.gradients[row] if self.gradients else {}),
            **member.course.step_losses(losses, before=step - len(losses)),
            "lr": self.optimizer.rate(row),
            "cost/samples_per_second": sum(self.sizes) / max(1e-9, seconds),
        }

    def _validate(self) -> tuple[Tensor, list[Tensor]]:
        """Return the outputs of all models on the validation set, and the batches joined."""
        batches, shared = self.feed.validation(), self.feed.shared
        outputs = [self.passes.predict(batch, shared=shared) for batch in batches]
        columns = zip(*batches, strict=True)
        joined = [torch.cat(column, 0 if shared else 1).cpu() for column in columns]
        return torch.cat(outputs, 1).to("cpu", self.stack.flat.dtype), joined

    def keep(self, rows: Sequence[int]) -> None:
        """Repack the stack: these rows are left, in this order."""
        self.stack.take(rows)
        self.optimizer.take(rows, self.stack.flat)
        self.feed.take(rows)
        self.draws.take(rows)
        self.rows = [self.rows[row] for row in rows]

    def _lap(self) -> tuple[float, float]:
        """Return the seconds of wall and CPU time since the last call."""
        before, self._clock = self._clock, (time.perf_counter(), time.process_time())
        return self._clock[0] - before[0], self._clock[1] - before[1]

    def _save_if_asked(self) -> None:
        asked = self.stop()
        if asked or self.pace.is_time():
            self._save()
        if asked:
            raise Interrupted

    def _save(self) -> None:
        began = time.perf_counter()
        checkpoints.save(state_of(self), self.path)
        self.pace.saved(began)
        for member in self.members:
            member.hooks.saved(member.course.history)
