"""Lineage: a run that starts from another knows its parent, what differs, and what it all cost."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from mlflow import MlflowClient
from rich.console import Console
from safetensors.torch import save_file

from harness import lineage, weight_files
from harness.data.digits import Digits
from harness.lineage import difference, print_lineage
from harness.models.mlp import MLP
from harness.settings import UserError
from harness.starts.from_run import FromRun
from harness.store import mlflow_url
from tests import families, small


def tags(root: Path, study: str) -> dict[str, str]:
    """Return the tags and the id of a study's only trial."""
    client = MlflowClient(mlflow_url(root))
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id], "tags.`harness.trial` = '0'")
    return {**run.data.tags, "id": run.info.run_id}


def tree_of(run: str) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_lineage(run, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A base, a child of the study's best run, and a grandchild of that run."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("family")
        root = families.here(folder, patch)
        families.write(folder, "base")
        families.run("base")
        start = 'FromRun(study="base", new_head=True)'
        probe = ("linear_probe", "LinearProbe")
        families.write(folder, "child", start=start, strategy=probe, lr=0.02)
        families.run("child")
        child = tags(root, "child")["id"]
        families.write(folder, "grandchild", start=f'FromRun(run="{child[:12]}")')
        families.run("grandchild")
        yield root


def test_a_child_knows_its_parent_its_base_and_what_differs(family: Path) -> None:
    base, child, grandchild = (tags(family, name) for name in ("base", "child", "grandchild"))
    assert "harness.parent" not in base
    assert child["harness.parent"] == base["id"]
    assert child["harness.differs"] == "strategy: Full → LinearProbe; lr: 0.01 → 0.02"
    assert grandchild["harness.parent"] == child["id"]
    assert len(child["harness.base"]) == 64
    assert child["harness.base"] != grandchild["harness.base"]


@pytest.mark.usefixtures("family")
def test_a_probe_leaves_the_body_of_its_base_as_it_was() -> None:
    runs = {name: FromRun(study=name).base().weights for name in ("base", "child", "grandchild")}
    base, child = runs["base"], runs["child"]
    assert {name for name in base if not base[name].equal(child[name])} == {
        "head.weight",
        "head.bias",
    }
    assert not base["hidden_1.linear.weight"].equal(runs["grandchild"]["hidden_1.linear.weight"])


@pytest.mark.parametrize("asked", ["base", "child", "grandchild"])
def test_the_tree_is_the_same_from_everywhere_and_marks_who_asked(family: Path, asked: str) -> None:
    text = tree_of(tags(family, asked)["id"])
    assert text.startswith("random weights\n")
    pieces = re.split(r"(?= (?:base|child|grandchild) 0000)", text)
    for before, piece, name in zip(
        pieces[:-1], pieces[1:], ("base", "child", "grandchild"), strict=True
    ):
        assert piece.startswith(f" {name} 0000")
        assert (before[-10:-8] == "← ") == (name == asked)
    assert "170 of 1,514 parameters train" in pieces[2]
    seconds = [float(each) for each in re.findall(r"([\d.]+) s in all", text)]
    assert len(seconds) == 3
    assert seconds == sorted(seconds)


def test_of_many_children_those_on_the_way_are_shown_and_the_others_counted(
    family: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage, "SHOWN", 0)
    assert " grandchild 0000" in tree_of(tags(family, "grandchild")["id"])
    folded = tree_of(tags(family, "base")["id"])
    assert "1 more of child" in folded
    assert " grandchild 0000" not in folded


@pytest.mark.parametrize("repeated", [0, 16_000_000], ids=["trained alone", "all"])
def test_a_run_with_adapters_is_a_base_like_any_other(
    repeated: int, family: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("peft", reason="needs pip install .[peft]")
    monkeypatch.setattr(weight_files, "REPEATED", repeated)
    monkeypatch.chdir(family.parent)
    start, name = 'FromRun(study="base")', f"adapted_{repeated}"
    families.write(family.parent, name, start=start, strategy=("lora", "LoRA"))
    families.run(name)
    assert ("best.safetensors" in small.runs(family, name)[0]["files"]) == (repeated > 0)
    state = torch.get_rng_state()
    base, adapted = (FromRun(study=each).base().weights for each in ("base", name))
    assert torch.equal(torch.get_rng_state(), state), "a random number was taken"
    assert set(adapted) == set(base)
    assert not base["hidden_1.linear.weight"].equal(adapted["hidden_1.linear.weight"])
    assert base["hidden_1.norm.running_mean"].equal(adapted["hidden_1.norm.running_mean"])


@pytest.mark.usefixtures("family")
def test_a_run_whose_adapters_cannot_be_merged_is_no_base(
    family: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(family.parent)
    bottlenecks = ("adapters", "Adapters")
    families.write(family.parent, "beside", start='FromRun(study="base")', strategy=bottlenecks)
    families.run("beside")
    with pytest.raises(UserError, match="FromRun: got 'a run with Adapters, which stay beside"):
        FromRun(study="beside").base()


def test_a_study_whose_base_is_missing_is_refused_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    families.here(tmp_path, monkeypatch)
    families.write(tmp_path, "lost", start='FromRun(study="nobody")')
    with pytest.raises(UserError, match=r"FromRun: got 'nobody'.*make study NAME=nobody"):
        families.run("lost")
    families.write(tmp_path, "lost", start='FromRun(run="0123")')
    with pytest.raises(UserError, match=r"FromRun: got '0123: 0 runs'"):
        families.run("lost")
    assert small.runs(tmp_path / "store") == {}


@pytest.mark.parametrize(
    ("strategy", "start", "edit", "refusal"),
    [
        (("wise_ft", "WiseFT"), "None", "", "start of WiseFT: got None"),
        (("ewc", "EWC"), "None", "", "EWC's source task: got 'none'"),
        (
            ("full", "Full"),
            "FromDirectory",
            "width=9",
            r"base: got 'hidden_1.linear.weight \(16, 64",
        ),
        (("ewc", "EWC"), "FromDirectory", "", "EWC's source task: got 'none'"),
    ],
)
def test_a_start_that_cannot_be_used_is_refused_before_anything_is_trained(
    strategy: tuple[str, str],
    start: str,
    edit: str,
    refusal: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    families.here(tmp_path, monkeypatch)
    network = MLP(depth=2, width=16, norm="batch").build(Digits().facts())
    save_file(dict(network.state_dict()), tmp_path / "a.safetensors")
    here = f'{start}(path="{tmp_path}")' if start != "None" else start
    families.write(tmp_path, "unfit", start=here, strategy=strategy)
    path = tmp_path / "studies" / "unfit.py"
    imports = "from harness.starts.from_directory import FromDirectory\nfrom harness.study"
    text = path.read_text().replace("from harness.study", imports)
    path.write_text(text.replace("width=16", edit or "width=16"))
    with pytest.raises(UserError, match=refusal):
        families.run("unfit")
    assert small.runs(tmp_path / "store") == {}


def test_a_study_that_comes_after_another_has_it_run_first_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = families.here(tmp_path, monkeypatch)
    families.write(tmp_path, "base")
    families.write(tmp_path, "child", start='FromRun(study="base")')
    path = tmp_path / "studies" / "child.py"
    path.write_text(path.read_text().replace("trials=1)", 'trials=1, after=("base",))'))
    assert "trial 0" in families.run("child")
    assert tags(root, "child")["harness.parent"] == tags(root, "base")["id"]
    assert "nothing to do: all 1 trials of base" in families.run("child")


def test_exactly_one_of_run_and_study_is_said() -> None:
    for run, study in (("", ""), ("a", "b"), ("../x", "")):
        with pytest.raises(UserError, match="FromRun"):
            FromRun(run=run, study=study)


def test_a_difference_names_what_came_and_went() -> None:
    before = {"lr": 0.1, "strategy": "LPFT", "strategy.probe": 0.5, "start": None}
    after = {"lr": 0.1, "strategy": "Full", "start": "FromRun", "start.run": "abc"}
    assert difference(before, after) == "strategy: LPFT → Full; strategy.probe: 0.5 → –"
    assert difference(before, dict(before)) == "nothing"
