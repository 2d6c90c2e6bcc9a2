"""The README's pictures of a finished study: `python -m tests.browser.pictures NAME`."""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from harness.run import report_path
from harness.study import store
from harness.views import address
from tests.browser.conftest import CHROMIUM, QUIET
from tests.browser.serving import serving

DOCS = Path(__file__).parents[2] / "docs"


def report(page: Page, name: str) -> None:
    """Take the top of the study's report, as wide as the README shows it."""
    page.set_viewport_size({"width": 1100, "height": 1500})
    page.goto(report_path(store(), name).as_uri())
    page.wait_for_selector(".plot .point")
    page.screenshot(path=DOCS / "report.png")


def runs(page: Page, served: str, name: str) -> None:
    """Take the study's runs in the MLflow UI, unfolded, without MLflow's assistant."""
    page.set_viewport_size({"width": 1600, "height": 900})
    page.goto(served)
    page.get_by_role("link", name=name, exact=True).first.click()
    page.wait_for_url("**/experiments/*/**")
    experiment = page.url.partition("/experiments/")[2].partition("/")[0]
    page.goto(f"{served}{address(experiment)}")
    if (close := page.get_by_role("button", name="Close")).count():
        close.first.click()
    page.locator(".ag-row").first.get_by_role("button").first.click()
    page.get_by_role("link", name="confirm ").first.wait_for()
    page.screenshot(path=DOCS / "ui.png")


def main(name: str) -> None:
    """Write docs/report.png and docs/ui.png."""
    with sync_playwright() as driver, serving(store()) as served:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(QUIET))
        page = browser.new_page()
        page.set_default_timeout(60_000)
        report(page, name)
        runs(page, served, name)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
