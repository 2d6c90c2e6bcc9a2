"""A page as Markdown: the answer, the tables and the method, with users' words as text."""

import pandas

from harness.answer import answer
from harness.page.markdown import escaped, markdown
from harness.record import Record
from harness.report import page
from tests.synthetic import design, record


def test_it_holds_answer_tables_method_and_command() -> None:
    given = record(effect={4: 0.05})
    found = answer(given)
    text = markdown(page(given, found, {"command": "make study NAME=x"}))
    lines = text.splitlines()
    assert lines[0] == "# Is it better to be deep or wide?"
    assert lines[2] == f"**{escaped(found.sentences[0])}**"
    assert "## Method" in lines
    assert "- command: make study NAME=x" in lines
    cells = lines[lines.index("### Cells") + 4 :][: 2 + len(given.cells())]
    assert {line.count("|") for line in cells} == {cells[0].count("|")}
    assert cells[1] == "| --- " * (cells[0].count("|") - 1) + "|"


def test_an_empty_study_says_so() -> None:
    given = Record(design(), pandas.DataFrame(), {}, str)
    assert "No answer yet" in markdown(page(given, answer(given), {}))


def test_users_words_cannot_become_markup() -> None:
    assert escaped("<b>|a\nb*") == r"\<b\>\|a b\*"
    given = record(design(question="Is [this](http://x) <script>?"))
    text = markdown(page(given, answer(given), {}))
    assert "<script>" not in text
    assert "[this](" not in text
