"""Claims name what there is, are made in every combination, and keep the date they were made."""

from pathlib import Path
from typing import Any

import pytest

from harness.claims import Claim, Registration
from harness.registration import register, registration_of
from harness.search import Search
from harness.settings import UserError
from harness.study import Study
from tests.synthetic import design, space


def test_a_claim_is_made_in_every_combination_that_it_leaves_open() -> None:
    scientific = {"depth": (1, 4), "budget": (2000, 8000), "trunk": ("plain", "residual")}
    claims = (Claim(a=4, b=1, at={"trunk": "plain"}), Claim(a=4, b=1))
    found = design(scientific=scientific, claims=claims).planned()
    assert [dict(each.held) for each in found] == [
        {"budget": 2000, "trunk": "plain"},
        {"budget": 8000, "trunk": "plain"},
        {"budget": 2000, "trunk": "residual"},
        {"budget": 8000, "trunk": "residual"},
    ]
    assert found[0].first == {"depth": 4, "budget": 2000, "trunk": "plain"}
    assert found[0].second == {"depth": 1, "budget": 2000, "trunk": "plain"}


def test_a_study_without_claims_compares_each_level_with_the_first() -> None:
    found = design(depths=(1, 2, 4), budgets=(2000,)).planned()
    assert [(each.a, each.b, each.expect) for each in found] == [
        (2, 1, "different"),
        (4, 1, "different"),
    ]
    assert Study(question="Which?", space=space).planned() == []


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ({"a": 3, "b": 1}, "claim a: got 3; allowed: 1, 2, 4"),
        ({"a": 2, "b": 7}, "claim b: got 7"),
        ({"a": 2, "b": 1, "compare": "width"}, "claim compare: got 'width'"),
        ({"a": 2, "b": 1, "at": {"depth": 1}}, "claim at: got 'depth'"),
        ({"a": 2, "b": 1, "at": {"budget": 5}}, "claim at budget: got 5; allowed: 2000, 8000"),
        ({"a": 2, "b": 2}, "allowed: two levels"),
        ({"a": 2, "b": 1, "expect": "equal"}, "give margin= exactly when"),
        ({"a": 2, "b": 1, "margin": 0.01}, "give margin= exactly when"),
        ({"a": 2, "b": 1, "expect": "larger"}, "claim expect: got 'larger'"),
    ],
)
def test_a_claim_about_what_is_not_there_is_refused(claim: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        design(claims=(Claim(**claim),))


def test_an_ordinary_search_has_no_claims() -> None:
    with pytest.raises(UserError, match="add scientific values"):
        Study(question="Which?", space=space, claims=(Claim(a=2, b=1),))


def test_what_was_claimed_keeps_its_date() -> None:
    first = Registration().extended(["one"], seeds=10, seen=0)
    later = first.extended(["one", "two"], seeds=19, seen=60).extended(["one"], seeds=10, seen=90)
    assert later == Registration(claims={"one": 0, "two": 60}, seeds=(10, 19))


def test_claims_are_stored_with_the_study_before_its_first_trial(tmp_path: Path) -> None:
    claims = (Claim(a=4, b=1),)
    search = Search(design(claims=claims), tmp_path, [False])
    assert registration_of(search.optuna) == Registration()
    register(search)
    again = Search(design(claims=(*claims, Claim(a=2, b=1)), seeds=12), tmp_path, [False])
    trial = again.optuna.ask()
    again.optuna.tell(trial, 0.5)
    register(again)
    stored = registration_of(Search(design(), tmp_path, [False]).optuna)
    assert list(stored.claims.values()) == [0, 0, 1, 1]
    assert stored.seeds == (10, 12)
