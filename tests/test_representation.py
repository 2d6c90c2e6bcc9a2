"""Representation: CKA by its definition, and the outputs of every block."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from harness.data.digits import Digits
from harness.models.mlp import MLP
from harness.representation import alike, features, linear_cka, same_order
from harness.tasks.classify import Classify


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_rotation_scale_and_shift_change_nothing() -> None:
    rows = drawn(50, 8)
    rotation, _ = torch.linalg.qr(drawn(8, 8, seed=1))
    assert linear_cka(rows, 3 * rows @ rotation + 1) == pytest.approx(1.0)


def test_wide_independent_features_are_not_alike() -> None:
    """Unlike with the plain estimate, which is near 1 for features wider than examples."""
    assert abs(linear_cka(drawn(64, 2_000), drawn(64, 2_000, seed=1))) < 0.1


def test_half_the_variance_in_common_is_in_between() -> None:
    common, own = drawn(400, 4), drawn(400, 4, seed=1)
    # Of orthonormal columns |A'B|² = 4, |A'A| = √4 and |B'B| = √8, with A = [c] and B = [c, o].
    assert linear_cka(common, torch.cat([common, own], 1)) == pytest.approx(0.5**0.5, abs=0.05)


def test_the_order_of_cosines_is_spearmans_and_blind_to_scale_and_rotation() -> None:
    one, other = drawn(12, 5), drawn(12, 5, seed=1)
    rotation, _ = torch.linalg.qr(drawn(5, 5, seed=2))
    assert same_order(one, 3 * one @ rotation) == pytest.approx(1.0)
    above = np.triu_indices(12, 1)
    first, second = (torch.nn.functional.normalize(each) for each in (one, other))
    cosines = (first @ first.T).numpy()[above], (second @ second.T).numpy()[above]
    expected = spearmanr(cosines[0], cosines[1]).statistic
    assert same_order(one, other) == pytest.approx(expected)
    assert math.isnan(same_order(torch.ones(12, 5), other))


def test_every_block_is_seen_and_a_network_is_like_itself() -> None:
    batch = next(iter(Digits().build(seed=0, batch_size=64).val_dataloader()))
    network = MLP(depth=2, width=16).build(Digits().facts())
    found = features(network, ("hidden_1", "hidden_2", "no.module"), batch, Classify())
    assert {name: tuple(rows.shape) for name, rows in found.items()} == {
        "hidden_1": (len(batch[0]), 16),
        "hidden_2": (len(batch[0]), 16),
    }
    assert alike(found, found) == {
        "cka/hidden_1": pytest.approx(1.0),
        "cka/hidden_2": pytest.approx(1.0),
        "cosines/hidden_1": pytest.approx(1.0),
        "cosines/hidden_2": pytest.approx(1.0),
    }
    assert not any(len(module._forward_hooks) for module in network.modules())
