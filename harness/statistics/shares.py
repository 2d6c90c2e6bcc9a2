"""Shares: how much of the differences between cells depth, width and parameters account for.

These three are bound together (two of them almost give the third), so that a share alone and a
share beyond the others are both shown, with how much the others already say.
"""

from collections.abc import Sequence

import numpy
import pandas
from scipy import stats

from harness.settings import UserError


def shares(
    cells: pandas.DataFrame, outcome: str, factors: Sequence[str], controls: Sequence[str] = ()
) -> pandas.DataFrame:
    """Return how much of the outcome's variance over cells (rows) each factor explains.

    Factors enter as logarithms to base 2, linearly; controls are categories held fixed, whose part
    is taken off first. Columns: factor, `alone` (R² that it adds to the controls alone), `beyond`
    (R² that it adds to all other factors: its type II sum of squares, Yates 1934), `given` (R² of
    the factor itself by the others and the controls: 1 means that it cannot be told from them).
    The last row, "together", is that of all factors.

    Raises:
        UserError: there are fewer cells than the model has terms plus two.
    """
    design = pandas.DataFrame({name: numpy.log2(cells[name].astype(float)) for name in factors})
    held = pandas.DataFrame(index=cells.index)
    if controls:
        held = pandas.get_dummies(cells[list(controls)].astype(str), drop_first=True, dtype=float)
    terms = len(factors) + len(held.columns) + 1
    if len(cells) < terms + 2:
        allowed = f"at least {terms + 2} for {terms} terms"
        raise UserError("cells", got=len(cells), allowed=allowed, do="compare more levels")
    values = cells[outcome].astype(float)
    base, full = _explained(values, held), _explained(values, held.join(design))
    rows = [
        {
            "factor": name,
            "alone": _explained(values, held.join(design[[name]])) - base,
            "beyond": full - _explained(values, held.join(design.drop(columns=name))),
            "given": _explained(design[name], held.join(design.drop(columns=name))),
        }
        for name in factors
    ]
    together = {"factor": "together", "alone": full - base, "beyond": full - base}
    return pandas.DataFrame([*rows, together])


def rank_correlations(frame: pandas.DataFrame, reference: str) -> pandas.DataFrame:
    """Return Spearman's ρ and Kendall's τ_b of every other column with `reference`.

    Columns: name, levels (distinct values), spearman, kendall (NaN where one side is constant).
    """
    rows = []
    for name in frame.columns.drop(reference):
        pair = frame[[name, reference]].dropna()
        constant = len(pair) < 2 or pair.nunique().min() < 2
        left, right = (pair[each].to_numpy(dtype=float) for each in (name, reference))
        rows.append(
            {
                "name": name,
                "levels": pair[name].nunique(),
                "spearman": numpy.nan if constant else stats.spearmanr(left, right).statistic,
                "kendall": numpy.nan if constant else stats.kendalltau(left, right).statistic,
            }
        )
    return pandas.DataFrame(rows, columns=["name", "levels", "spearman", "kendall"])


def _explained(values: "pandas.Series[float]", design: pandas.DataFrame) -> float:
    """Return R² of a least-squares fit with a constant, also where columns determine each other."""
    columns = numpy.column_stack([numpy.ones(len(design)), design.to_numpy()])
    y = values.to_numpy(dtype=float)
    rest = y - columns @ numpy.linalg.lstsq(columns, y)[0]
    return 1 - float(rest @ rest) / float(((y - y.mean()) ** 2).sum())
