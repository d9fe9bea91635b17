"""From a command to a song that plays, as a person gets there: in cells, clicks and seconds, with the real band."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from minimax_nb.display.servers import free_port
from tests.support.front_ends import shown_studio
from tests.support.person import Person

pytestmark = pytest.mark.browser

A_WHILE = 60_000
"""How long a server, a kernel or a song may take on a busy machine, in milliseconds."""


@contextmanager
def command(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command in fresh folders; told to end, it leaves no process."""
    names = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    own = {name: str(folder / place) for name, place in {**names, "IPYTHONDIR": "ipython"}.items()}
    environment = {**os.environ, **own, "MINIMAX_NB_HOME": str(folder / "library")}
    (folder / "songs").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "minimax_nb.cli", *arguments],
        cwd=folder / "songs", env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        started = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        process.wait(30)
        left = psutil.wait_procs(started, timeout=5)[1]
        for each in left:
            each.kill()
        assert not left


def wait_for(url: str) -> None:
    opener = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + 60
    while True:
        try:
            opener.open(url, timeout=10).close()
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def plays(person: Person, start: float) -> str:
    """Press “Generate song”, and the player's own button once the song is there; say how long it took."""
    person.press("Generate song")
    player = person.player
    expect(player).to_be_visible(timeout=A_WHILE)
    ready = time.monotonic() - start
    box = player.bounding_box()
    assert box
    player.click(position={"x": 25, "y": box["height"] / 2})
    person.page.wait_for_function("audio => audio.currentTime > 0.5", arg=player.element_handle())
    return f"song after {ready:.1f} s with 1 click, and 1 more plays it"


def test_in_lab_it_is_one_cell_and_one_click(page: Page, tmp_path: Path, report_speed: Callable[[str], None]) -> None:
    port = free_port()
    began = time.monotonic()
    with command(tmp_path, "lab", "--no-browser", f"--port={port}", "--IdentityProvider.token="):
        wait_for(f"http://127.0.0.1:{port}/api")
        page.goto(f"http://127.0.0.1:{port}/")
        cell = page.locator(".jp-CodeCell").first
        expect(cell).to_be_visible(timeout=A_WHILE)
        expect(page.get_by_text("| Idle")).to_be_visible(timeout=A_WHILE)
        opened = time.monotonic() - began
        cell.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        studio = shown_studio(page)
        shown = time.monotonic() - began
        expect(page.get_by_text("official Jupyter news")).to_have_count(0)
        expect(page.locator(".jp-CodeCell .jp-InputPrompt", has_text="[1]")).to_have_count(1, timeout=A_WHILE)
        # The page did not jump past it.
        heading = studio.get_by_role("heading", name="Reference")
        expect(heading).to_be_in_viewport()
        person = Person(page, studio)
        said = plays(person, began)
        report_speed(f"lab: notebook after {opened:.1f} s, studio after {shown:.1f} s, {said}, 1 cell")
        # One cell was run.
        assert (
            page.evaluate(
                "() => [...window.document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
                ".filter(prompt => /\\d/.test(prompt.textContent)).length"
            )
            == 1
        )


def test_the_studio_alone_is_one_click(page: Page, tmp_path: Path, report_speed: Callable[[str], None]) -> None:
    began = time.monotonic()
    with command(tmp_path, "studio", "--no-browser") as process:
        assert process.stdout is not None
        said = re.search(r"http://\S+", process.stdout.readline())
        assert said
        wait_for(said[0])
        page.goto(said[0])
        studio = shown_studio(page)
        shown = time.monotonic() - began
        expect(page.locator(".jp-InputArea, .cm-editor")).to_have_count(0)
        person = Person(page, studio)
        words = plays(person, began)
        report_speed(f"studio: shown after {shown:.1f} s, {words}")
        person.press("Save beside the notebook")
        person.sees("beside the notebook.")
        assert list((tmp_path / "songs").glob("Side by side*.mp3"))


def test_nobody_else_on_the_computer_gets_into_it(browser: Browser, tmp_path: Path) -> None:
    with command(tmp_path, "studio", "--no-browser") as process:
        assert process.stdout is not None
        said = re.search(r"http://\S+", process.stdout.readline())
        assert said
        wait_for(said[0])
        page = browser.new_page()
        page.goto(said[0].partition("?")[0])
        expect(page.locator(".mnb-studio")).to_have_count(0)
        expect(page.get_by_label("Password or token")).to_be_visible()
        page.close()
