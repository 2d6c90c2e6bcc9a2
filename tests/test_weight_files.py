"""Weight files: what a fine-tuning leaves computes what the training did, or it is not done."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness import weight_files
from harness.fresh import network_of
from harness.outcome import Outcome
from harness.recipe import Recipe, Strategy
from harness.settings import UserError
from harness.starts.from_directory import FromDirectory
from harness.strategies.adapters import Adapters
from harness.strategies.full import Full
from harness.strategies.linear_probe import LinearProbe
from harness.strategies.lora import VARIANTS, LoRA
from harness.strategies.norm_tuning import NormTuning
from harness.strategies.surgical import Surgical
from harness.training import train
from tests.test_resume_matrix import BASE
from tests.test_training import WATCH

pytest.importorskip("peft", reason="needs pip install .[peft]")
BEST = replace(BASE, epochs=1)


def trained(tmp_path: Path, strategy: Strategy, **changes: object) -> tuple[Recipe, Outcome]:
    """Train from weights of another seed, with a new head."""
    (tmp_path / "base").mkdir()
    save_file(
        dict(network_of(replace(BEST, seed=7)).state_dict()), tmp_path / "base" / "a.safetensors"
    )
    start = FromDirectory(path=str(tmp_path / "base"), new_head=True)
    recipe = replace(BEST, strategy=strategy, start=start, **changes)  # type: ignore[arg-type]
    return recipe, train(recipe, directory=tmp_path / "run", watch=WATCH)


def written(recipe: Recipe, outcome: Outcome, folder: Path) -> Path:
    folder.mkdir()
    for name, content in weight_files.weight_files(recipe, outcome).items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("strategy", "changes"),
    [
        (LoRA(), {}),
        (VARIANTS["PiSSA"], {"precision": "64-true"}),
        (Adapters(), {}),
        (NormTuning(), {}),
        (Surgical(block=1), {}),
    ],
    ids=str,
)
def test_what_trained_on_its_start_is_the_network_to_the_bit(
    strategy: Strategy, changes: dict[str, object], tmp_path: Path
) -> None:
    recipe, outcome = trained(tmp_path, strategy, **changes)
    state = torch.get_rng_state()
    folder = written(recipe, outcome, tmp_path / "files")
    weight_files.prove_files(recipe, folder)
    network = weight_files.restored(recipe, folder / weight_files.TRAINED)
    assert torch.equal(torch.get_rng_state(), state), "a random number was taken"
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, outcome.weights[name]), name
    kept = load_file(folder / weight_files.TRAINED)
    assert "hidden_1.linear.weight" not in kept or isinstance(strategy, Surgical)
    assert (folder / weight_files.MERGED).exists() == isinstance(strategy, LoRA)


@pytest.mark.parametrize("strategy", [LoRA(), Adapters(), LinearProbe(), Full()], ids=str)
def test_of_a_large_start_only_what_trained_is_written(
    strategy: Strategy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weight_files, "REPEATED", 0)
    recipe, outcome = trained(tmp_path, strategy)
    folder = written(recipe, outcome, tmp_path / "files")
    file = weight_files.FULL if isinstance(strategy, Full) else weight_files.TRAINED
    assert {path.name for path in folder.iterdir()} == {file, weight_files.EXAMPLE}
    weight_files.prove_files(recipe, folder)
    weights = load_file(folder / file)
    weights["head.bias"] += 0.01
    save_file(weights, folder / file, {"base": outcome.base, "recipe": recipe.hash})
    with pytest.raises(UserError, match=f"{file}, read back"):
        weight_files.prove_files(recipe, folder)


def test_a_file_that_computes_something_else_is_noticed(tmp_path: Path) -> None:
    recipe, outcome = trained(tmp_path, LoRA())
    for name, message in (
        (weight_files.MERGED, "an error of"),
        (weight_files.TRAINED, "no difference"),
    ):
        folder = written(recipe, outcome, tmp_path / name)
        weights = load_file(folder / name)
        weights["head.bias"] += 0.01
        metadata = {"base": outcome.base, "recipe": recipe.hash}
        save_file(weights, folder / name, metadata if name == weight_files.TRAINED else None)
        with pytest.raises(UserError, match=message):
            weight_files.prove_files(recipe, folder)


def test_a_base_that_changed_or_another_recipe_is_refused(tmp_path: Path) -> None:
    recipe, outcome = trained(tmp_path, LoRA())
    path = written(recipe, outcome, tmp_path / "files") / weight_files.TRAINED
    with pytest.raises(UserError, match=r"recipe of .*: got"):
        weight_files.restored(replace(recipe, strategy=LoRA(alpha=3.0)), path)
    save_file(
        dict(network_of(replace(BEST, seed=8)).state_dict()), tmp_path / "base" / "a.safetensors"
    )
    with pytest.raises(UserError, match=f"base of .*allowed: {outcome.base}"):
        weight_files.restored(recipe, path)


def test_a_checkpoint_leaves_out_what_the_start_gives_back(tmp_path: Path) -> None:
    recipe, outcome = trained(tmp_path, LoRA())
    saved = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    kept = saved["callbacks"]["Keeper"]["best_weights"]
    assert {n.removeprefix("network.") for n in saved["state_dict"]} == set(kept)
    assert set(kept) < set(outcome.weights)
    assert all("base_layer" not in name for name in kept)
    del saved["state_dict"]["network.head.bias"]
    saved["callbacks"]["Keeper"]["status"] = "running"
    torch.save(saved, tmp_path / "run" / "last.ckpt")
    with pytest.raises(UserError, match=r"checkpoint: got \"no \['network.head.bias'\]"):
        train(replace(recipe, epochs=2), directory=tmp_path / "run", watch=WATCH)


def test_a_training_without_a_start_leaves_its_weights_alone(tmp_path: Path) -> None:
    outcome = train(BEST, directory=tmp_path, watch=WATCH)
    assert set(weight_files.weight_files(BEST, outcome)) == {weight_files.FULL}
