"""Front ends, a Chromium, and services whose songs take no time, or as long as a test likes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.support.front_ends import (
    CHROMIUM,
    FLAGS,
    FRONT_ENDS,
    LAB,
    FrontEnd,
    Server,
    close_notebooks,
    end_kernel,
    missing,
    running,
)
from tests.support.held_band import NAME as HELD
from tests.support.held_band import Held
from tests.support.home import end_rehearsal
from tests.support.pages import VSCODE, built_pages, offer
from tests.support.service import Running, running_service

VIEW: ViewportSize = {"width": 1200, "height": 1000}
PATIENCE = 15_000
"""How long anything may take on a busy machine, unless a test says otherwise; in milliseconds."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; without it, a person's machine skips and a machine that must have it fails.

    Not for the whole session: Playwright keeps an event loop running in this thread, which other tests would see.
    """
    if not CHROMIUM.exists():
        missing(f"{CHROMIUM} is missing: apt install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[FrontEnd], Server]]:
    """Start a front end when it is first needed; it runs until the end."""
    servers: dict[str, Server] = {}
    with ExitStack() as stack:

        def served(front_end: FrontEnd) -> Server:
            if front_end.name not in servers:
                folder = tmp_path_factory.mktemp(front_end.name)
                servers[front_end.name] = stack.enter_context(running(front_end, folder))
            return servers[front_end.name]

        yield served
    for server in servers.values():
        end_rehearsal(server.home)


@pytest.fixture
def lab(browser: Browser, serve: Callable[[FrontEnd], Server]) -> Server:
    """JupyterLab."""
    return serve(LAB)


@pytest.fixture
def vscode(page: Page, serve: Callable[[FrontEnd], Server], request: pytest.FixtureRequest) -> Server:
    """VS Code's renderer, in a page of our own that Lab's server serves."""
    return offer(page, serve(LAB), VSCODE, built_pages(request.config.cache.mkdir("pages")))


@pytest.fixture(params=FRONT_ENDS)
def server(request: pytest.FixtureRequest, browser: Browser, serve: Callable[[FrontEnd], Server]) -> Server:
    """Each front end in turn."""
    return serve(FRONT_ENDS[request.param])


@contextmanager
def new_page(browser: Browser) -> Iterator[Page]:
    """A page of its own, as if nobody had used this browser before."""
    context = browser.new_context(viewport=VIEW)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    # Choosers are told of only while somebody listens, and nobody waits until that has begun: a quick key would be
    # first.
    page.on("filechooser", lambda _: None)
    yield page
    context.close()


@pytest.fixture(scope="module")
def kept_page(browser: Browser) -> Iterator[Page]:
    """A page for many tests: Lab takes seconds of processor time to load, and a fraction of it to open a notebook."""
    with new_page(browser) as page:
        yield page


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A fresh page, 1200 pixels wide.

    For a test marked ``one_page``, which changes no program of the page, it is Lab's page of this module with nothing
    open in it and no kernel.
    """
    marker = request.node.get_closest_marker("one_page")
    if not marker or marker.args == (False,):
        with new_page(browser) as page:
            yield page
        return
    page = request.getfixturevalue("kept_page")
    page.set_viewport_size(VIEW)
    yield page
    page.context.clear_permissions()
    page.emulate_media(reduced_motion="null")
    close_notebooks(page)


@pytest.fixture
def its_server(request: pytest.FixtureRequest) -> Server:
    """The front end of this test: the one it takes by turns, else Lab."""
    server: Server = request.getfixturevalue("server" if "server" in request.fixturenames else "lab")
    return server


@pytest.fixture
def quick_band(page: Page, home: Path, its_server: Server) -> Iterator[Running]:
    """A service whose songs take no time."""
    with running_service(home) as service:
        yield service
        # A kernel that still waits for a song would start a service of its own.
        end_kernel(page, its_server)


@pytest.fixture
def held_band(page: Page, home: Path, its_server: Server) -> Iterator[Held]:
    """A service whose songs are held back until they are let go."""
    with running_service(home, band=HELD) as service:
        yield Held(service)
        end_kernel(page, its_server)


@pytest.fixture(scope="session")
def track(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Path]:
    """Write a wav as a CD has it, of so many megabytes (176.4 kB are a second)."""
    folder = tmp_path_factory.mktemp("tracks")

    def written(megabytes: float) -> Path:
        path = folder / f"tone {megabytes:g} MB.wav"
        if not path.exists():
            moments = np.arange(int(megabytes * 1e6 / 4)) / 44100
            tone = 0.3 * np.sin(2 * np.pi * 220 * moments)
            soundfile.write(path, np.column_stack([tone, tone]), 44100, subtype="PCM_16")
        return path

    return written


@pytest.fixture
def report_speed(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say something about speed at the end of the run; nothing depends on it."""
    return partial(record_property, "speed")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the speeds."""
    reports = terminalreporter.getreports("passed")
    speeds = [str(said) for report in reports for name, said in report.user_properties if name == "speed"]
    if speeds:
        terminalreporter.section("uploads")
        for speed in speeds:
            terminalreporter.line(speed)
