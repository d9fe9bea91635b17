"""A person's path on every front end: a real browser, a real kernel, a real service."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.appearance import take_screenshots
from tests.support.front_ends import Server, open_and_run, write_notebook
from tests.support.held_band import Held
from tests.support.person import A_SONG, CLOCK, LYRICS, Person, studio_cell, tone
from tests.support.service import Running

pytestmark = pytest.mark.browser

A_LONG_WAY = 60_000
"""How long an upload may take here, in milliseconds."""


@pytest.fixture
def person(page: Page, server: Server, request: pytest.FixtureRequest, home: Path) -> Person:
    """Somebody in front of a fresh studio."""
    name = f"{request.node.originalname}.ipynb"
    write_notebook(server, name, studio_cell(home=str(home)))
    return Person(page, open_and_run(page, server, name))


def test_a_large_file_and_lyrics_become_a_song(
    person: Person,
    server: Server,
    held_band: Held,
    track: Callable[[float], Path],
    report_speed: Callable[[str], None],
) -> None:
    expect(person.button("Generate song")).to_be_disabled()
    person.sees("Add a reference and some lyrics to begin.")
    take_screenshots(person, server, "1-empty")

    limited = server.front_end.message_limit <= 1e6
    file = track(12 if limited else 40)
    person.upload(file)
    arrived = person.sees(re.compile(rf"^{re.escape(file.name)} · [\d.]+ MB in [\d.]+ s$"), timeout=A_LONG_WAY)
    seconds = float(arrived.inner_text().split()[-2])
    speed = file.stat().st_size / 2**20 / max(seconds, 0.1)
    report_speed(f"{server.front_end.name:>10}  {file.stat().st_size / 1e6:.0f} MB in {seconds} s, {speed:.1f} MiB/s")
    person.sees(f"{file.name}, {'1:08' if limited else '3:46'}")
    person.write()
    person.sees("71 of 600 characters, 4 of them for the accompaniment · 2 lines · 1 pause")
    person.sees("Free · usually ready")
    take_screenshots(person, server, "2-ready")

    person.press("Generate song")
    person.is_at("Making it")
    person.sees(re.compile(r"^Submitted"))
    clock = person.sees(CLOCK)
    expect(clock).not_to_have_text(clock.inner_text())
    person.studio.get_by_text("Details", exact=True).first.click()
    person.press("Copy id")
    expect(person.button("Copied")).to_be_visible()
    take_screenshots(person, server, "3-working")
    held_band.let_go()
    assert person.hears_a_song() >= 2
    with person.page.expect_download() as download:
        person.studio.get_by_role("link", name="Download mp3").click()
    assert download.value.suggested_filename == "Side by side, through thick and thin.mp3"
    assert download.value.path().read_bytes()[:3] in (b"ID3", b"\xff\xfb\x90")
    expect(person.studio.get_by_role("img", name="The song’s loudness over time")).to_be_visible()
    person.press("Save beside the notebook")
    person.sees("thin.mp3” beside the notebook.")
    assert list(server.root.glob("Side by side*.mp3"))
    take_screenshots(person, server, "5-done")


def test_what_is_not_right_is_said_and_mended(
    person: Person, server: Server, quick_band: Running, tmp_path: Path
) -> None:
    person.write()
    person.upload(tone(tmp_path, 8))
    person.sees("8.0 s long, and the model needs more than 15 s. Pick a longer one.")
    expect(person.button("Generate song")).to_be_disabled()
    take_screenshots(person, server, "2-not-right")

    person.upload(tone(tmp_path, 20))
    person.sees("tone 20 s.mp3, 0:20")
    quick_band.commit({"fault": "no_credits", "call": "submit", "times": 1})
    person.press("Generate song")
    person.sees("Nothing was spent. Top up")
    expect(person.lyrics).to_have_value(LYRICS)
    person.sees("tone 20 s.mp3, 0:20")
    person.studio.get_by_role("alert").get_by_text("Details", exact=True).click()
    person.press("Copy details")
    expect(person.button("Copied")).to_be_visible()
    take_screenshots(person, server, "4-failed")

    person.press("Try again")
    assert person.hears_a_song() > 0
    expect(person.studio.get_by_role("alert").get_by_text("Details", exact=True)).to_have_count(0)
    assert len(quick_band.jobs()) == 1


def test_nobody_has_to_wait_and_a_take_can_be_the_next_start(
    person: Person, server: Server, held_band: Held, tmp_path: Path
) -> None:
    person.write()
    person.upload(tone(tmp_path, 20))
    person.press("Generate song")
    person.is_at("Making it")
    person.press("Stop waiting")
    person.sees("Stopped waiting. The song may still be made. It is in your library and will be picked up.")
    take_screenshots(person, server, "3-left")
    person.press("Wait again")
    held_band.let_go()
    assert person.hears_a_song() > 0
    assert len(held_band.charged()) == 1

    person.write("Something else")
    person.upload(tone(tmp_path, 25))
    person.sees("tone 25 s.mp3, 0:25")
    expect(person.takes).to_have_count(1)
    person.press("Use these settings again")
    expect(person.lyrics).to_have_value(LYRICS)
    person.sees("tone 20 s.mp3, 0:20")
    person.press("Generate song")
    expect(person.takes).to_have_count(2, timeout=A_SONG)
    first, second = held_band.charged()
    assert first["prompt"] == second["prompt"]
    newest = person.takes.first
    newest.get_by_role("button", name="Delete").click()
    expect(newest).to_contain_text("is off the list. Its file stays in the library until it is deleted for good.")
    newest.get_by_role("button", name="Undo").click()
    expect(newest.get_by_role("button", name=re.compile("Delete$"))).to_be_visible()
    take_screenshots(person, server, "6-takes")
