"""A song as the value of a cell, in a real browser: it plays, and a notebook that is opened again still shows it."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from playwright.sync_api import Page, expect

from tests.support.front_ends import Server, end_kernel, open_notebook, run_cells, write_notebook
from tests.support.person import PLAYS, studio_cell
from tests.support.service import audio_bytes

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
%cd -q /
song
"""
PICTURE = "song.plot()"
_SAVE = "() => window.jupyterapp.commands.execute('docmanager:save')"


@pytest.mark.parametrize("server", ["lab", "notebook7"], indirect=True)
def test_a_song_plays_and_its_card_outlives_the_kernel(page: Page, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "song.mp3"
    file.write_bytes(audio_bytes(20, pitch=330))  # no other test leaves a copy of it beside the notebook
    write_notebook(server, "card.ipynb", SONG.format(path=str(file)), SAVED, PICTURE)
    notebook = server.root / "card.ipynb"
    before = notebook.stat().st_size
    open_notebook(page, server, "card.ipynb")
    run_cells(page, server, 0, 1)

    cells = page.locator(".jp-Notebook .jp-OutputArea")
    kernels, beside = cells.nth(0), cells.nth(1)
    expect(kernels.get_by_role("button", name="Play")).to_be_visible(timeout=30_000)
    expect(kernels.locator("audio")).to_have_count(0)
    kernels.get_by_role("button", name="Play").click()
    expect(kernels.locator("audio")).to_be_visible()
    page.wait_for_function("() => document.querySelector('.jp-OutputArea audio').duration > 19")
    assert float(beside.locator("audio").evaluate(PLAYS)) >= 19

    page.evaluate(_SAVE)
    assert "mnb-song-card" in notebook.read_text()
    assert notebook.stat().st_size - before < 50_000
    run_cells(page, server, 2)
    picture = cells.nth(2).get_by_role("img", name="Untitled song, 20 seconds")
    expect(picture).to_have_count(1, timeout=30_000)
    page.evaluate(_SAVE)
    end_kernel(page, server)
    page.goto("about:blank")

    open_notebook(page, server, "card.ipynb")
    for cell in (kernels, beside):
        expect(cell.get_by_text("Untitled song")).to_be_visible(timeout=30_000)
        expect(cell.locator("svg[role=img]")).to_be_visible()
    expect(kernels.get_by_text("Error displaying widget")).to_be_hidden()
    expect(picture).to_be_visible()
    assert float(beside.locator("audio").evaluate(PLAYS)) >= 19
    end_kernel(page, server)


@pytest.mark.parametrize("server", ["lab", "notebook7"], indirect=True)
def test_a_notebook_of_somebody_else_is_readable_before_it_is_trusted(
    page: Page, server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "song.mp3"
    file.write_bytes(audio_bytes(20, pitch=440))
    write_notebook(server, "theirs.ipynb", SONG.format(path=str(file)), SAVED, studio_cell())
    notebook = nbformat.read(server.root / "theirs.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(server.root)}}).execute()
    nbformat.write(notebook, server.root / "theirs.ipynb")  # signed by nobody

    open_notebook(page, server, "theirs.ipynb")
    cells = page.locator(".jp-Notebook .jp-OutputArea")
    for cell in (cells.nth(0), cells.nth(1)):
        expect(cell.get_by_text("Untitled song")).to_be_visible(timeout=30_000)
        expect(cell.get_by_text("0:20")).to_be_visible()
    expect(
        page.get_by_text(re.compile("Error displaying widget|Traceback|mnb-song-card")).locator("visible=true")
    ).to_have_count(0)
    end_kernel(page, server)
