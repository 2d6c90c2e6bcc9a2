"""Predictions: a file's examples get the class that the training's own evaluation gives them."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.data.digits import Digits
from harness.data.fashion_mnist import FashionMNIST
from harness.data.iris import Iris
from harness.data.movie_reviews import MovieReviews
from harness.examples_file import read_examples
from harness.predictions import predict_run
from harness.recipe import Data
from harness.settings import UserError
from harness.trained import trained
from tests import families
from tests.test_lineage import tags


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The id of a run on digits."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("predict")
        root = families.here(folder, patch)
        families.write(folder, "base")
        families.run("base")
        yield tags(root, "base")["id"]


def test_the_classes_are_those_of_the_evaluation(run: str, tmp_path: Path) -> None:
    found = trained(run)
    data = found.recipe.data
    raw = data.load().test.inputs.numpy()  # type: ignore[attr-defined]
    np.save(tmp_path / "digits.npy", raw)
    out = io.StringIO()
    predict_run(run[:8], tmp_path / "digits.npy", out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    with torch.no_grad():
        logits = torch.cat([found.network(batch[0]) for batch in found.data.test_dataloader()])
    assert [int(row["class"]) for row in rows] == logits.argmax(dim=1).tolist()
    sure = logits.softmax(dim=1).max(dim=1).values
    assert [float(row["probability"]) for row in rows] == pytest.approx(sure.tolist(), abs=1e-5)


def test_a_table_an_image_and_texts_are_read(tmp_path: Path) -> None:
    (tmp_path / "iris.csv").write_text("length,b,c,d\n5.1,3.5,1.4,.2\n6,3,4.8,1.8\n")
    assert read_examples(tmp_path / "iris.csv", Iris()).tolist()[0] == [5.1, 3.5, 1.4, 0.2]
    pixels = np.arange(784, dtype=np.uint8).reshape(28, 28)
    Image.fromarray(pixels).save(tmp_path / "shirt.png")
    assert read_examples(tmp_path / "shirt.png", FashionMNIST())[0, 0].tolist() == pixels.tolist()
    digit = np.arange(64, dtype=np.uint8).reshape(8, 8) // 4 * 16
    Image.fromarray(digit).save(tmp_path / "digit.png")
    levels = read_examples(tmp_path / "digit.png", Digits()).flatten()
    assert levels[::4].tolist() == list(range(16)), "of 16, as the dataset has them, and not 255"
    (tmp_path / "said.txt").write_text("A good film.\n\nbad bad bad\n")
    tokens = read_examples(tmp_path / "said.txt", MovieReviews())
    assert tokens.shape == (2, 48)
    assert (tokens[1] > 0).sum() == 3


WRONG = [
    ("a.csv", "1,2,3\n", Iris(), r"shape of .*a\.csv: got \(1, 3\); allowed: \(n, 4\), as Iris"),
    ("a.csv", "1,2,3,4\n1,2,,4\n", Iris(), r"a\.csv:2: got ''; allowed: numbers"),
    ("a.csv", "1,2,3,4\n1,2,nan,4\n", Iris(), r"a\.csv:2: got 'nan'; allowed: numbers"),
    ("a.csv", "1,2,3,4\n1\n", Iris(), r"columns of .*: got \[1, 4\]; allowed: one number"),
    ("a.csv", "a,b\n", Iris(), r"columns of .*: got 'no row'"),
    ("a.txt", "hello\n", Iris(), r"FILE for Iris: got '1 texts'; allowed: numbers"),
    ("a.npy", "no array", Iris(), r"a\.npy: .*allowed: an array"),
    ("a.png", "no image", FashionMNIST(), r"a\.png: .*allowed: a PNG"),
    ("a.xls", "", Iris(), r"FILE: .*allowed: a file \*\.csv, \*\.npy, \*\.png, \*\.txt"),
]


@pytest.mark.parametrize(("name", "text", "data", "said"), WRONG)
def test_a_wrong_file_is_one_line(
    name: str, text: str, data: Data, said: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=said):
        read_examples(tmp_path / name, data)


def test_an_array_of_objects_is_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="allowed: an array"):
        read_examples(tmp_path / "a.npy", Iris())
