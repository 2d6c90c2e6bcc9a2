"""The MLflow UI as `make ui` serves it: experiment, runs, views, charts, and the report inside."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from harness.store import mlflow_url
from tests import small
from tests.browser.conftest import Open, Tab
from tests.browser.serving import serving

PATIENCE = 60_000
"""Milliseconds that MLflow's page may take on a busy machine."""
THEIRS = ("/ajax-api/2.0/mlflow/users/current", "/static-files/static/js/")
"""Where errors come from that are MLflow's own: accounts that a local server has none of, and its
scripts, which log a harmless remark on resizing. Ours come from a blob, the report's frame."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small study, run to its end; its store is `store` inside."""
    folder = small.write_study(tmp_path_factory.mktemp("served"), epochs=2, limit=200)
    assert small.start(folder, small.make_store(folder / "store")).wait() == 0
    return folder


@pytest.fixture(scope="module")
def served(folder: Path, browser: object) -> Iterator[str]:
    """The address of `harness ui` over that store; without a browser it is not started."""
    del browser
    with serving(folder / "store") as address:
        yield address


@pytest.fixture(scope="module")
def ids(folder: Path) -> tuple[str, str, str]:
    """The experiment, its study's run, and one of its trials' runs."""
    client = MlflowClient(mlflow_url(folder / "store"))
    experiment = client.get_experiment_by_name(small.NAME)
    assert experiment is not None
    runs = {
        role: client.search_runs([experiment.experiment_id], f"tags.`harness.role` = '{role}'")
        for role in ("study", "confirm")
    }
    parent, trial = (runs[role][0].info.run_id for role in ("study", "confirm"))
    return experiment.experiment_id, parent, trial


@pytest.fixture
def tab(served: str, open_tab: Open) -> Tab:
    return open_tab(served, viewport={"width": 1600, "height": 900})


def at_ease(tab: Tab, served: str) -> None:
    """Nothing went wrong that is ours, and no other host was asked."""
    assert [error for error in tab.errors if not any(known in error for known in THEIRS)] == []
    assert tab.foreign(served) == []


def test_the_experiment_lists_the_study_and_unfolds_its_trials(
    tab: Tab, served: str, ids: tuple[str, str, str]
) -> None:
    tab.page.goto(f"{served}/#/experiments/{ids[0]}/runs?viewStateShareKey=trials")
    tab.page.get_by_text("Does a small study end the same").first.wait_for(timeout=PATIENCE)
    tab.page.get_by_role("link", name=small.NAME, exact=True).last.wait_for(timeout=PATIENCE)
    for column in ("harness.status", "test/accuracy", "best/loss"):
        head = tab.page.locator(".ag-header-cell", has_text=column)
        head.wait_for(timeout=PATIENCE)
    tab.page.locator(".ag-row").first.get_by_role("button").first.click()
    tab.page.get_by_role("link", name="confirm depth=").first.wait_for(timeout=PATIENCE)
    at_ease(tab, served)


def test_cells_are_groups_of_seeds(tab: Tab, served: str, ids: tuple[str, str, str]) -> None:
    tab.page.goto(f"{served}/#/experiments/{ids[0]}/runs?viewStateShareKey=cells")
    for depth in (1, 3):
        group = tab.page.get_by_text(f"Group: depth={depth}")
        group.first.wait_for(timeout=PATIENCE)
    assert tab.page.get_by_text("(average)").count() > 0
    at_ease(tab, served)


def test_a_run_shows_the_chart_of_a_metric(
    tab: Tab, served: str, ids: tuple[str, str, str]
) -> None:
    tab.page.goto(f"{served}/#/experiments/{ids[0]}/runs/{ids[2]}/model-metrics")
    tab.page.get_by_placeholder("Search metric charts").fill("val/loss", timeout=PATIENCE)
    tab.page.locator(".js-plotly-plot .scatterlayer .trace").first.wait_for(timeout=PATIENCE)
    at_ease(tab, served)


def test_the_report_lives_in_the_artifact_view(
    tab: Tab, served: str, ids: tuple[str, str, str]
) -> None:
    tab.page.goto(f"{served}/#/experiments/{ids[0]}/runs/{ids[1]}/artifacts/report.html")
    frame = tab.page.frame_locator("iframe")
    frame.get_by_role("heading", name="Does a small study").wait_for(timeout=PATIENCE)
    frame.locator(".plot .point").first.wait_for(timeout=PATIENCE)
    button = frame.get_by_role("button", name="depth=3").first
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    frame.locator(".plot .point").first.hover(force=True)
    frame.locator(".hovertext").wait_for(timeout=PATIENCE)
    assert frame.get_by_text("links and downloads work where this file").is_visible()
    at_ease(tab, served)


def test_pictures_of_a_run_render_in_place(
    tab: Tab, served: str, ids: tuple[str, str, str]
) -> None:
    tab.page.goto(f"{served}/#/experiments/{ids[0]}/runs/{ids[2]}/artifacts/learning_curve.svg")
    picture = tab.page.locator("img[src^='blob:'], .image-outer-container img").first
    picture.wait_for(timeout=PATIENCE)
    assert picture.evaluate("image => image.naturalWidth") > 300
    at_ease(tab, served)
