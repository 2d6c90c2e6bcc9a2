"""Progress: how far a study is, live in a terminal, one plain line a trial elsewhere."""

import math
import time
from collections import defaultdict
from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState
from rich.console import Console
from rich.live import Live
from rich.table import Table

from harness.study import Study, label
from harness.tried import RESULT, slot_of

State = TrialState


class Progress:
    """Shows the state of a study's trials each time it is given them."""

    def __init__(self, study: Study, total: int, higher_is_better: bool, console: Console) -> None:
        self.study, self.total, self.higher = study, total, higher_is_better
        self.console = console
        self.live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._began = time.monotonic()
        self._known: set[int] | None = None
        self._before = 0

    def __enter__(self) -> "Progress":
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()

    def show(self, trials: Sequence[FrozenTrial]) -> None:
        """Draw the table again, or print a line for each trial that ended since the last time."""
        ended = [trial for trial in trials if trial.state.is_finished()]
        if self._known is None:
            self._known, self._before = {trial.number for trial in ended}, len(ended)
        fresh = [trial for trial in ended if trial.number not in self._known]
        self._known |= {trial.number for trial in fresh}
        if self.live:
            self.live.update(self._table(trials), refresh=True)
            return
        for trial in fresh:
            self.console.print(self._line(trial, len(ended)), highlight=False, soft_wrap=True)

    def headline(self, trials: Sequence[FrozenTrial]) -> str:
        """Return "12/40 done · 1 running · 0 failed · ETA 2 min"."""
        counts = {state: sum(t.state == state for t in trials) for state in State}
        done = sum(trial.state.is_finished() for trial in trials)
        text = f"{done}/{max(self.total, done)} done · {counts[State.RUNNING]} running"
        return f"{text} · {counts[State.FAIL]} failed · {self._eta(done)}"

    def _line(self, trial: FrozenTrial, done: int) -> str:
        result, slot = trial.user_attrs.get(RESULT, {}), slot_of(trial.user_attrs)
        parts = [
            f"[{done}/{max(self.total, done)}]",
            f"trial {trial.number}",
            slot.role,
            label(slot.cell),
            self._outcome(trial, result),
            str(result.get("fused", "")),
            self._eta(done),
        ]
        return " · ".join(part for part in parts if part)

    def _outcome(self, trial: FrozenTrial, result: dict[str, object]) -> str:
        if trial.state == State.COMPLETE:
            values = zip(self.study.objectives, trial.values, strict=True)
            return " ".join(f"{name}={value:.4g}" for name, value in values)
        return f"{result.get('status', 'failed')}: {result.get('reason', '')}"

    def _eta(self, done: int) -> str:
        worked = done - self._before
        if worked < 3:
            return "ETA …"
        seconds = (time.monotonic() - self._began) / worked * max(0, self.total - done)
        return f"ETA {seconds / 60:.0f} min" if seconds >= 90 else f"ETA {seconds:.0f} s"

    def _table(self, trials: Sequence[FrozenTrial]) -> Table:
        table = Table(title=self.study.name, caption=self.headline(trials), expand=False)
        table.add_column("cell")
        for name in ("done", "running", "failed"):
            table.add_column(name, justify="right")
        table.add_column(f"best {self.study.objectives[0]}", justify="right")
        by_cell: dict[str, list[FrozenTrial]] = defaultdict(list)
        for trial in trials:
            by_cell[label(slot_of(trial.user_attrs).cell)].append(trial)
        for cell in map(label, self.study.cells()):
            mine = by_cell[cell]
            states = [
                sum(t.state.is_finished() for t in mine),
                sum(t.state == State.RUNNING for t in mine),
                sum(t.state == State.FAIL for t in mine),
            ]
            table.add_row(cell, *map(str, states), self._best(mine))
        return table

    def _best(self, trials: Sequence[FrozenTrial]) -> str:
        values = [t.values[0] for t in trials if t.state == State.COMPLETE]
        if not values:
            return "…"
        best = max(values) if self.higher else min(values)
        return f"{best:.4g}" if math.isfinite(best) else "…"
