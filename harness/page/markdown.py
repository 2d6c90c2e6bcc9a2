"""Markdown: a page as plain text, for the appendix of a paper."""

import re
from collections.abc import Iterator

from harness.page.content import Page, Section
from harness.plots.listing import Listing

SPECIAL = re.compile(r"([\\`*_\[\]<>|#~$])")
"""What Markdown, or the HTML and formulas in it, would take for more than text."""


def markdown(page: Page) -> str:
    """Return the page as Markdown: all but the pictures, of which it says what they show."""
    return "\n".join(_lines(page)).strip() + "\n"


def _lines(page: Page) -> Iterator[str]:
    yield from (f"# {escaped(page.title)}", "")
    if page.sentences:
        yield from (f"**{escaped(page.sentences[0])}**", "")
    yield from (f"- {escaped(sentence)}" for sentence in page.sentences[1:])
    yield from ("", "## What limits this answer", "")
    yield from (f"- {escaped(line)}" for line in (*page.caveats, page.limits))
    for section in page.sections:
        yield from _section(section)
    yield from ("", "## Method", "")
    yield from (f"{escaped(sentence)}\n" for sentence in page.method)
    yield from ("## Make it again", "")
    yield from (f"- {escaped(name)}: {escaped(value)}" for name, value in page.facts.items())


def _section(section: Section) -> Iterator[str]:
    shown = [listing for listing in section.listings if listing.rows]
    if not shown and not section.drawings:
        return
    yield from ("", f"## {escaped(section.title)}")
    for drawing in section.drawings:
        yield from ("", f"Figure: {escaped(drawing.title)}. {escaped(drawing.caption)}")
    for listing in shown:
        yield from _table(listing)


def _table(listing: Listing) -> Iterator[str]:
    yield from ("", f"### {escaped(listing.title)}", "", escaped(listing.about), "")
    yield _row(listing.header)
    yield _row(["---"] * len(listing.header), raw=True)
    yield from (_row([entry.text for entry in row]) for row in listing.rows)


def _row(entries: list[str] | tuple[str, ...], *, raw: bool = False) -> str:
    return f"| {' | '.join(entry if raw else escaped(entry) for entry in entries)} |"


def escaped(text: str) -> str:
    """Return a user's text in one line, with everything that Markdown would read marked as text."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))
