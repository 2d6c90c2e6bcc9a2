"""Studies: trials an hour of the idiomatic script, the harness and a bare loop, side by side."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from benchmarks.cases import CASES, Case
from benchmarks.contenders import CONTENDERS, THREADS, Round, one_round
from benchmarks.measure import Spread, interleaved, ratios, spread, table

BASELINE = "idiomatic"


@dataclass(frozen=True, kw_only=True)
class Speed:
    """One contender: trials an hour, CPU seconds a trial, both over the idiomatic script's.

    A ratio is taken within a round. `loss` is the median over the trials that every contender did
    of the best loss on validation.
    """

    trials: int
    trials_per_hour: Spread
    ratio: Spread
    cpu: Spread
    cpu_ratio: Spread
    loss: float
    setup: float


@dataclass(frozen=True, kw_only=True)
class Speeds:
    """All contenders in one kind of study."""

    what: str
    contenders: dict[str, Speed]


def speeds(rounds: int, cases: Mapping[str, Case] = CASES) -> dict[str, Speeds]:
    """Time all contenders in interleaved rounds; the first round is a warm-up of each kind."""
    return {kind: _speeds(case, rounds) for kind, case in cases.items()}


def _speeds(case: Case, rounds: int) -> Speeds:
    calls = {name: partial(one_round, name, case) for name in CONTENDERS}
    results = interleaved(calls, rounds + 1)
    counted = {name: found[1:] for name, found in results.items()}
    return Speeds(
        what=case.what,
        contenders={
            name: _speed(found, counted[BASELINE], case.least) for name, found in counted.items()
        },
    )


def _speed(rounds: list[Round], base: list[Round], common: int) -> Speed:
    rates = [result.trials_per_hour for result in rounds]
    cpu = [result.cpu for result in rounds]
    return Speed(
        trials=len(rounds[0].losses),
        trials_per_hour=spread(rates),
        ratio=ratios(rates, [result.trials_per_hour for result in base]),
        cpu=spread(cpu),
        cpu_ratio=ratios([result.cpu for result in base], cpu),
        loss=statistics.median(loss for result in rounds for loss in result.losses[:common]),
        setup=statistics.median(result.setup.wall for result in rounds),
    )


def speed_tables(measured: Mapping[str, Speeds]) -> str:
    """Return trials per hour, and how many times the idiomatic script's that is."""
    return "\n".join(_speed_table(each) for each in measured.values())


def _speed_table(measured: Speeds) -> str:
    head = ("", "trials", "trials/hour", "times", "CPU ms", "times", "val loss")
    rows = [
        (
            name,
            str(speed.trials),
            speed.trials_per_hour.written(",.0f"),
            speed.ratio.written(".1f"),
            f"{1000 * speed.cpu.median:,.0f}",
            f"{speed.cpu_ratio.median:.1f}",
            f"{speed.loss:.4f}",
        )
        for name, speed in measured.contenders.items()
    ]
    return table(f"Trials an hour ({THREADS} thread): {measured.what}", head, rows)
