"""One browser for all tests in this folder, and what each page may do: no error, no other host."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass
class Tab:
    """A page, the errors on its console, and the addresses that it asked for."""

    page: "Page"
    errors: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def foreign(self, *allowed: str) -> list[str]:
        """Return the addresses beyond its own file, data, and the `allowed` beginnings."""
        known = ("file://", "data:", "blob:", *allowed)
        return [address for address in self.asked if not address.startswith(known)]


Open = Callable[..., Tab]


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """Debian's Chromium, without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: `make system` installs it on Debian")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(QUIET))
        yield started
        started.close()


@pytest.fixture(scope="module")
def open_tab(browser: "Browser") -> Iterator[Open]:
    """Open an address in a tab of its own, with the options of a browser's context."""
    contexts: list[BrowserContext] = []

    def open_(address: str, **options: Any) -> Tab:
        context = browser.new_context(**({"viewport": {"width": 1100, "height": 900}} | options))
        contexts.append(context)
        tab = Tab(context.new_page())
        context.on("request", lambda request: tab.asked.append(request.url))
        tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))
        tab.page.on(
            "console",
            lambda said: (
                tab.errors.append(f"{said.text} {said.location}") if said.type == "error" else None
            ),
        )
        tab.page.goto(address)
        return tab

    yield open_
    for context in contexts:
        context.close()
