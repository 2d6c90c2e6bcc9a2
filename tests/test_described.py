"""`harness describe`: tables, files and one-line errors, of models and of a user's own module."""

import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas
import pytest
from rich.console import Console

from harness.described import Request, describe_all, size_of
from harness.plots import layer_bars
from harness.settings import UserError

FILE = '''"""Networks of a user."""
import torch
from torch import nn


def build():
    return nn.TransformerEncoderLayer(64, 4, 256, batch_first=True), torch.zeros(2, 16, 64)


def deep():
    layers = [nn.Linear(8, 8) for _ in range(40)]
    return nn.Sequential(*layers).requires_grad_(False), torch.zeros(1, 8)


def several():
    return nn.Bilinear(3, 4, 5), {"input1": torch.zeros(2, 3), "input2": torch.zeros(2, 4)}


def branches():
    class Branching(nn.Linear):
        def forward(self, batch):
            return super().forward(batch) if batch.sum().item() == 0 else batch

    return Branching(4, 4), torch.zeros(2, 4)


def huge():
    return nn.Sequential(*(nn.Linear(100_000, 100_000) for _ in range(96))), torch.zeros(1, 100_000)


def wrong():
    return nn.Linear(3, 3), torch.zeros(2, 4)


def nothing():
    return nn.Linear(3, 3)


def raises():
    raise RuntimeError("not today")
'''
DEFAULT = Request(
    names=("MLP",),
    settings={},
    data="",
    batch_size=None,
    optimizer="adamw",
    precision="32-true",
    memory="",
    all_layers=False,
    csv="",
    json=False,
    picture="",
    signal=False,
)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "nets.py"
    path.write_text(FILE)
    return str(path)


def shown(*names: str, width: int = 120, **changes: Any) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    request = DEFAULT.__class__(**{**vars(DEFAULT), "names": names, **changes})
    describe_all(request, console)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_a_model_with_settings_in_any_terminal(width: int) -> None:
    text = shown("MLP", settings={"depth": "3", "width": "100"}, width=width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "MLP depth=3 width=100" in text
    assert "hidden_3.linear" in text
    for number in ("6,500", "10,100", "27,710", "54.8k"):
        assert number in text
    assert "…" not in text.replace("… checkpointed", "")


def test_a_frozen_network_shows_what_trains(file: str) -> None:
    text = shown(f"{file}:deep", width=80)
    assert "trainable" in text.splitlines()[1]
    assert "12 of 40 layers are not shown: say --all" in text
    assert "not shown" not in shown(f"{file}:deep", width=80, all_layers=True)


def test_a_user_s_own_module_and_its_example(file: str) -> None:
    text = shown(f"{file}:build")
    assert "49,984" in text
    assert "FLOPs of 2 examples" in text
    assert shown(file) == text
    assert "Bilinear" in shown(f"{file}:several")


def test_what_cannot_run_without_its_weights_runs_with_them(file: str) -> None:
    assert "note on branches: run with its weights" in shown(f"{file}:branches")


def test_a_network_larger_than_any_memory(file: str) -> None:
    assert "960,009,600,000" in shown(f"{file}:huge")


def test_networks_side_by_side() -> None:
    lines = shown("MLP", "CNN", "Decoder", settings={"depth": "3"}).splitlines()
    assert lines[0].split() == ["MLP", "depth=3", "CNN", "Decoder", "depth=3"]
    assert any(line.split() == ["Conv2d", "–", "4,800", "–"] for line in lines)


def test_the_largest_batch_that_fits() -> None:
    assert "MLP: the largest batch that fits 1MB is 695" in shown("MLP", memory="1MB")
    assert "MLP: not even one example fits 1kB" in shown("MLP", memory="1kB")


def test_the_signal_of_a_deep_network_vanishes_with_the_default_initialisation(file: str) -> None:
    text = shown("MLP", settings={"depth": "12"}, signal=True)
    (line,) = (line for line in text.splitlines() if line.startswith("gradient norm of the first"))
    assert float(line.split()[-1]) < 0.1
    assert "signal at initialisation of several" in shown(f"{file}:several", signal=True)


def test_json_has_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown("MLP", json=True) == ""
    found = json.loads(capsys.readouterr().out)
    assert {"name", "parameters", "depth", "flops", "memory", "layers", "notes"} <= set(found)
    parameters = found["parameters"]
    counts = "total trainable frozen unique applied embedding non_embedding head buffers"
    assert set(parameters) == {*counts.split(), "by_type", "shared"}
    assert found["depth"]["weight_layers_longest"] == 3
    assert found["depth"]["recurrent_depth"] is None
    assert parameters["total"] == parameters["unique"] == sum(parameters["by_type"].values())
    assert sum(row["forward_flops"] for row in found["layers"]) == found["flops"]["forward"]
    shown("MLP", "CNN", json=True)
    assert [each["name"] for each in json.loads(capsys.readouterr().out)] == ["MLP", "CNN"]


def test_csv_here_or_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "layers.csv"
    assert "parameters" in shown("MLP", csv=str(path))
    assert shown("MLP", csv="-") == ""
    assert capsys.readouterr().out == path.read_text()
    frame = pandas.read_csv(path)
    assert frame["parameters"].sum() == 64 * 64 + 64 + 64 * 64 + 64 + 650


@pytest.mark.parametrize("name", ["layers.svg", "layers.html"])
def test_the_picture_has_two_bars_a_layer(name: str, tmp_path: Path) -> None:
    shown("CNN", picture=str(tmp_path / name))
    text = (tmp_path / name).read_text()
    root = ElementTree.fromstring(text[text.index("<svg") :])
    bars = root.findall("{http://www.w3.org/2000/svg}rect")
    assert len(bars) == 1 + 2 * 3


def test_a_long_network_has_its_rest_in_one_bar() -> None:
    rows = {"name": [f"l{n}" for n in range(100)], "type": "Linear", "parameters": 1}
    data = layer_bars.numbers(pandas.DataFrame(rows).assign(forward_flops=2))
    assert list(data["label"][-2:]) == ["l58 · Linear", "41 smaller layers"]
    assert data["flops"].sum() == 200


@pytest.mark.parametrize(
    ("text", "size"),
    [("8GB", 8e9), ("512 MiB", 2**29), ("2e9", 2e9), ("1.5 k", 1500), ("100", 100)],
)
def test_sizes_as_people_write_them(text: str, size: float) -> None:
    assert size_of(text) == size


WRONG: dict[str, tuple[tuple[str, ...], dict[str, Any], str]] = {
    "model": (
        ("MPL",),
        {},
        r"MODEL: got 'MPL'; allowed: .*CNN, .*MLP.*; name one, or FILE",
    ),
    "setting": (("MLP",), {"settings": {"wdth": "3"}}, r"of MLP: got '--wdth'; .*--width"),
    "setting of none": (("MLP", "CNN"), {"settings": {"heads": "3"}}, "got '--heads'"),
    "value": (("MLP",), {"settings": {"width": "wide"}}, "width: got 'wide'; allowed: a whole"),
    "choice": (("MLP",), {"settings": {"norm": "no"}}, "norm: got 'no'; allowed: 'none', 'batch'"),
    "data": (("MLP",), {"data": "Digit"}, "--data: got 'Digit'; allowed: .*Digits"),
    "data of another kind": (("MLP",), {"data": "Shakespeare"}, "--data for MLP: .*Digits"),
    "optimizer": (("MLP",), {"optimizer": "adan"}, "optimizer: got 'adan'; allowed: 'sgd'"),
    "precision": (("MLP",), {"precision": "half"}, "precision: got 'half'; allowed: '32-true'"),
    "memory": (("MLP",), {"memory": "much"}, "--memory: got 'much'; allowed: a size as 8GB"),
    "picture": (("MLP",), {"picture": "a.png"}, "--picture: got 'a.png'; allowed: FILE.svg"),
    "folder": (("MLP",), {"csv": "no/such/x.csv"}, "no/such/x.csv: got 'No such file"),
    "two in a file": (("MLP", "CNN"), {"csv": "x.csv"}, "networks: got 2; allowed: one"),
    "file": (("nowhere.py:build",), {}, "FILE.py:BUILDER: got 'nowhere.py'; allowed: a file that"),
    "builder": (("FILE:bild",), {}, "builder in .*: got 'bild'; allowed: .*build, .*; name"),
    "example": (
        ("FILE:wrong",),
        {},
        r"example for Linear: got \[\(2, 4\)\]; .*2x4 and 3x3.*; pass",
    ),
    "result": (
        ("FILE:nothing",),
        {},
        r"returned: got 'Linear'; allowed: \(module, example input\)",
    ),
    "own error": (("FILE:raises",), {}, r"nets\.py:40: got 'RuntimeError: not today'; .*; correct"),
    "setting of a file": (("FILE:build",), {"settings": {"depth": "3"}}, "setting: got '--depth'"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_a_mistake_is_one_line_with_what_to_do(
    case: tuple[tuple[str, ...], dict[str, Any], str], file: str
) -> None:
    names, changes, said = case
    with pytest.raises(UserError, match=said) as caught:
        shown(*(name.replace("FILE", file) for name in names), **changes)
    assert "\n" not in str(caught.value)


def test_the_words_of_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "MLP", "--depth", "3", "--json", "--width=32") == 0
    assert json.loads(capsys.readouterr().out)["name"] == "MLP depth=3 width=32"
    for words in (["--depth", "3"], ["MLP", "--depth"], ["MLP", "--depth", "--width", "3"]):
        assert command(monkeypatch, *words) == 2
        assert capsys.readouterr().err.count("\n") == 1


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    from harness import cli

    monkeypatch.setattr("sys.argv", ["harness", "describe", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0
