"""HTML: a page as one file that needs nothing but itself, and asks no host for anything."""

import base64
import hashlib
from pathlib import Path

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from harness.page.content import Page

FOLDER = Path(__file__).parent


def render(page: Page) -> str:
    """Return the page as HTML.

    Everything that comes from users is escaped. The content security policy allows the page its
    own two scripts, by their hashes, and no other, and no address to load anything from.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["sha256"] = _hash
    return environment.get_template("page.html").render(
        page=page,
        style=Markup((FOLDER / "page.css").read_text(encoding="utf-8")),
        script=Markup((FOLDER / "page.js").read_text(encoding="utf-8")),
        library=Markup(get_plotlyjs().replace("\r\n", "\n")),
        drawn=any(section.drawings for section in page.sections),
    )


def _hash(script: str) -> str:
    """Return a script's sha256 as a content security policy writes it."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
