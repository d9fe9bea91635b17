"""A person's path in JupyterLab: a real browser, a real kernel, a real service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import Server, open_and_run, playable_seconds, shut_kernel_down, upload, write_notebook
from playwright.sync_api import Locator, Page, expect
from service_helper import Running, audio_bytes, running_service

pytestmark = pytest.mark.browser

LYRICS = "Side by side, through thick and thin,\n\nWith a laugh, we always win."
A_SONG = 60_000
"""How long a song may take here, in milliseconds."""


def studio_cell(**session: object) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in {"rehearse": True, **session}.items())
    return f"from minimax_nb import MusicStudio, Session\nstudio = MusicStudio(session=Session({arguments}))\nstudio"


@pytest.fixture
def slow_band(page: Page, home: Path) -> Iterator[Running]:
    """A service whose songs take a while, for looking at them on their way."""
    with running_service(home, seconds=15) as service:
        yield service
        # A kernel that still waits for a song would start a service of its own.
        shut_kernel_down(page)


@pytest.fixture
def quick_band(page: Page, home: Path) -> Iterator[Running]:
    """A service whose songs take no time."""
    with running_service(home) as service:
        yield service
        shut_kernel_down(page)


def wav(folder: Path, seconds: float) -> Path:
    path = folder / f"tone {seconds:g} s.wav"
    path.write_bytes(audio_bytes(seconds, kind="WAV"))
    return path


def photograph(studio: Locator, page: Page, folder: Path, state: str) -> None:
    """Take the studio as it stands, narrow to wide, by day and by night."""
    page.set_viewport_size({"width": 1700, "height": 1700})
    for theme in ("Light", "Dark"):
        page.evaluate(
            "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})",
            f"JupyterLab {theme}",
        )
        for width in (360, 700, 1200):
            studio.evaluate("(node, width) => { node.style.width = `${width}px`; }", width)
            page.wait_for_timeout(150)
            studio.screenshot(path=folder / f"{state}-{width}-{theme.lower()}.png", animations="disabled")
    studio.evaluate("node => { node.style.width = ''; }")


def test_a_song_from_a_file_and_lyrics(page: Page, lab: Server, tmp_path: Path, screenshots: Path) -> None:
    write_notebook(lab, "song.ipynb", studio_cell())
    studio = open_and_run(page, lab, "song.ipynb")
    generate = studio.get_by_role("button", name="Generate song")
    expect(generate).to_be_disabled()
    expect(studio.get_by_text("Add a reference and some lyrics to begin.")).to_be_visible()
    photograph(studio, page, screenshots, "1-empty")

    upload(page, studio, wav(tmp_path, 20))
    expect(studio.get_by_text("tone 20 s.wav, 0:20 · 1.8 MB")).to_be_visible()
    studio.get_by_label("What is sung").fill(LYRICS)
    expect(studio.get_by_text("71 of 600 characters · 2 lines · 1 pause")).to_be_visible()
    expect(studio.get_by_text("Free · usually ready")).to_be_visible()
    photograph(studio, page, screenshots, "2-ready")

    generate.click()
    expect(studio.get_by_text(re.compile(r"0:0\d of about 0:10"))).to_be_visible()
    expect(studio.get_by_text("Making it")).to_be_visible()
    expect(studio.locator("audio")).to_be_visible(timeout=A_SONG)
    assert playable_seconds(studio) >= 20
    expect(studio.get_by_role("link", name="Download mp3")).to_be_visible()
    studio.get_by_role("button", name="Save beside the notebook").click()
    expect(studio.get_by_text("beside the notebook.", exact=False)).to_be_visible()
    assert list(lab.root.glob("Side by side*.mp3"))
    photograph(studio, page, screenshots, "5-done")


def test_what_is_not_right_is_said_and_mended(
    page: Page, lab: Server, quick_band: Running, tmp_path: Path, screenshots: Path
) -> None:
    write_notebook(lab, "mended.ipynb", studio_cell(home=str(quick_band.home)))
    studio = open_and_run(page, lab, "mended.ipynb")
    lyrics, generate = studio.get_by_label("What is sung"), studio.get_by_role("button", name="Generate song")
    lyrics.fill(LYRICS)
    upload(page, studio, wav(tmp_path, 8))
    expect(studio.get_by_text("8.0 s long, and the model needs more than 15 s. Pick a longer one.")).to_be_visible()
    expect(generate).to_be_disabled()
    photograph(studio, page, screenshots, "2-not-right")

    upload(page, studio, wav(tmp_path, 20))
    quick_band.commit({"fault": "no_credits", "call": "submit", "times": 1})
    generate.click()
    expect(studio.get_by_text("Nothing was spent. Top up")).to_be_visible()
    expect(lyrics).to_have_value(LYRICS)
    photograph(studio, page, screenshots, "4-failed")

    studio.get_by_role("button", name="Try again").click()
    expect(studio.locator("audio")).to_be_visible(timeout=A_SONG)
    assert playable_seconds(studio) > 0
    expect(studio.locator(".mnb-error")).to_have_count(0)


def test_nobody_has_to_wait(page: Page, lab: Server, slow_band: Running, tmp_path: Path, screenshots: Path) -> None:
    write_notebook(lab, "left.ipynb", studio_cell(home=str(slow_band.home)))
    studio = open_and_run(page, lab, "left.ipynb")
    studio.get_by_label("What is sung").fill(LYRICS)
    upload(page, studio, wav(tmp_path, 20))
    studio.get_by_role("button", name="Generate song").click()
    expect(studio.get_by_text("Making it")).to_be_visible()
    photograph(studio, page, screenshots, "3-working")

    studio.get_by_role("button", name="Stop waiting").click()
    expect(studio.get_by_text("Not waiting any more. The song may still be made")).to_be_visible()
    photograph(studio, page, screenshots, "3-left")
    studio.get_by_role("button", name="Wait again").click()
    expect(studio.locator("audio")).to_be_visible(timeout=A_SONG)
    assert len(slow_band.ledger()) == 1


def test_the_time_moves_while_a_cell_runs(page: Page, lab: Server, slow_band: Running, tmp_path: Path) -> None:
    reference = wav(tmp_path, 20)
    cell = studio_cell(home=str(slow_band.home))
    cell = cell.replace("studio = MusicStudio(", f"studio = MusicStudio({LYRICS!r}, {str(reference)!r}, ")
    write_notebook(lab, "busy.ipynb", cell, "studio._generate.click()\nimport time\ntime.sleep(20)")
    studio = open_and_run(page, lab, "busy.ipynb")
    for seconds in (2, 4):
        expect(studio.get_by_text(f"0:0{seconds} of about 0:10")).to_be_visible()
