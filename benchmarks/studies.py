"""Studies: trials an hour of the idiomatic script, the harness and a bare loop, side by side."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.cases import Case
from benchmarks.contenders import SCRIPTS, Round, contenders_of, one_round
from benchmarks.measure import Spread, interleaved, ratios, spread, table


@dataclass(frozen=True, kw_only=True)
class Speed:
    """One contender: trials an hour, over those of the faster script, and CPU seconds a trial.

    A ratio is taken within a round. `loss` is the median over what all contenders trained of the
    best loss on validation. CPU time is unknown where other processes trained.
    """

    trials: int
    trials_per_hour: Spread
    ratio: Spread
    cpu: Spread | None
    loss: float


@dataclass(frozen=True, kw_only=True)
class Speeds:
    """All contenders in one kind of study."""

    what: str
    contenders: dict[str, Speed]


def speeds(case: Case, rounds: int) -> Speeds:
    """Time all contenders in interleaved rounds, after a warm-up of each."""
    calls = {name: partial(one_round, name, case) for name in contenders_of(case)}
    results = interleaved(calls, rounds + 1, _said)
    counted = {name: found[1:] for name, found in results.items()}
    scripts = zip(*(_rates(counted[name]) for name in SCRIPTS), strict=True)
    faster = [max(rates) for rates in scripts]
    return Speeds(
        what=case.what,
        contenders={name: _speed(found, faster) for name, found in counted.items()},
    )


def _said(result: Round) -> str:
    return f"{result.trials} trials, {result.trials_per_hour:8,.0f} an hour"


def _rates(rounds: Sequence[Round]) -> list[float]:
    return [result.trials_per_hour for result in rounds]


def _speed(rounds: Sequence[Round], base: Sequence[float]) -> Speed:
    here = not rounds[0].elsewhere
    return Speed(
        trials=rounds[0].trials,
        trials_per_hour=spread(_rates(rounds)),
        ratio=ratios(_rates(rounds), base),
        cpu=spread([result.cpu for result in rounds]) if here else None,
        loss=statistics.median(loss for result in rounds for loss in result.losses),
    )


def speed_table(measured: Speeds) -> str:
    """Return trials per hour, and how many times the faster script's that is."""
    head = ("", "trials", "trials/hour", "times", "CPU ms", "val loss")
    rows = [
        (
            name,
            str(speed.trials),
            speed.trials_per_hour.written(",.0f"),
            speed.ratio.written(".1f"),
            f"{1000 * speed.cpu.median:,.0f}" if speed.cpu else "",
            f"{speed.loss:.4f}",
        )
        for name, speed in measured.contenders.items()
    ]
    return table(measured.what[0].upper() + measured.what[1:], head, rows)
