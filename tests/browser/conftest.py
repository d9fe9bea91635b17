"""One JupyterLab and one Chromium for all tests in real browsers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from home_helper import end_rehearsal
from lab import CHROMIUM, FLAGS, Server, running_lab
from playwright.sync_api import Browser, Page, sync_playwright


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; without it, a person's machine skips and a machine that must have it fails.

    Not for the whole session: Playwright keeps an event loop running in this thread, which other tests would see.
    """
    if not CHROMIUM.exists():
        if os.environ.get("CI") or os.environ.get("MINIMAX_NB_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{CHROMIUM} is missing: apt install chromium")
        pytest.skip(f"{CHROMIUM} is missing")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """JupyterLab, with a library that its kernels share."""
    with running_lab(tmp_path_factory.mktemp("lab")) as server:
        yield server
    end_rehearsal(server.home)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page, 1200 pixels wide."""
    context = browser.new_context(viewport={"width": 1200, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(15_000)
    yield page
    context.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where pictures go that a person will look at."""
    folder = Path(os.environ.get("MINIMAX_NB_SCREENSHOTS") or tempfile.mkdtemp(prefix="minimax_nb-"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
