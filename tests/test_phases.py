"""Phases: their borders in epochs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.phases import Part, Phase, Plan
from harness.settings import UserError

ALL = (Part(select="all"),)
LAST = Phase(parts=ALL)


def test_a_length_is_epochs_or_a_share_of_all() -> None:
    plan = Plan(phases=(Phase(parts=ALL, share=0.25), Phase(parts=ALL, epochs=2), LAST))
    assert plan.borders(20) == (0, 5, 7)
    assert plan.borders(4) == (0, 1, 3)


@given(st.lists(st.floats(0.01, 0.99), max_size=4), st.integers(1, 100))
def test_every_phase_has_an_epoch_or_the_training_is_refused(
    shares: list[float], epochs: int
) -> None:
    plan = Plan(phases=(*(Phase(parts=ALL, share=share) for share in shares), LAST))
    try:
        borders = plan.borders(epochs)
    except UserError:
        return
    assert [*borders, epochs] == sorted({*borders, epochs})
    assert borders[0] == 0


def test_too_few_epochs_name_how_many_it_takes() -> None:
    plan = Plan(phases=(Phase(parts=ALL, epochs=3), Phase(parts=ALL, epochs=2), LAST))
    with pytest.raises(UserError, match="epochs: got 5; allowed: 6 or more for 3 phases"):
        plan.borders(5)


@pytest.mark.parametrize(
    "phases", [(), (LAST, LAST), (Phase(parts=ALL, epochs=1),), (Phase(parts=ALL, share=0.5),)]
)
def test_only_the_last_phase_has_no_length(phases: tuple[Phase, ...]) -> None:
    with pytest.raises(AssertionError):
        Plan(phases=phases)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_a_share_lies_between_nothing_and_all(share: float) -> None:
    with pytest.raises(UserError, match="share of a phase"):
        Phase(parts=ALL, share=share)
