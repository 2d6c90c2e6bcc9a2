"""Export of a run: a directory that is whole, says what it holds, and runs nothing when loaded."""

import io
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from harness.export import write
from harness.export.form import Form
from harness.export.weights import load
from harness.export.write import export_run
from harness.settings import UserError
from harness.starts.from_directory import FromDirectory
from harness.tracking import client
from harness.trained import trained
from tests import families
from tests.test_lineage import tags


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The id of a run that fine-tuned another with LoRA."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("export")
        root = families.here(folder, patch)
        families.write(folder, "base")
        families.run("base")
        start, lora = 'FromRun(study="base", new_head=True)', ("lora", "LoRA")
        families.write(folder, "child", start=start, strategy=lora)
        families.run("child")
        yield tags(root, "child")["id"]


def export(run: str, to: str, place: Path) -> str:
    console = Console(file=io.StringIO(), width=300)
    export_run(run, to, str(place), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_weights_with_recipe_batch_and_card(run: str, tmp_path: Path) -> None:
    said = export(run[:10], "safetensors", tmp_path / "out")
    assert "same to the bit" in said
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "README.md",
        "example.safetensors",
        "model.safetensors",
        "recipe.json",
    ]
    batch = load_file(tmp_path / "out" / "example.safetensors")
    with torch.no_grad():
        assert torch.equal(load(tmp_path / "out")(batch["inputs"]), batch["output"])
    weights = FromDirectory(path=str(tmp_path / "out")).base().weights
    assert all(torch.equal(weights[n], t) for n, t in trained(run).network.state_dict().items())


def test_the_card_says_what_it_scores_and_where_it_comes_from(run: str, tmp_path: Path) -> None:
    export(run, "safetensors", tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    found = trained(run)
    accuracy = found.run.data.metrics["best/accuracy"]
    for text in (
        f"| best/accuracy | {accuracy:.4g} | ",
        "The test set was not touched",
        found.recipe.data.digest(),
        found.run.data.tags["harness.parent"],
        "| strategy | LoRA |",
        "| params/trainable |",
        "| depth/weight_layers_longest | ",
        "Licence",
    ):
        assert text in card, text


def test_a_recipe_that_names_code_is_refused(run: str, tmp_path: Path) -> None:
    export(run, "safetensors", tmp_path / "out")
    path = tmp_path / "out" / "recipe.json"
    encoded = json.loads(path.read_text())
    encoded["settings"]["model"] = {"class": "os:system", "settings": {"command": "exit 1"}}
    path.write_text(json.dumps(encoded))
    with pytest.raises(UserError, match="module:SettingsClass"):
        load(tmp_path / "out")


def test_weights_that_are_a_pickle_are_refused(run: str, tmp_path: Path) -> None:
    export(run, "safetensors", tmp_path / "out")
    (tmp_path / "out" / "model.safetensors").write_bytes(pickle.dumps({"weight": 1}))
    with pytest.raises(UserError, match="get the file again"):
        load(tmp_path / "out")


def test_what_fails_leaves_the_export_before(
    run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "out"
    export(run, "safetensors", place)
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    real = write.FORMS["safetensors"]

    def wrong(path: Path, inputs: torch.Tensor) -> torch.Tensor:
        return real.run(path, inputs) + 1e-6

    form = Form(file=real.file, write=real.write, run=wrong, tolerance=0.0, use="")
    monkeypatch.setattr(write, "FORMS", {"safetensors": form})
    with pytest.raises(UserError, match=r"difference of model\.safetensors"):
        export(run, "safetensors", place)
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_mistakes_are_said(run: str, tmp_path: Path) -> None:
    root = trained(run).root
    study = tags(root, "child")["mlflow.parentRunId"]
    (tmp_path / "mine").mkdir()
    mistakes: list[tuple[tuple[Any, ...], str]] = [
        ((run, "torch", tmp_path / "a"), "TO: got 'torch'; allowed: safetensors, onnx, pt2"),
        (("nowhere", "pt2", tmp_path / "a"), "RUN: got 'nowhere'; allowed: the id of one run"),
        ((study, "pt2", tmp_path / "a"), "allowed: a trial; "),
        ((run, "safetensors", tmp_path / "mine"), "OUT: .* free, or an earlier export"),
    ]
    for words, said in mistakes:
        with pytest.raises(UserError, match=said):
            export(*words)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_unfinished_run_and_missing_weights_are_said(run: str, tmp_path: Path) -> None:
    root = trained(run).root
    base = tags(root, "base")["id"]
    client(root).set_tag(base, "harness.status", "killed")
    with pytest.raises(UserError, match=f"got 'killed.*make resume RUN={base}"):
        export(base, "safetensors", tmp_path / "a")
    client(root).set_tag(base, "harness.status", "finished")
    (root / "artifacts/base" / base / "artifacts/best.safetensors").rename(tmp_path / "gone")
    with pytest.raises(UserError, match=r"0 runs'; allowed: .* that has weights"):
        export(base, "safetensors", tmp_path / "a")
