"""Representation: how alike what two networks compute is, block by block, on the same examples."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from harness.evaluation import Batch, outputs_on
from harness.recipe import Task

SMALLEST = 4
"""Examples below which the debiased estimate does not exist."""


def features(
    network: nn.Module, blocks: Sequence[str], batch: Batch, task: Task
) -> dict[str, Tensor]:
    """Return what each block puts out for a batch in eval mode, as (examples, numbers) in float64.

    Parts that are no module of their own, such as the layers of an nn.LSTM, are left out.
    """
    found: dict[str, Tensor] = {}
    modules = dict(network.named_modules())
    hooks = [
        modules[name].register_forward_hook(_Keeper(found, name))
        for name in blocks
        if name in modules
    ]
    try:
        outputs_on(network, [batch], task)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def linear_cka(first: Tensor, second: Tensor) -> float:
    """Return the debiased linear CKA of two sets of features (examples, numbers): 1 if one is the
    other but for rotation and scale, 0 in expectation if they are independent.

    Kornblith et al. 2019 (arXiv:1905.00414) with the unbiased HSIC of Song et al. 2012: the plain
    estimate is near 1 for any features wider than there are examples. NaN if one is constant.
    """
    assert len(first) == len(second) >= SMALLEST
    a, b = _gram(first), _gram(second)
    scale = _hsic(a, a) * _hsic(b, b)
    return _hsic(a, b) / scale**0.5 if scale > 0 else float("nan")


def same_order(first: Tensor, second: Tensor) -> float:
    """Return Spearman's correlation of the cosines of all pairs of examples: do the same ones lie
    close (Kriegeskorte, Mur & Bandettini 2008)? NaN if all pairs are alike.
    """
    pairs = torch.triu_indices(len(first), len(first), offset=1)
    ranks = []
    for rows in (first, second):
        directions = nn.functional.normalize(rows, dim=1)
        cosines = (directions @ directions.T)[pairs[0], pairs[1]]
        if cosines.max() == cosines.min():
            return float("nan")
        ranks.append(cosines.argsort(stable=True).argsort().double())
    return float(torch.corrcoef(torch.stack(ranks))[0, 1])


def alike(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> dict[str, float]:
    """Return of every block the linear CKA as cka/<block> and the order as cosines/<block>."""
    return {
        f"{what}/{name}": measure(before[name], after[name])
        for what, measure in (("cka", linear_cka), ("cosines", same_order))
        for name in before
    }


class _Keeper:
    """A forward hook that keeps a block's output; of several its first."""

    def __init__(self, found: dict[str, Tensor], name: str) -> None:
        self.found, self.name = found, name

    def __call__(self, _module: nn.Module, _inputs: object, output: object) -> None:
        tensor = output[0] if isinstance(output, tuple) else output
        assert isinstance(tensor, Tensor)
        self.found[self.name] = tensor.detach().flatten(1).double().cpu()


def _gram(rows: Tensor) -> Tensor:
    """Return the inner products of all pairs of examples, 0 for an example with itself."""
    centred = rows - rows.mean(0)
    return (centred @ centred.T).fill_diagonal_(0.0)


def _hsic(a: Tensor, b: Tensor) -> float:
    """Return the unbiased Hilbert-Schmidt independence criterion (Song et al. 2012, eq. 5)."""
    n = len(a)
    ones = torch.ones(n, dtype=a.dtype)
    product = (a * b).sum()
    sums = (ones @ a @ ones) * (ones @ b @ ones) / ((n - 1) * (n - 2))
    mixed = 2 / (n - 2) * (ones @ a @ (b @ ones))
    return float((product + sums - mixed) / (n * (n - 3)))
