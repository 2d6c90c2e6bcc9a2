"""Shares recover what made the outcome, and rank correlations agree with their definitions."""

import numpy
import pandas
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from harness.settings import UserError
from harness.statistics.shares import rank_correlations, shares


def cells(noise: float = 0.0) -> pandas.DataFrame:
    """Return 18 cells whose outcome is twice log₂ depth, and one more in the second trunk."""
    rows = [
        {"depth": 2**d, "width": 2**w, "trunk": trunk, "y": 2.0 * d + (trunk == "b")}
        for d in range(3)
        for w in range(3)
        for trunk in "ab"
    ]
    frame = pandas.DataFrame(rows)
    return frame.assign(y=frame["y"] + noise * numpy.random.default_rng(0).normal(size=len(frame)))


def test_the_cause_explains_and_the_rest_does_not() -> None:
    found = shares(cells(), "y", ["depth", "width"], ["trunk"]).set_index("factor")
    assert found.loc["depth", "alone"] == pytest.approx(32 / 35)  # 8/3 of 8/3 + 1/4
    assert found.loc["width", "beyond"] == pytest.approx(0, abs=1e-9)
    assert found.loc["depth", "given"] == pytest.approx(0, abs=1e-9)


def test_the_share_beyond_the_others_is_the_type_two_sum_of_squares() -> None:
    frame = cells(noise=1.0)
    logs = frame.assign(depth=numpy.log2(frame["depth"]), width=numpy.log2(frame["width"]))
    table = anova_lm(ols("y ~ depth + width + C(trunk)", logs).fit(), typ=2)
    total = ((frame["y"] - frame["y"].mean()) ** 2).sum()
    found = shares(frame, "y", ["depth", "width"], ["trunk"]).set_index("factor")
    for factor in ("depth", "width"):
        assert found.loc[factor, "beyond"] == pytest.approx(table.loc[factor, "sum_sq"] / total)


def test_what_the_others_determine_is_said() -> None:
    frame = cells(noise=1.0).assign(parameters=lambda one: one["depth"] * one["width"] ** 2)
    found = shares(frame, "y", ["depth", "width", "parameters"]).set_index("factor")
    assert found.loc["parameters", "given"] == pytest.approx(1)


def test_too_few_cells_are_refused() -> None:
    with pytest.raises(UserError, match="compare more levels"):
        shares(cells().head(5), "y", ["depth", "width"], ["trunk"])


def test_ranks_agree_with_the_definitions() -> None:
    frame = pandas.DataFrame({"a": [1, 2, 3, 4, 5], "b": [1, 2, 3, 5, 4], "c": [7] * 5})
    found = rank_correlations(frame, "a").set_index("name")
    assert found.loc["b", "spearman"] == pytest.approx(0.9)  # 1 − 6·2/(5·24)
    assert found.loc["b", "kendall"] == pytest.approx(0.8)  # 9 of 10 pairs agree, 1 does not
    assert found["spearman"].isna().tolist() == [False, True]
    assert found["levels"].tolist() == [5, 1]
