"""The report is one safe, self-contained page, whatever state a study is in."""

import json
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pandas
import pytest

from harness.answer import answer
from harness.page.content import Drawing
from harness.page.html import render
from harness.record import Record
from harness.report import page as page_of
from harness.study import Study
from tests.synthetic import BOUNDS, design, record, space

FACTS = {"command": "make study NAME=x", "torch": "2.13 & more"}
ATTACK = "<script>alert(1)</script>"


class Page(HTMLParser):
    """What a browser would see: tags in order, and the text outside scripts and styles."""

    VOID = ("meta", "br", "img", "link", "input")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.scripts[-1] += data
        elif "style" not in self.open:
            self.text += data


def page(given: Record) -> Page:
    return Page(render(page_of(given, answer(given), FACTS)))


def drawings(given: Record) -> list[Drawing]:
    sections = page_of(given, answer(given), FACTS).sections
    return [drawing for section in sections for drawing in section.drawings]


def part(given: Record, **changes: Any) -> Record:
    frame = given.frame.assign(**changes)
    frame.attrs.update(given.frame.attrs)
    return Record(given.study, frame, given.bounds, given.run_url)


STATES = {
    "finished": record(effect={4: 0.05}),
    "search": record(Study(question="Which?", space=space)),
    "pareto": record(Study(question="Which?", space=space, objective=("val/loss", "params/total"))),
    "empty": Record(design(), pandas.DataFrame(), {}, str),
    "empty search": Record(Study(question="Which?", space=space), pandas.DataFrame(), {}, str),
    "failed": part(record(), status="failed", reason="out of memory"),
    "diverged": part(record(), status="diverged", **{"test/accuracy": float("nan")}),
    "waiting": part(record(), status="waiting"),
    "begun": Record(design(), record().frame.head(3), BOUNDS, str),
}


@cache
def page_in(state: str) -> Page:
    return page(STATES[state])


@pytest.mark.parametrize("state", STATES)
def test_every_state_of_a_study_has_a_page_that_parses(state: str) -> None:
    given = STATES[state]
    found = page_in(state)
    assert found.open == []
    assert given.study.question in found.text
    assert answer(given).sentences[0] in found.text
    assert all(caveat in found.text for caveat in answer(given).caveats)
    assert "make study NAME=x" in found.text
    assert "2.13 & more" in found.text


@pytest.mark.parametrize("state", STATES)
def test_nothing_is_loaded_from_elsewhere(state: str) -> None:
    found = page_in(state)
    for tag, attributes in found.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        assert "src" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        if "href" in attributes:
            assert tag == "a"
            assert attributes["href"].startswith("http://127.0.0.1:5000/#/runs/run")
    policy = next(one["content"] for _, one in found.tags if "http-equiv" in one)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert "script-src 'unsafe-inline'" not in policy


def test_plotly_is_there_once_and_every_figure_has_words() -> None:
    found = page_in("finished")
    assert sum("plotly.js v" in script for script in found.scripts) == 1
    figures = [one for tag, one in found.tags if one.get("class") == "figure"]
    places = [one for tag, one in found.tags if one.get("role") == "img"]
    assert len(figures) == len(places) == len(drawings(STATES["finished"])) >= 8
    assert [one["data-place"] for one in figures] == [one["id"] for one in places]
    assert all(len(one["aria-label"]) > 40 for one in places)


def test_what_users_write_is_text() -> None:
    study = design(question=f"Is {ATTACK} safe?", scientific={"depth": (ATTACK, "</script>")})
    given = record(study)
    frame = part(given, **{f"suggested/{ATTACK}": 0.1, "recipe/note": ATTACK}).frame
    frame.loc[0, ["status", "reason"]] = ["failed", f"{ATTACK}{{{{ 7 * 7 }}}}"]
    frame.attrs.update(given.frame.attrs)
    given = Record(study, frame, BOUNDS, lambda _: "javascript:alert(1)")
    text = render(page_of(given, answer(given), {ATTACK: ATTACK}))
    found = Page(text)
    assert ATTACK not in text
    assert "javascript:" not in [one.get("href", "")[:11] for _, one in found.tags]
    assert f"{ATTACK}{{{{ 7 * 7 }}}}" in found.text
    assert len(found.scripts) == 2 * len(drawings(given)) + 2


def test_labels_in_figures_are_escaped_for_plotly_too() -> None:
    given = record(design(scientific={"depth": ("<a href='http://x'>1</a>", "2")}))
    for drawing in drawings(given):
        assert "<" not in drawing.figure + drawing.data
        names = [trace.get("name", "") for trace in json.loads(drawing.figure)["data"]]
        assert not [name for name in names if "<a" in name]


def test_trials_link_to_their_runs() -> None:
    given = STATES["finished"]
    links = [one["href"].rpartition("/")[2] for tag, one in page_in("finished").tags if tag == "a"]
    best = [given.ranked(cell)["run_id"].iloc[0] for cell in given.cells()]
    assert links == [*best, *given.frame["run_id"]]


def test_failures_are_listed_with_their_reason() -> None:
    found = page_in("failed")
    assert found.text.count("out of memory") == 96
    assert "depth=1 budget=2000search6" in found.text


def test_reused_results_are_counted() -> None:
    frame = record().frame
    frame.loc[[1, 2], "same_as"] = 0
    given = Record(design(), frame, BOUNDS, str)
    assert "reused from an equal trial" in page(given).text
    assert "reused" not in page(record()).text
