"""WiseFT: between start and end by its formula, the best on validation, the same after a kill."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from harness.fresh import network_of
from harness.groups import prepare
from harness.interpolation import Interpolation, renew_statistics
from harness.settings import UserError
from harness.start import Base
from harness.starts.from_directory import FromDirectory
from harness.strategies.full import Full
from harness.strategies.lora import LoRA
from harness.strategies.lp_ft import LPFT
from harness.strategies.wise_ft import WiseFT
from harness.tasks.regress import Regress
from harness.training import train
from tests.test_resume_matrix import BASE, same
from tests.test_training import WATCH

SHARES = (0.0, 0.25, 0.5, 1.0)


def between(network: nn.Module, *, drawn: tuple[str, ...] = ()) -> Interpolation:
    base = Base(weights={}, sha256="", drawn=drawn)
    found = Interpolation.of(network, SHARES, base)
    assert found is not None
    return found


def line(weight: float) -> nn.Linear:
    network = nn.Linear(1, 1)
    with torch.no_grad():
        network.weight.fill_(weight)
        network.bias.fill_(weight)
    return network


@pytest.mark.parametrize(("wanted", "share"), [(3.0, 0.5), (9.0, 1.0), (-9.0, 0.0), (2.4, 0.25)])
def test_the_share_of_the_least_loss_is_taken(wanted: float, share: float) -> None:
    network = line(2.0)
    search = between(network, drawn=("bias",))
    trained = dict(line(4.0).state_dict())
    weights, found = search.best(
        network,
        trained,
        task=Regress(),
        batches=[],
        loss=lambda: abs(network.weight.item() - wanted),
    )
    assert found == share
    assert weights["weight"].item() == 2.0 + share * 2.0
    assert weights["bias"].item() == 4.0, "a head that was drawn anew stays as trained"
    _, of_equals = search.best(network, trained, task=Regress(), batches=[], loss=lambda: 1.0)
    assert of_equals == 1.0


def test_statistics_are_those_of_all_batches_together() -> None:
    network = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5))
    inputs = 5 * torch.randn(8, 3) + 2
    renew_statistics(network, Regress(), [[part] for part in inputs.chunk(4)])
    norm = network.get_submodule("0")
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.running_mean is not None
    assert torch.allclose(norm.running_mean, inputs.mean(0), atol=1e-5)
    assert (norm.momentum, norm.training) == (0.1, False)


def test_a_training_ends_between_its_start_and_its_end(tmp_path: Path) -> None:
    save_file(dict(network_of(replace(BASE, seed=7)).state_dict()), tmp_path / "a.safetensors")
    recipe = replace(BASE, start=FromDirectory(path=str(tmp_path)), strategy=WiseFT(steps=4))
    plain = train(replace(recipe, strategy=Full()), directory=tmp_path / "p", watch=WATCH)
    kept = train(recipe, directory=tmp_path / "w", watch=WATCH, test=True)
    share = kept.best["interpolation/share"]
    assert share in (0.0, 0.25, 0.5, 0.75, 1.0)
    assert kept.best["val/loss"] <= plain.best["val/loss"] + 1e-6
    assert recipe.start is not None
    start = recipe.start.base().weights["hidden_1.linear.weight"]
    end = plain.weights["hidden_1.linear.weight"]
    assert torch.equal(kept.weights["hidden_1.linear.weight"], torch.lerp(start, end, share))
    same(train(recipe, directory=tmp_path / "w", watch=WATCH, test=True), kept)


def test_without_a_start_or_with_an_adapter_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="start of WiseFT: got None"):
        train(replace(BASE, strategy=WiseFT()), directory=tmp_path, watch=WATCH)
    with pytest.raises(UserError, match=r"WiseFT.of: got 'LoRA'; allowed: one without adapters"):
        prepare(network_of(BASE), WiseFT(of=LoRA()))
    assert len(WiseFT(of=LPFT()).plan(2).phases) == 2
