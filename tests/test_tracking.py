"""Tracking: what every run of a study leaves in MLflow, and how runs are resumed and closed."""

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run as StoredRun
from rich.console import Console
from safetensors.torch import load as safetensors_load

from harness import store, tracking
from harness.recipe import Recipe, recipe_from_json
from harness.resume import resume_run
from harness.settings import UserError
from harness.side_by_side import print_runs
from harness.study import Study, load
from tests import small

LOGGED = (
    *("params/total", "params/trainable", "params/frozen", "params/by_type/Linear"),
    *("model/depth", "model/width", "train/loss", "val/loss", "val/accuracy", "lr"),
    *("best/loss", "best/accuracy", "best/epoch", "best/f1", "cost/samples_per_second"),
    *("cost/wall_seconds", "cost/cpu_seconds", "cost/peak_memory_bytes"),
    "system/cpu_utilization_percentage",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small study, run to its end; its store is `store` inside."""
    folder = small.write_study(tmp_path_factory.mktemp("finished"), epochs=3, limit=200)
    root = small.make_store(folder / "store")
    assert small.start(folder, root).wait() == 0
    return folder


@pytest.fixture
def here(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as the current directory and the store in force."""
    monkeypatch.chdir(finished)
    monkeypatch.setenv("HARNESS_STORE", str(finished / "store"))
    return finished


def _runs(root: Path, role: str) -> list[StoredRun]:
    client = MlflowClient(store.mlflow_url(root))
    experiment = client.get_experiment_by_name(small.NAME)
    assert experiment is not None
    wanted = f"tags.`harness.role` = '{role}'"
    return list(client.search_runs([experiment.experiment_id], wanted))


def _files(run: StoredRun) -> set[str]:
    return {path.name for path in Path(run.info.artifact_uri.removeprefix("file://")).iterdir()}


def test_the_experiment_opens_in_the_training_view_and_says_its_question(here: Path) -> None:
    client = MlflowClient(store.mlflow_url(here / "store"))
    experiment = client.get_experiment_by_name(small.NAME)
    assert experiment is not None
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert experiment.tags["mlflow.note.content"].startswith("Does a small study")


def test_the_parent_run_holds_report_source_and_answer(here: Path) -> None:
    (parent,) = _runs(here / "store", "study")
    assert parent.info.status == "FINISHED"
    assert {"report.html", "small.py"} <= _files(parent)
    assert len(parent.data.tags["mlflow.note.content"]) > 60


def test_every_trial_logs_what_a_reader_needs(here: Path) -> None:
    (parent,) = _runs(here / "store", "study")
    search, confirm = (_runs(here / "store", role) for role in ("search", "confirm"))
    assert (len(search), len(confirm)) == (4, 4)
    for run in [*search, *confirm]:
        tags, metrics, params = run.data.tags, run.data.metrics, run.data.params
        assert run.info.status == "FINISHED"
        assert tags["harness.cell"] in tags["mlflow.note.content"]
        assert tags["mlflow.parentRunId"] == parent.info.run_id
        assert tags["harness.study"] == small.NAME
        assert tags["harness.cell"] in ("depth=1", "depth=3")
        for name in ("seed", "trial", "recipe_hash", "status", "reason", "dirty", "torch"):
            assert tags[f"harness.{name}"], name
        assert params["model"] == "MLP"
        assert params["model.depth"] == tags["harness.cell"][-1]
        assert set(LOGGED) <= set(metrics)
        assert _files(run) == {
            "recipe.json",
            "layers.csv",
            "small.py",
            "best.safetensors",
            "learning_curve.svg",
            "confusion.svg",
            "environment.txt",
            *(["test_correct.txt"] if run in confirm else []),
        }
        assert run.inputs is not None
        (dataset,) = run.inputs.dataset_inputs
        assert dataset.dataset.name == "Digits"
        assert len(dataset.dataset.digest) >= 32
    assert all("test/accuracy" in run.data.metrics for run in confirm)
    assert not any("test/accuracy" in run.data.metrics for run in search)


def test_metrics_are_logged_once_an_epoch_and_the_best_is_the_best(here: Path) -> None:
    client = MlflowClient(store.mlflow_url(here / "store"))
    for run in _runs(here / "store", "search"):
        points = client.get_metric_history(run.info.run_id, "val/loss")
        assert [point.step for point in points] == [0, 1, 2]
        values = [point.value for point in points]
        assert run.data.metrics["best/loss"] == min(values)
        assert run.data.metrics["best/epoch"] == values.index(min(values))


def test_a_stored_recipe_is_the_trial_again_and_its_weights_fit(here: Path) -> None:
    run = _runs(here / "store", "confirm")[0]
    text = tracking.read_artifact(here / "store", run, "recipe.json")
    recipe = recipe_from_json(json.loads(text))
    assert recipe.hash == run.data.tags["harness.recipe_hash"]
    assert recipe.seed == int(run.data.tags["harness.seed"])
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    weights = safetensors_load((folder / "best.safetensors").read_bytes())
    network = recipe.model.build(recipe.data.facts())
    network.load_state_dict(weights)
    rows = (folder / "layers.csv").read_text().splitlines()
    assert rows[0].startswith(",name,type,output_shape,parameters,trainable")
    assert len(rows) == 1 + sum(1 for m in network.modules() if not list(m.children()))


def test_more_epochs_add_only_steps_beyond_the_last(here: Path) -> None:
    run = _runs(here / "store", "confirm")[0]
    before = small.trials(here / "store")
    console = Console(file=io.StringIO(), width=100)
    with pytest.raises(UserError, match="EPOCHS="):
        resume_run(run.info.run_id, 0, "", console)
    with pytest.raises(UserError, match=r"SCHEDULE: got ''.*keep \(epochs 3 to 4: 0, 0\); rewarm"):
        resume_run(run.info.run_id, 2, "", console)
    with pytest.raises(UserError, match="SCHEDULE: got 'keep'; allowed: a rate above 0"):
        resume_run(run.info.run_id, 2, "keep", console)
    assert resume_run(run.info.run_id[:10], 2, "rewarm", console) == 0
    client = MlflowClient(store.mlflow_url(here / "store"))
    points = client.get_metric_history(run.info.run_id, "val/loss")
    assert [point.step for point in points] == [0, 1, 2, 3, 4]
    again = client.get_run(run.info.run_id)
    assert again.info.status == "FINISHED"
    assert again.data.tags["harness.length"] == "5 3,5"
    rates = {p.step: p.value for p in client.get_metric_history(run.info.run_id, "lr")}
    assert rates[3] > rates[2] == 0.0
    assert small.trials(here / "store") == before, "an extension changes no study's answer"


@pytest.mark.usefixtures("here")
def test_an_unknown_run_is_one_clear_line() -> None:
    with pytest.raises(UserError, match="copy the id"):
        resume_run("nosuchrun", 0, "", Console(file=io.StringIO()))


def test_runs_side_by_side_show_what_differs(here: Path) -> None:
    runs = [run.info.run_id for run in _runs(here / "store", "confirm")]
    sink = io.StringIO()
    print_runs(runs, Console(file=sink, width=80))
    text, _, path = sink.getvalue().rpartition("page: ")
    html = Path(path.strip()).read_text(encoding="utf-8")
    assert all(run[:8] in html for run in runs)
    assert "The best two are" in html
    assert "depth=1" in text
    assert "depth=3" in text
    assert "test/accuracy" in text
    assert max(map(len, text.splitlines())) <= 80
    by_name = io.StringIO()
    print_runs([small.NAME], Console(file=by_name, width=80))
    assert by_name.getvalue().rpartition("page: ")[0] == text


def test_a_run_without_a_process_is_closed_as_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = small.make_store(tmp_path / "store")
    monkeypatch.chdir(small.write_study(tmp_path, epochs=1))
    tracker = tracking.Tracker(root, load(small.NAME))
    run = tracker.open(0, "name", {"harness.role": "search"}, fresh=True)
    tracker.flush()
    lease = store.Lease.take(store.lease_path(store.trial_directory(root, small.NAME, 0)))
    assert lease is not None
    assert tracking.close_abandoned(root) == 0
    lease.release()
    assert tracking.close_abandoned(root) == 1
    assert tracker.client.get_run(run.id).info.status == "KILLED"
    again = tracker.open(0, "name", {}, fresh=False)
    assert again.id == run.id
    assert tracker.client.get_run(run.id).info.status == "RUNNING"


def test_a_replayed_point_is_compared_and_not_logged_twice(tmp_path: Path) -> None:
    tracker = _tracker(tmp_path, "x")
    first = tracker.open(0, "name", {}, fresh=True)
    epochs = [
        {"time": 1.0, "step": 1.0, "val/loss": 0.5, "step/train_loss@10": 0.7},
        {"time": 2.0, "step": 2.0, "val/loss": 0.4},
    ]
    first.record(epochs)
    tracker.flush()
    again = tracker.open(0, "name", {}, fresh=False)
    assert again.id == first.id
    again.record([*epochs[:1], {**epochs[1], "val/loss": 0.41}, {**epochs[1], "time": 3.0}])
    tracker.flush()
    assert again.differs == ["val/loss@1"]
    points = tracker.client.get_metric_history(first.id, "val/loss")
    assert [(point.step, point.value) for point in points] == [(0, 0.5), (1, 0.4), (2, 0.4)]
    (step,) = tracker.client.get_metric_history(first.id, "step/train_loss")
    assert (step.step, step.value) == (10, 0.7), "on its own axis: optimizer steps"


def test_a_dataset_of_many_runs_is_stored_once(tmp_path: Path) -> None:
    trackers = [_tracker(tmp_path, "x") for _ in range(2)]
    runs = [trackers[n % 2].open(n, "name", {}, fresh=True) for n in range(4)]
    for run in runs:
        run.input("Digits", "0" * 64, {"train": 1}, "{}")
    for tracker in trackers:
        tracker.flush()
    for run in runs:
        logged = trackers[0].client.get_run(run.id).inputs
        assert logged is not None
        assert [each.dataset.name for each in logged.dataset_inputs] == ["Digits"]
    with closing(sqlite3.connect(trackers[0].root / "mlflow.db")) as database:
        assert database.execute("SELECT count(*) FROM datasets").fetchone() == (1,)


def _tracker(folder: Path, name: str) -> tracking.Tracker:
    source = folder / f"{name}.py"
    source.touch()
    root = folder / "store"
    study = Study(question="?", space=_no_recipe, name=name, source=source)
    return tracking.Tracker(root if root.exists() else small.make_store(root), study)


def _no_recipe(trial: object) -> Recipe:
    raise AssertionError(f"{trial} is not trained")
