"""Passes: models one after the other train as they would alone, whichever way is faster."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.data.shakespeare import Shakespeare
from harness.fused import passes
from harness.fused.train import train_group
from harness.keeper import Hooks
from harness.models.cnn import CNN
from harness.models.decoder import Decoder
from harness.models.mlp import MLP
from harness.recipe import Recipe
from harness.tasks.language_model import LanguageModel
from harness.training import train
from tests.test_training import BASE, WATCH

MODELS = {
    "dropout and buffers": BASE,
    "convolution": replace(BASE, model=CNN(width=4, norm="batch", dropout=0.2)),
    "attention": replace(
        BASE,
        model=Decoder(depth=1, width=16, heads=2, dropout=0.1),
        data=Shakespeare(context=16, characters=5_000),
        task=LanguageModel(),
    ),
    "penalties and clipping": replace(BASE, model=MLP(depth=1), clip=0.5, l1=1e-5, l2=1e-4),
}


@pytest.mark.parametrize("epochs", [3, pytest.param(26, marks=pytest.mark.slow)])
@pytest.mark.parametrize("recipe", MODELS.values(), ids=MODELS.keys())
def test_one_after_the_other_is_equal_to_alone(
    recipe: Recipe, epochs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An epoch has four steps or more."""
    monkeypatch.setattr(passes, "LARGE", 0.0)
    recipes = [
        replace(recipe, precision="64-true", lr=rate, seed=seed, epochs=epochs)
        for seed, rate in enumerate((1e-3, 3e-3, 1e-2))
    ]
    watch = replace(WATCH, metrics=())
    options = {"hooks": [Hooks()] * 3, "stop": lambda: False, "test": True}
    stacked = train_group(recipes, directory=tmp_path / "group", watch=watch, **options)  # type: ignore[arg-type]
    for number, fused in enumerate(stacked):
        alone = train(recipes[number], directory=tmp_path / str(number), watch=watch, test=True)
        assert fused.best == pytest.approx(alone.best, rel=1e-10)
        assert fused.test == pytest.approx(alone.test, rel=1e-10)
        for name, weight in alone.weights.items():
            assert float((fused.weights[name] - weight).abs().max()) <= 1e-10


def test_work_decides_which_way() -> None:
    assert passes.step_flops(BASE) < passes.LARGE
    larger = replace(BASE, model=CNN(stages=2, width=64), batch_size=256)
    assert passes.step_flops(larger) > passes.LARGE
