"""Tuning: what so many trials are expected to reach, and what one more doubling would bring."""

import math
from collections.abc import Sequence


def expected_best(values: Sequence[float], n: int, *, larger_is_better: bool = True) -> float:
    """Return the expected best of `n` of the `values`, drawn without replacement.

    Σ v_(i)·[C(i,n) − C(i−1,n)]/C(B,n): the unbiased form (Tang et al. 2020) of the expected
    validation performance of Dodge et al. 2019, for values drawn independently. For v = 1..5 and
    n = 2 it is 4.0, where the plug-in form gives 3.8. NaN unless 1 ≤ n ≤ B.
    """
    size = len(values)
    if not 1 <= n <= size:
        return math.nan
    ordered = sorted(values, reverse=not larger_is_better)
    weights = [math.comb(i, n) - math.comb(i - 1, n) for i in range(1, size + 1)]
    total = sum(weight * value for weight, value in zip(weights, ordered, strict=True))
    return total / math.comb(size, n)


def share_reached(trials: int, confidence: float = 0.95) -> float:
    """Return the best share of the search space that the best of random trials lies in.

    1 − (1 − confidence)^(1/trials) (Bergstra and Bengio 2012): 60 trials are in the best 5 %.
    """
    return 1.0 - (1.0 - confidence) ** (1 / trials) if trials else 1.0
