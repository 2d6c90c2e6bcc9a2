"""A stored run is verified by training it again: same to the bit, or what differs is named."""

import io
import math
import sqlite3
from pathlib import Path

import pytest
from mlflow import MlflowClient
from rich.console import Console

from harness.settings import UserError
from harness.store import mlflow_url
from harness.verify import compared, verify_run
from tests import small


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one search and one confirm trial a cell; its store is `store` inside."""
    folder = small.write_study(tmp_path_factory.mktemp("finished"), epochs=3, limit=200)
    root = small.make_store(folder / "store")
    assert small.start(folder, root, budget={"trials": 1, "seeds": 1}).wait() == 0
    return folder


@pytest.fixture
def run(finished: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A confirm run of that store, which is in force."""
    monkeypatch.chdir(finished)
    monkeypatch.setenv("HARNESS_STORE", str(finished / "store"))
    client = MlflowClient(mlflow_url(finished / "store"))
    found = client.search_runs(["1"], "tags.`harness.role` = 'confirm'")
    return str(found[0].info.run_id)


def verified(run: str, epochs: int = 2) -> tuple[int, str]:
    sink = io.StringIO()
    status = verify_run(run, epochs, Console(file=sink, width=200))
    return status, sink.getvalue()


def change(folder: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(folder / "store" / "mlflow.db") as database:
        assert database.execute(statement, values).rowcount == 1


def test_an_untouched_run_comes_out_the_same_to_the_bit(run: str) -> None:
    assert verified(run) == (0, "same: 6 points of the first 2 epochs, to the bit\n")
    assert verified(run[:12], epochs=9)[1].startswith("same: 9 points of the first 3 epochs")


def test_another_value_in_the_curve_is_named(run: str, finished: Path) -> None:
    where = "WHERE run_uuid = ? AND key = 'val/loss' AND step = 1"
    change(finished, f"UPDATE metrics SET value = value + 0.5 {where}", run)
    status, said = verified(run)
    change(finished, f"UPDATE metrics SET value = value - 0.5 {where}", run)
    assert status == 1
    assert "differs: 1 of 6 points; first val/loss in epoch 1" in said
    assert "largest difference 0.5" in said


def test_a_changed_package_is_named_and_changes_no_verdict(run: str, finished: Path) -> None:
    (path,) = (finished / "store").rglob(f"{run}/artifacts/environment.txt")
    text = path.read_text()
    path.write_text(text.replace("torchmetrics==", "torchmetrics==0."))
    status, said = verified(run)
    path.write_text(text)
    assert status == 0
    assert "changed: package torchmetrics: was 0." in said


def test_other_data_is_named_and_is_a_difference(run: str, finished: Path) -> None:
    client = MlflowClient(mlflow_url(finished / "store"))
    inputs = client.get_run(run).inputs
    assert inputs is not None
    digest = inputs.dataset_inputs[0].dataset.digest
    change(finished, "UPDATE datasets SET digest = 'abc' WHERE digest = ?", digest)
    status, said = verified(run)
    change(finished, "UPDATE datasets SET digest = ? WHERE digest = 'abc'", digest)
    assert status == 1
    assert "changed: data Digits: sha256 was abc, is" in said


def test_a_run_without_a_curve_is_one_clear_line(run: str, finished: Path) -> None:
    del run
    client = MlflowClient(mlflow_url(finished / "store"))
    (study,) = client.search_runs(["1"], "tags.`harness.role` = 'study'")
    with pytest.raises(UserError, match=r"recipe\.json of run"):
        verified(str(study.info.run_id))


def test_missing_points_differ_and_equal_nans_do_not() -> None:
    stored = {(0, "val/loss"): math.nan, (1, "val/loss"): 2.0, (1, "val/f1"): 0.5}
    found = {(0, "val/loss"): math.nan, (1, "val/loss"): 2.0}
    (one,) = compared(stored, found)
    assert (one.epoch, one.metric, one.stored) == (1, "val/f1", 0.5)
    assert math.isnan(one.found)
