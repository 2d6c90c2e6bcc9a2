"""Verdicts say what the claims came to, when they were made, and what speaks against them."""

import math
from dataclasses import replace

import pytest

from harness.answer import answer
from harness.claims import Claim, Registration
from harness.comparisons import comparisons, evidence_table
from harness.record import Record
from harness.study import Study
from tests.synthetic import design, record
from tests.test_answer import changed, confirm

AT = {"budget": 2000}


def said(claim: Claim, *, effect: float = 0.0, noise: float = 0.01, seeds: int = 10) -> str:
    """Return the sentence about one claim of depth 4 against depth 1 at 2,000 parameters."""
    study = design(depths=(1, 4), claims=(claim,), seeds=seeds)
    found = answer(record(study, effect={4: effect}, noise=noise))
    assert len(found.sentences) == 3
    return found.sentences[1]


def test_a_tight_equivalence_is_shown() -> None:
    sentence = said(Claim(a=4, b=1, at=AT, expect="equal", margin=0.01), noise=0.002)
    assert "At 2,000 parameters: no difference larger than 1 point of accuracy: " in sentence
    assert "(test, 10 paired seeds, equivalence test, Holm-corrected p < .001)" in sentence


def test_an_equivalence_that_the_data_cannot_carry_is_not_given() -> None:
    sentence = said(Claim(a=4, b=1, at=AT, expect="equal", margin=0.005), noise=0.02)
    assert "cannot tell if the difference is within 0.5 points of accuracy" in sentence


def test_a_difference_beyond_the_margin_contradicts_an_equality() -> None:
    sentence = said(Claim(a=4, b=1, at=AT, expect="equal", margin=0.01), effect=0.05)
    assert "a difference larger than 1 point of accuracy: depth 4 against depth 1 is +" in sentence
    assert "Expected was: equal." in sentence


@pytest.mark.parametrize(("expect", "contradicted"), [("worse", True), ("better", False)])
def test_an_expectation_that_fails_is_said(expect: str, contradicted: bool) -> None:
    claim = Claim(a=4, b=1, at=AT, expect=expect)  # type: ignore[arg-type]
    assert ("Expected was: worse." in said(claim, effect=0.05)) is contradicted


def test_a_claim_has_a_metric_of_its_own() -> None:
    sentence = said(Claim(a=4, b=1, at=AT, metric="cost/wall_seconds"))
    assert "in wall_seconds" in sentence


def test_what_was_not_claimed_is_exploratory() -> None:
    study = design(claims=(Claim(a=4, b=1, at=AT),))
    found = answer(record(study, effect={2: -0.1, 4: 0.05}))
    assert "of 3 other comparisons the largest difference is depth 2" in found.sentences[-1]
    assert found.sentences[-1].startswith("Exploratory")
    table = evidence_table(comparisons(record(study)))
    assert table["claim"].tolist() == ["different", *["none: exploratory"] * 3]
    assert table["verdict"].tolist()[1:] == ["exploratory"] * 3
    assert table["p_holm"].notna().all()


def registered(study: Study, registration: Registration) -> Record:
    given = record(study, effect={4: 0.05})
    return replace(given, registration=registration)


def test_a_claim_made_after_looking_says_so() -> None:
    study = design(claims=(Claim(a=4, b=1, at=AT),))
    given = registered(study, Registration(claims={study.planned()[0].key: 40}, seeds=(10,)))
    found = answer(given)
    assert "Claimed after 40 trials were seen." in found.sentences[1]
    assert any("1 of 1 claims were made after trials" in line for line in found.caveats)
    assert "after" not in answer(record(study)).sentences[1]
    unknown = answer(registered(study, Registration()))
    assert f"Claimed after {len(given.frame)} trials were seen." in unknown.sentences[1]


def test_a_withdrawn_claim_and_a_second_look_are_said() -> None:
    study = design(depths=(1, 4), budgets=(2000,), seeds=20)
    keys = {study.planned()[0].key: 0, "depth=2 against depth=1": 0}
    caveats = " ".join(
        answer(registered(study, Registration(claims=keys, seeds=(3, 10, 20)))).caveats
    )
    assert "Claimed before and since withdrawn: depth=2 against depth=1." in caveats
    assert "The answer was asked for at 10 and 20 seeds" in caveats


def test_unequal_sides_are_said_with_the_verdict() -> None:
    given = record(design(depths=(1, 4), budgets=(2000,)), effect={4: 0.05})
    rows = given.frame.index[given.frame["cell"] == "depth=4 budget=2000"]
    searched = given.rows("search", "depth=4 budget=2000").index
    given = changed(given, rows, params__trainable=3000)
    given = changed(given, searched[1:], status="diverged")
    diverged = confirm(given, "depth=4 budget=2000")[:2]
    given = changed(given, diverged, status="diverged", test__accuracy=math.nan)
    sentence = answer(given).sentences[1]
    assert "depth 4 has 1.5 times the parameters of depth 1" in sentence
    assert "only 1 of 6 tuning trials of depth 4 finished" in sentence
    assert "2 of 10 seeds of depth 4 diverged" in sentence


def test_budgets_that_are_compared_need_not_be_equal() -> None:
    study = design(scientific={"budget": (2000, 8000)}, claims=(Claim(a=8000, b=2000),))
    sentence = answer(record(study)).sentences[1]
    assert "8,000 parameters against 2,000 parameters" in sentence
    assert "times the parameters" not in sentence


def test_pruning_that_hit_deep_networks_is_said() -> None:
    study = Study(question="Which?", space=lambda: None, trials=40, pruner="median")  # type: ignore[arg-type,return-value]
    given = record(study)
    given = changed(given, given.frame.index[:20], status="pruned", model__depth=5.0)
    given = changed(given, given.frame.index[20:], model__depth=1.0)
    given = changed(given, given.frame.index[19:21], model__depth=3.0)
    assert any("Pruning hit deep networks harder" in line for line in answer(given).caveats)
    even = changed(given, given.frame.index, model__depth=2.0)
    assert not any("Pruning" in line for line in answer(even).caveats)


def test_names_keep_their_capitals() -> None:
    study = design(scientific={"depth": (1, 4), "activation": ("ReLU", "GELU")})
    assert answer(record(study)).sentences[1].startswith("At activation ReLU: ")


def test_light_tuning_is_said() -> None:
    light, heavy = (answer(record(design(trials_per_cell=n))).caveats for n in (8, 16))
    assert any("sure to reach the best 31% of the search space" in line for line in light)
    assert not any("sure to reach" in line for line in heavy)
