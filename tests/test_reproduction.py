"""Published results: bounds, refusals, and every verdict on constructed seeds."""

import math
from collections.abc import Sequence

import pandas
import pytest
from optuna.trial import BaseTrial

from harness.published import Published
from harness.recipe import Recipe
from harness.record import Record
from harness.reproduction import reproduced, sentences
from harness.settings import UserError
from harness.study import Study

A, B = "a", "b"


def space(trial: BaseTrial, *, case: str) -> Recipe:
    raise NotImplementedError


def published(**changes: object) -> Published:
    settings = {"says": "A beats B", "source": "x 2020", "figures": ".9", "metric": "test/accuracy"}
    return Published(**{**settings, "of": (A,), "against": (B,), "at_least": 0.1, **changes})  # type: ignore[arg-type]


def record(first: Sequence[float], second: Sequence[float], *results: Published) -> Record:
    study = Study(question="?", space=space, scientific={"case": (A, B)}, published=results)
    rows = [
        {"role": "confirm", "cell": f"case={case}", "seed": seed, "status": "finished"}
        | {"trial": len(first) * number + seed, "recipe_hash": case, "test/accuracy": value}
        for number, (case, values) in enumerate(((A, first), (B, second)))
        for seed, value in enumerate(values)
    ]
    return Record(study=study, frame=pandas.DataFrame(rows), bounds={}, run_url=str)


@pytest.mark.parametrize(
    ("first", "bound", "verdict"),
    [
        ((0.9, 0.91, 0.92, 0.9), 0.1, "holds"),
        ((0.9, 0.6, 0.8, 0.6), 0.2, "holds in the mean"),
        ((0.9, 0.6, 0.8, 0.6), 0.25, "misses in the mean"),
        ((0.6, 0.61, 0.59, 0.6), 0.25, "does not hold"),
        ((0.9,), 0.1, "too few seeds"),
    ],
)
def test_a_verdict_is_where_the_interval_lies(
    first: tuple[float, ...], bound: float, verdict: str
) -> None:
    table = reproduced(record(first, [0.5] * len(first), published(at_least=bound)))
    assert table["verdict"].to_list() == [verdict]


def test_a_share_of_the_seeds_counts_seeds() -> None:
    ratio = published(ratio=True, at_least=2.0, share=0.75)
    found = reproduced(record((1.2, 1.2, 1.2, 0.2), [0.5] * 4, ratio))
    assert found["seeds that meet it"].to_list() == [3]
    assert found["verdict"].to_list() == ["holds"]
    stricter = published(ratio=True, at_least=2.0, share=0.9)
    assert reproduced(record((1.2, 1.2, 1.2, 0.2), [0.5] * 4, stricter))["verdict"].iloc[0] == (
        "does not hold"
    )


def test_several_levels_are_averaged_and_only_common_seeds_count() -> None:
    level = published(of=(A, B), against=(), at_least=None, at_most=0.75)
    found = reproduced(record((0.9, 0.9, 0.9, 0.0), (0.5, 0.5, 0.5), level))
    assert found["ours"].iloc[0] == pytest.approx(0.7)
    assert found["seeds"].iloc[0] == 3


def test_the_answer_says_what_does_not_hold() -> None:
    said = list(sentences(record([0.7] * 4, [0.5] * 4, published(at_least=0.3), published())))
    assert said[0].startswith("1 of 2 published results hold")
    assert said[1].startswith("Does not hold: A beats B (x 2020).")


@pytest.mark.parametrize(
    "changes", [{"at_most": 0.1}, {"at_least": None}, {"of": ()}, {"ratio": True, "against": ()}]
)
def test_what_says_nothing_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(UserError):
        published(**changes)


def test_a_level_that_the_study_does_not_have_is_refused() -> None:
    with pytest.raises(UserError, match="level"):
        Study(question="?", space=space, scientific={"case": (A,)}, published=(published(),))


def test_a_zero_denominator_is_infinite() -> None:
    assert math.isinf(published(ratio=True).effect([1.0], [0.0]))
