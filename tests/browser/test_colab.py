"""The stand-in for Google Colab has what Colab has, and lacks what it lacks.

Its kernel is shown by classic Notebook, and by a widget manager of our own over the packages that Colab's is made of.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support import ROOT
from tests.support.appearance import grave_issues
from tests.support.front_ends import (
    COLAB,
    MESSAGE_LIMIT,
    FrontEnd,
    Server,
    open_and_run,
    open_notebook,
    run_cells,
    shown_studio,
    write_notebook,
)
from tests.support.held_band import Held
from tests.support.pages import COLAB_MANAGER, built_pages, offer
from tests.support.person import Person, studio_cell, tone
from tests.support.service import Running

pytestmark = pytest.mark.browser

PINS = ROOT / "tests" / "data" / "colab-pins.txt"
PACKAGES = ("ipywidgets", "ipykernel", "ipython", "anywidget", "tornado", "traitlets", "numpy", "soundfile")
_VERSIONS = f"from importlib.metadata import version\nprint(*(f'{{name}}=={{version(name)}}' for name in {PACKAGES}))"
_ASK = """padding => new Promise(resolve => {
    const {ws_url, id} = Jupyter.notebook.kernel;
    const socket = new WebSocket(`${ws_url}/api/kernels/${id}/channels`);
    const msg_type = 'kernel_info_request';
    const header = {msg_id: 'm', session: 's', username: '', date: '', version: '5.3', msg_type};
    const metadata = {padding: 'x'.repeat(padding)};
    const question = {header, metadata, parent_header: {}, content: {}, buffers: [], channel: 'shell'};
    socket.onopen = () => socket.send(JSON.stringify(question));
    socket.onmessage = event => JSON.parse(event.data).msg_type === 'kernel_info_reply' && resolve('answered');
    socket.onclose = () => resolve('closed');
})"""
"""Asks the kernel something, in a message of a given size."""
_STUB = f"import sys; sys.path.insert(0, {str(ROOT / 'tests' / 'support' / 'colab')!r})\nimport google.colab"
_WEAR = "theme => document.documentElement.setAttribute('theme', theme)"
_TAKE_OFF = "() => document.documentElement.removeAttribute('theme')"
_SCHEME = "node => getComputedStyle(node).colorScheme"
_INTERRUPT = "() => Jupyter.notebook.kernel.interrupt()"


@pytest.fixture
def colab(page: Page, serve: Callable[[FrontEnd], Server]) -> Server:
    """The stand-in."""
    return serve(COLAB)


@pytest.fixture
def manager(page: Page, colab: Server, request: pytest.FixtureRequest) -> Server:
    """The same kernels, shown by Colab's own packages."""
    return offer(page, colab, COLAB_MANAGER, built_pages(request.config.cache.mkdir("pages")))


@pytest.fixture
def its_server(request: pytest.FixtureRequest) -> Server:
    """The stand-in, for the services of these tests."""
    server: Server = request.getfixturevalue("manager" if "manager" in request.fixturenames else "colab")
    return server


def test_the_stand_in_has_its_versions_and_its_limit(page: Page, colab: Server) -> None:
    write_notebook(colab, "stand-in.ipynb", _VERSIONS)
    open_notebook(page, colab, "stand-in.ipynb")
    run_cells(page, colab, 0)
    pins = [line for line in PINS.read_text().splitlines() if line.partition("==")[0].lower() in PACKAGES]
    by_name = {line.partition("==")[0].lower(): line for line in pins}
    expect(page.get_by_text(" ".join(by_name[name] for name in PACKAGES))).to_be_visible()
    assert page.evaluate(_ASK, MESSAGE_LIMIT - 1000) == "answered"
    assert page.evaluate(_ASK, MESSAGE_LIMIT) == "closed"


def test_a_cell_that_runs_is_said_and_one_that_waits_keeps_the_buttons_alive(
    page: Page, colab: Server, held_band: Held, home: Path, tmp_path: Path
) -> None:
    sleep = "import time\nwhile True:\n    time.sleep(20)"
    write_notebook(colab, "waits.ipynb", studio_cell(home=str(home)), sleep, "studio.wait()")
    open_notebook(page, colab, "waits.ipynb")
    run_cells(page, colab, 0)
    person = Person(page, shown_studio(page))
    person.write()
    person.upload(tone(tmp_path, 20))
    person.press("Generate song")
    person.is_at("Making it")

    def run(cell: int) -> None:
        run_cells(page, colab, cell)
        expect(page.locator(".input_prompt").nth(cell)).to_contain_text("*")

    run(1)
    person.press("Stop waiting")
    busy = person.sees("A cell is running; I go on as soon as it ends.")
    page.evaluate(_INTERRUPT)
    person.sees("Stopped waiting.")
    expect(busy).to_be_hidden()

    person.press("Wait again")
    run(2)
    person.press("Stop waiting")
    person.sees("Stopped waiting.")
    expect(page.get_by_text("Stopped waiting for this song.").first).to_be_visible()

    person.press("Wait again")
    person.is_at("Making it")
    run(2)
    page.evaluate(_INTERRUPT)
    expect(page.get_by_text("KeyboardInterrupt").nth(1)).to_be_visible()
    held_band.let_go()
    assert person.hears_a_song() > 0


def test_its_own_widget_manager_shows_a_studio_in_every_theme(
    page: Page, manager: Server, quick_band: Running, home: Path, track: Callable[[float], Path]
) -> None:
    write_notebook(manager, "manager.ipynb", _STUB, studio_cell(home=str(home)))
    person = Person(page, open_and_run(page, manager, "manager.ipynb"))
    person.sees("Rehearsal: free, on Google’s computer")
    person.write()
    person.upload(track(12))
    person.sees("tone 12 MB.wav, 1:08")
    person.press("Generate song")
    assert person.hears_a_song() > 0
    quick_band.commit({"fault": "no_credits", "call": "submit", "times": 1})
    person.write("Something else")
    person.press("Generate song")
    person.sees("Nothing was spent")
    person.press("Use my key")
    found = []
    for theme in ("dark", "light"):
        page.evaluate(_WEAR, theme)
        assert person.studio.evaluate(_SCHEME) == theme
        found += [f"{theme}: {issue}" for issue in grave_issues(page)]
        if folder := os.environ.get("MINIMAX_NB_SCREENSHOTS"):
            person.studio.screenshot(path=Path(folder) / f"colab-manager-{theme}.png", animations="disabled")
    page.evaluate(_TAKE_OFF)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert person.studio.evaluate(_SCHEME) == scheme, "the browser has the last word"
    assert not found, "\n".join(found)
