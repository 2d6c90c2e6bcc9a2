"""The report in a real browser: hover, click, legend, sorting, downloads, widths, day and night."""

import re
from pathlib import Path
from typing import Any

import pytest

from harness.answer import answer
from harness.page.html import render
from harness.record import Record
from harness.report import page as page_of
from tests.browser.conftest import Open, Tab
from tests.synthetic import BOUNDS, address, curves, design, record

HOSTILE = "<script>window.hacked = 1</script>'\"&<img src=x onerror=window.hacked=1>"
LONG = "x" * 10_000
POINT = ".plot .scatterlayer .point"


def written(folder: Path, name: str, given: Record, facts: dict[str, str]) -> str:
    path = folder / f"{name}.html"
    path.write_text(render(page_of(given, answer(given), facts)), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a finished study's report."""
    given = record(effect={4: 0.05}, histories=curves)
    given.frame.loc[0, "status"] = "failed"
    facts = {"command": "make study NAME=depth_vs_params"}
    return written(tmp_path_factory.mktemp("report"), "finished", given, facts)


@pytest.fixture(scope="module")
def tab(open_tab: Open, finished: str) -> Tab:
    """That report, its sections open."""
    found = open_tab(finished, accept_downloads=True)
    found.page.wait_for_selector(POINT)
    for summary in found.page.query_selector_all("details.part > summary"):
        summary.click()
    found.page.wait_for_function(
        "[...document.querySelectorAll('.plot')].every(one => one.querySelector('.main-svg'))"
    )
    return found


def figure(tab: Tab, title: str) -> Any:
    return tab.page.locator("figure", has=tab.page.get_by_role("heading", name=title, exact=True))


def test_every_picture_is_drawn_without_an_error_or_another_host(tab: Tab) -> None:
    assert tab.page.locator("figure").count() >= 10
    assert tab.errors == []
    assert tab.foreign() == []


def test_hover_tells_the_run(tab: Tab) -> None:
    point = figure(tab, "Quality against parameters").locator(".point").first
    point.scroll_into_view_if_needed()
    point.hover(force=True)
    told = tab.page.wait_for_selector(".hovertext")
    assert told is not None
    assert re.search(r"depth=\d.*seed 10\d\d", told.text_content() or "")


def test_a_click_on_a_point_opens_its_run(tab: Tab) -> None:
    tab.page.context.route("http://127.0.0.1:5000/**", lambda route: route.fulfill(body="run"))
    point = figure(tab, "Quality against parameters").locator(".point").first
    with tab.page.context.expect_page() as opened:
        point.click(force=True)
    assert re.fullmatch(re.escape(address("run")) + r"\d{4}", opened.value.url)
    opened.value.close()
    tab.page.context.unroute("http://127.0.0.1:5000/**")
    tab.asked.clear()


def test_a_legend_hides_and_shows_by_mouse_and_by_key(tab: Tab) -> None:
    place = figure(tab, "Quality against parameters")
    button = place.get_by_role("button", name="depth=2")
    before = place.locator(".point").count()
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    hidden = place.locator(".point").count()
    assert hidden < before
    button.focus()
    tab.page.keyboard.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    assert place.locator(".point").count() == before


def test_a_table_sorts_by_number_up_and_down(tab: Tab) -> None:
    table = tab.page.get_by_role("region", name="Cells")
    button = table.get_by_role("button", name="mean")
    column = [name.strip() for name in table.locator("th").all_inner_texts()].index("mean")

    def means() -> list[float]:
        cells = table.locator(f"tbody td:nth-child({column + 1})").all_inner_texts()
        return [float(text.split()[0]) for text in cells]

    button.click()
    assert means() == sorted(means())
    button.click()
    assert means() == sorted(means(), reverse=True)


def test_a_picture_downloads_as_png_and_svg_and_its_data_as_csv(tab: Tab) -> None:
    place = figure(tab, "Quality against parameters")
    files = {}
    for kind in ("PNG", "SVG", "CSV"):
        with tab.page.expect_download() as waiting:
            place.get_by_role("button", name=kind, exact=True).click()
        assert waiting.value.suggested_filename == f"quality-against-parameters.{kind.lower()}"
        files[kind] = Path(waiting.value.path()).read_bytes()
    assert files["PNG"].startswith(b"\x89PNG")
    assert b"<svg" in files["SVG"]
    assert b"depth=2" in files["SVG"], "the legend is in the picture"
    lines = files["CSV"].decode().splitlines()
    assert lines[0].split(",")[:3] == ["panel", "level", "cell"]
    assert len(lines) == 1 + 60


def test_the_data_of_a_picture_is_a_table_for_those_who_cannot_see_it(tab: Tab) -> None:
    place = figure(tab, "Quality against parameters")
    place.get_by_text("Data (60 rows)").click()
    place.locator("table").wait_for()
    assert place.locator("table tr").count() == 61
    assert place.get_by_role("img").first.get_attribute("aria-label")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1600])
def test_it_is_readable_at_any_width_by_day_and_by_night(
    open_tab: Open, finished: str, width: int, scheme: str
) -> None:
    tab = open_tab(finished, viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab.page.wait_for_selector(POINT)
    over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert tab.page.evaluate(over) == 0
    ground = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    ink = tab.page.evaluate("getComputedStyle(document.querySelector('.xtick text')).fill")
    assert contrast(ground, ink) > 7
    assert (luminance(ground) > 0.5) == (scheme == "light")
    assert tab.errors == []


def test_hostile_names_are_text_and_do_not_break_the_page(open_tab: Open, tmp_path: Path) -> None:
    study = design(question=f"Is {HOSTILE} safe?", scientific={"depth": (HOSTILE, LONG)})
    given = record(study)
    given.frame[f"suggested/{HOSTILE}"] = given.frame["suggested/lr"]
    given.frame.loc[0, ["status", "reason"]] = ["failed", HOSTILE + LONG]
    given = Record(study, given.frame, BOUNDS, lambda _: "javascript:window.hacked=1")
    where = written(tmp_path, "hostile", given, {HOSTILE: HOSTILE, "long": LONG})
    tab = open_tab(where, viewport={"width": 375, "height": 900})
    for summary in tab.page.query_selector_all("details.part > summary"):
        summary.click()
    tab.page.wait_for_selector(POINT)
    assert tab.page.evaluate("window.hacked") is None
    assert HOSTILE in tab.page.inner_text("h1")
    assert HOSTILE in tab.page.inner_text("main")
    assert tab.page.evaluate("document.documentElement.scrollWidth") == 375
    assert (tab.errors, tab.foreign()) == ([], [])


def channels(color: str) -> list[float]:
    return [int(one) / 255 for one in re.findall(r"\d+", color)[:3]]


def luminance(color: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    linear = [
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels(color)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2), 1 to 21."""
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)
