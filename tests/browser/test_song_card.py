"""A song as the value of a cell, in a real browser: it plays, and a notebook that is opened again still shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab import _KERNEL_READY, _PLAYS, Server, shut_kernel_down, write_notebook
from playwright.sync_api import Page, expect
from service_helper import audio_bytes

pytestmark = pytest.mark.browser

SONG = """
from datetime import datetime, timezone
from pathlib import Path
from minimax_nb import Song, Status
song = Song("a", Status.COMPLETED, datetime.now(timezone.utc), path=Path({path!r}), duration=20.0)
song
"""
SAVED = """
song.save("beside the notebook.mp3")
song
"""


def open_notebook(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_function(_KERNEL_READY, timeout=60_000)


def test_a_song_plays_and_its_card_outlives_the_kernel(
    page: Page, lab: Server, tmp_path: Path, screenshots: Path
) -> None:
    file = tmp_path / "song.mp3"
    file.write_bytes(audio_bytes(20))
    write_notebook(lab, "card.ipynb", SONG.format(path=str(file)), SAVED)
    notebook = lab.root / "card.ipynb"
    before, url = notebook.stat().st_size, f"{lab.url}/lab/tree/card.ipynb?reset"
    open_notebook(page, url)
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")

    cells = page.locator(".jp-Notebook .jp-OutputArea")
    kernels, beside = cells.nth(0), cells.nth(1)
    expect(kernels.get_by_role("button", name="Play")).to_be_visible(timeout=30_000)
    expect(kernels.locator("audio")).to_have_count(0)
    kernels.get_by_role("button", name="Play").click()
    expect(kernels.locator("audio")).to_be_visible()
    page.wait_for_function("() => document.querySelector('.jp-OutputArea audio').duration > 19")
    assert float(beside.locator("audio").evaluate(_PLAYS)) >= 19
    page.screenshot(path=screenshots / "card-live.png")

    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_timeout(500)
    assert "mnb-song-card" in notebook.read_text()
    assert notebook.stat().st_size - before < 50_000
    shut_kernel_down(page)
    page.goto("about:blank")

    open_notebook(page, url)
    for cell in (kernels, beside):
        expect(cell.get_by_text("Untitled song")).to_be_visible(timeout=30_000)
        expect(cell.locator("svg[role=img]")).to_be_visible()
    error = kernels.get_by_text("Error displaying widget")
    expect(error).to_be_attached(timeout=30_000)
    expect(error).to_be_hidden()
    assert float(beside.locator("audio").evaluate(_PLAYS)) >= 19
    page.screenshot(path=screenshots / "card-reopened.png")
    shut_kernel_down(page)
