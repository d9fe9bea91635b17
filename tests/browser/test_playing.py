"""What plays, in JupyterLab: one thing at a time, where the person is, and until they want something else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from minimax_nb import Session, Song, SongRequest, Status
from tests.support.front_ends import Server, open_and_run, write_notebook
from tests.support.held_band import Held
from tests.support.person import A_SONG, Person, studio_cell, tone
from tests.support.service import audio_bytes

pytestmark = [pytest.mark.browser, pytest.mark.one_page]

NUMBER = 8
_IS_SEEN = """node => {
    const { top, bottom, height } = node.getBoundingClientRect();
    const panel = node.closest('.jp-WindowedPanel-outer')?.getBoundingClientRect();
    return height > 0 && top >= (panel?.top ?? 0) && bottom <= (panel?.bottom ?? innerHeight);
}"""
_PLAYED = "svg => svg.querySelector('.mnb-wave-played').getAttribute('d').split('M').length - 1"
_CELLS = "() => window.jupyterapp.shell.currentWidget.content.widgets.length"


@pytest.fixture
def person(page: Page, lab: Server, request: pytest.FixtureRequest, home: Path, held_band: Held) -> Person:
    """Somebody whose library has more takes than the page shows at once, of 20 s each."""
    session = Session(rehearse=True, home=home)
    path, reference = home / "songs" / "r.mp3", home / "references" / "reference.mp3"
    for each in (path, reference):
        each.parent.mkdir(parents=True, exist_ok=True)
        each.write_bytes(audio_bytes(20))
    song = Song(
        "", Status.COMPLETED, datetime.now(UTC), source=str(reference), rehearsal=True, path=path, duration=20.0
    )
    for i in range(NUMBER):
        asked = SongRequest("minimax-music", f"Song number {i}", "", "")
        created = song.created + timedelta(seconds=i)
        session.journal.add(replace(song, request_id=f"r{i}", id=f"g{i}", created=created, request=asked))
    page.set_viewport_size({"width": 1200, "height": 700})
    name = f"playing_{request.node.name}.ipynb"
    write_notebook(lab, name, studio_cell(home=str(home)))
    person = Person(page, open_and_run(page, lab, name))
    person.look_at_takes()
    expect(person.takes).to_have_count(NUMBER)
    return person


def press(take: Locator, name: str) -> None:
    take.get_by_role("button", name=name, exact=len(name) == 1).click()


def sees(person: Person, node: Locator) -> None:
    """Wait until something is in the part of the page that is seen."""
    for _ in range(50):
        if node.evaluate(_IS_SEEN):
            return
        person.page.wait_for_timeout(100)
    raise AssertionError(f"{node} is not seen")


def test_play_in_takes_plays_and_the_page_moves_to_the_player(person: Person) -> None:
    last = person.takes.last
    press(last, "Play")
    expect(person.player).to_have_js_property("paused", False)
    expect(person.studio.locator(".mnb-title")).to_have_text("Song number 0")
    sees(person, person.player)
    person.page.mouse.move(600, 400)
    last.scroll_into_view_if_needed()
    person.player.evaluate("audio => audio.pause()")
    press(last, "Play")
    expect(person.player).to_have_js_property("paused", False)
    sees(person, person.player)


def test_the_waveform_of_a_song_shows_where_it_plays_and_can_be_clicked(person: Person) -> None:
    press(person.takes.first, "Play")
    wave = person.studio.get_by_role("img", name="The song’s loudness over time")
    expect(wave).to_be_visible()
    box = wave.bounding_box()
    assert box
    person.page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + box["height"] / 2)
    person.page.wait_for_timeout(400)
    assert 14.9 < float(person.player.evaluate("audio => audio.currentTime")) < 17
    bars = wave.evaluate("svg => svg.querySelectorAll('path').length && svg.innerHTML.split('M').length - 1")
    before = wave.evaluate(_PLAYED)
    assert 0.7 < before / bars < 0.9
    person.page.wait_for_timeout(1500)
    assert wave.evaluate(_PLAYED) > before, "it moves on while the song plays"


def test_settings_that_are_used_again_are_seen(person: Person) -> None:
    last = person.takes.last
    press(last, "Use these settings again")
    expect(person.lyrics).to_have_value("Song number 0")
    sees(person, person.lyrics)


def test_a_song_that_gets_ready_does_not_cut_off_the_one_that_plays(
    person: Person, held_band: Held, tmp_path: Path
) -> None:
    person.write()
    person.upload(tone(tmp_path, 20))
    person.press("Generate song")
    person.is_at("Making it")
    press(person.takes.last, "Play")
    expect(person.player).to_have_js_property("paused", False)
    moment = person.player.evaluate("audio => audio.currentTime")
    held_band.let_go()
    person.sees("“Side by side, through thick and thin” is ready.", timeout=A_SONG)
    expect(person.studio.locator(".mnb-title")).to_have_text("Song number 0")
    assert person.player.evaluate("audio => !audio.paused && audio.currentTime") > moment
    person.press("Play it")
    expect(person.studio.locator(".mnb-title")).to_have_text("Side by side, through thick and thin")
    expect(person.player).to_have_js_property("paused", False)


def test_one_thing_plays_at_a_time_and_keys_are_the_comparisons_own(person: Person) -> None:
    sounds = person.studio.get_by_role("group", name="Side by side")
    press(person.takes.nth(3), "A")
    person.press("Compare with its reference")
    play, stop = (sounds.get_by_role("button", name=name) for name in ("Play", "Stop"))
    expect(play).to_be_enabled()
    sees(person, play)
    press(person.takes.first, "Play")
    expect(person.player).to_have_js_property("paused", False)
    cells = person.page.evaluate(_CELLS)
    play.click()
    expect(stop).to_be_visible()
    expect(person.player).to_have_js_property("paused", True)
    for key in ("b", "x", "a", "b"):
        person.page.keyboard.press(key)
    assert person.page.evaluate(_CELLS) == cells, "Lab would make new cells of A and B, and cut one with X"
    press(person.takes.first, "Play")
    expect(person.player).to_have_js_property("paused", False)
    expect(play).to_be_visible()
    place = sounds.get_by_role("slider", name="Where it plays")
    place.focus()
    moment = float(place.input_value())
    for key in ("PageUp", "ArrowLeft"):
        person.page.keyboard.press(key)
    assert float(place.input_value()) == pytest.approx(moment + 9, abs=0.2)
    person.page.keyboard.press(" ")
    expect(stop).to_be_visible()
    expect(person.player).to_have_js_property("paused", True)
    person.press("Close")
    expect(sounds).to_be_hidden()
