"""Items: two classifiers on the same test examples."""

from collections.abc import Sequence
from dataclasses import dataclass

from statsmodels.stats.contingency_tables import mcnemar


@dataclass(frozen=True, kw_only=True)
class PairedItems:
    """How many examples the first alone and the second alone got right, and p of no difference."""

    items: int
    first_only: int
    second_only: int
    p: float


def paired_items(first: Sequence[bool], second: Sequence[bool]) -> PairedItems:
    """Compare two classifiers by what each got right (McNemar 1947, the exact binomial test).

    It is about these two trained networks on such examples, not about how they were trained: that
    takes seeds.
    """
    assert len(first) == len(second)
    pairs = list(zip(first, second, strict=True))
    table = [[sum(pair == (a, b) for pair in pairs) for b in (True, False)] for a in (True, False)]
    p = float(mcnemar(table, exact=True).pvalue)
    return PairedItems(items=len(pairs), first_only=table[0][1], second_only=table[1][0], p=p)
