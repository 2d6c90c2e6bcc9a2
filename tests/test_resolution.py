"""A plan says what its seeds can show, in the unit of earlier runs where there are any."""

from dataclasses import replace

from harness.claims import Claim
from harness.record import Record
from harness.resolution import resolution
from tests.synthetic import design, record


def test_without_runs_it_is_in_standard_deviations() -> None:
    lines = list(resolution(design(claims=(Claim(a=4, b=1),), budgets=(2000,)), None))
    assert "10 paired seeds and 1 comparison show" in lines[0]
    assert "a difference of 1.00 sd (1.00 if it were the only one)" in lines[0]
    assert "95 % intervals are ± 0.72 sd" in lines[0]
    assert "the first runs will tell its size" in lines[1]


def test_more_claims_and_fewer_seeds_show_less() -> None:
    def shown(**settings: int) -> float:
        line = next(resolution(design(**settings), None))  # type: ignore[arg-type]
        return float(line.partition("difference of ")[2].partition(" sd")[0])

    assert shown(seeds=20) < shown(seeds=10) < shown(seeds=5)
    assert shown(budgets=(2000,)) < shown(budgets=(2000, 8000, 32_000))  # type: ignore[arg-type]
    assert "(a claim needs 10)" in next(resolution(design(seeds=5), None))
    assert "show nothing" in next(resolution(design(seeds=2), None))


def test_with_runs_it_is_in_their_unit() -> None:
    given = record(noise=0.01)
    lines = list(resolution(given.study, given))
    deviation = float(lines[1].partition("is ")[2].partition(" points of accuracy")[0])
    assert 1.0 < deviation < 2.0  # √2 times 1 point
    empty = Record(given.study, given.frame.head(0), {}, str)
    assert "the first runs will tell its size" in list(resolution(replace(given.study), empty))[1]
