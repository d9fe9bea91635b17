"""A studio in JupyterLab: pages reloaded, kernels restarted, other themes and widths, the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.appearance import grave_issues, overflowing, take_screenshots, themes, widths
from tests.support.front_ends import (
    Server,
    end_kernel,
    open_and_run,
    open_notebook,
    run_cells,
    shown_studio,
    wait_for_kernel,
    write_notebook,
)
from tests.support.held_band import Held
from tests.support.person import A_SONG, CLOCK, LYRICS, PLAYS, Person, studio_cell, tone
from tests.support.service import Running

pytestmark = [pytest.mark.browser, pytest.mark.one_page]

_FOCUS_SHOWS = """node => {
    const style = getComputedStyle(node);
    return style.outlineStyle !== 'none' || style.boxShadow !== 'none' || style.borderStyle !== 'none';
}"""
_SLEEP = "import time\nprint('asleep')\nwhile True:\n    time.sleep(20)"
_RESTART = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
_INTERRUPT = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()"
_SEND_NO_CHUNK = """() => {
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) {
        if ((data.byteLength ?? data.length) < 400000) send.call(this, data);
    };
}"""
_SAVE = "() => window.jupyterapp.commands.execute('docmanager:save')"


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A file name for the notebook of this test."""
    return f"{request.node.originalname}.ipynb"


@pytest.fixture
def person(page: Page, lab: Server, name: str, home: Path) -> Person:
    """Somebody in front of a fresh studio."""
    write_notebook(lab, name, studio_cell(home=str(home)), _SLEEP, "studio.wait()")
    open_notebook(page, lab, name)
    run_cells(page, lab, 0)
    return Person(page, shown_studio(page))


@pytest.fixture
def waiting(person: Person, held_band: Held, tmp_path: Path) -> Person:
    """Somebody whose song is on its way."""
    person.write()
    person.upload(tone(tmp_path, 20))
    person.press("Generate song")
    person.is_at("Making it")
    return person


@pytest.fixture
def house_band(person: Person, lab: Server) -> Iterator[None]:
    """The real band, which the kernel starts by itself."""
    yield
    end_kernel(person.page, lab)


def test_the_house_band_plays_a_sample_and_a_song(person: Person, lab: Server, house_band: None) -> None:
    person.press("Bright and quick")
    person.sees("played by the rehearsal band", timeout=60_000)
    person.press("Use sample lyrics")
    person.press("Generate song")
    assert person.hears_a_song() >= 20
    sung = person.studio.locator(".mnb-words-line.mnb-now")
    expect(sung).to_have_count(0)
    person.player.evaluate("audio => { audio.currentTime = 5; audio.play(); }")
    expect(sung).to_have_count(1)
    expect(sung.locator("span.mnb-now")).to_have_count(1)
    found = [issue for _ in themes(person.page) for issue in grave_issues(person.page)]
    assert not found, "\n".join(found)
    take_screenshots(person, lab, "7-house-band")
    person.page.emulate_media(reduced_motion="reduce")
    person.player.evaluate("audio => { audio.currentTime = 5; audio.play(); }")
    expect(sung).to_have_count(1)
    expect(sung.locator("span.mnb-now")).to_have_count(0)


@pytest.mark.one_page(False)
def test_a_page_that_is_reloaded_carries_on(
    waiting: Person, lab: Server, held_band: Held, name: str, track: Callable[[float], Path], tmp_path: Path
) -> None:
    page = waiting.page
    page.evaluate(_SAVE)
    assert "application/vnd.jupyter.widget-view+json" in (lab.root / name).read_text()
    # Its file stays on its way for as long as it takes.
    page.evaluate(_SEND_NO_CHUNK)
    waiting.upload(track(12))
    expect(waiting.studio.get_by_role("progressbar", name="Upload of")).to_be_visible()
    page.reload()
    person = Person(page, shown_studio(page))
    expect(person.drop_zone).to_be_visible()
    expect(person.lyrics).to_have_value(LYRICS)
    person.sees("tone 20 s.mp3, 0:20")
    person.is_at("Making it")
    person.upload(tone(tmp_path, 25))
    person.sees("tone 25 s.mp3, 0:25")
    held_band.let_go()
    assert person.hears_a_song() > 0
    assert len(held_band.charged()) == 1


def test_a_kernel_that_is_restarted_carries_on(waiting: Person, lab: Server, held_band: Held) -> None:
    page = waiting.page
    page.evaluate(_RESTART)
    waiting.sees("The kernel was restarted. Run this cell again; your songs are in the library.")
    assert waiting.button("Generate song").evaluate("node => node.closest('[inert]') !== null"), "nobody can reach it"
    take_screenshots(waiting, lab, "9-gone")
    wait_for_kernel(page, lab)
    run_cells(page, lab, 0)
    person = Person(page, shown_studio(page))
    person.sees("picked up")
    take_screenshots(person, lab, "3-recovered")
    held_band.let_go()
    assert person.hears_a_song() > 0
    assert len(held_band.charged()) == 1


def test_the_time_moves_while_a_cell_runs_which_can_be_interrupted(
    waiting: Person, lab: Server, held_band: Held
) -> None:
    run_cells(waiting.page, lab, 1)
    expect(waiting.page.get_by_text("asleep", exact=True)).to_be_visible()
    clock = waiting.sees(CLOCK)
    for _ in range(2):
        expect(clock).not_to_have_text(clock.inner_text())
    waiting.press("Show the exact prompt")
    busy = waiting.sees("A cell is running; I go on as soon as it ends.")
    interrupted = waiting.page.get_by_text("KeyboardInterrupt:")
    waiting.page.evaluate(_INTERRUPT)
    expect(interrupted).to_have_count(1)
    expect(waiting.studio.get_by_label("The exact prompt")).to_be_visible()
    expect(busy).to_be_hidden()
    run_cells(waiting.page, lab, 2)
    expect(waiting.page.locator(".jp-InputPrompt").nth(2)).to_have_text("[*]:")
    expect(clock).not_to_have_text(clock.inner_text())
    waiting.page.evaluate(_INTERRUPT)
    expect(interrupted).to_have_count(2)
    held_band.let_go()
    assert waiting.hears_a_song() > 0


def test_it_is_accessible_and_fits_in_every_theme_and_width(
    person: Person, lab: Server, held_band: Held, tmp_path: Path
) -> None:
    found: list[str] = []

    def check(state: str) -> None:
        for theme in themes(person.page):
            found.extend(f"{state}, {theme}: {issue}" for issue in grave_issues(person.page))
        for width in widths(person):
            found.extend(f"{state}, {width} px: {node} is cut off" for node in overflowing(person))

    check("empty")
    person.upload(tone(tmp_path, 8))
    person.sees("8.0 s long")
    check("not right")
    person.upload(tone(tmp_path, 20))
    person.write()
    held_band.service.commit({"fault": "no_credits", "call": "submit", "times": 1})
    person.press("Generate song")
    person.sees("Nothing was spent")
    check("failed")
    person.press("Try again")
    person.is_at("Making it")
    check("working")
    held_band.let_go()
    person.hears_a_song()
    check("done")
    assert not found, "\n".join(sorted(set(found)))


def test_what_happens_is_announced(waiting: Person, held_band: Held) -> None:
    announced = waiting.studio.locator("[aria-live=polite]")
    expect(announced.filter(has_text="Side by side, through thick and thin: Making it.")).to_have_count(1)
    held_band.let_go()
    waiting.hears_a_song()
    expect(announced.filter(has_text="Side by side, through thick and thin is ready.")).to_have_count(1)


def test_several_songs_are_made_at_once(waiting: Person, lab: Server, held_band: Held) -> None:
    waiting.write("Another one\n\nfor the road")
    waiting.press("Generate song")
    expect(waiting.button("Stop waiting")).to_have_count(2)
    take_screenshots(waiting, lab, "3-two")
    held_band.let_go()
    expect(waiting.takes).to_have_count(2, timeout=A_SONG)
    expect(waiting.button("Stop waiting")).to_have_count(0)
    assert waiting.hears_a_song() > 0
    assert len(held_band.charged()) == 2


@pytest.mark.one_page(False)
def test_a_page_that_cannot_draw_the_components_has_all_that_is_needed(
    page: Page, lab: Server, quick_band: Running, name: str, home: Path, tmp_path: Path
) -> None:
    page.route("**/extensions/anywidget/**", lambda route: route.abort())
    write_notebook(lab, name, studio_cell(home=str(home)))
    person = Person(page, open_and_run(page, lab, name))
    person.sees("The drop zone could not be drawn here.")
    with page.expect_file_chooser() as chooser:
        person.press("Choose a file")
    chooser.value.set_files(tone(tmp_path, 20))
    person.sees("tone 20 s.mp3, 0:20")
    person.write()
    take_screenshots(person, lab, "8-plain")
    person.press("Generate song")
    expect(person.studio.locator("audio")).to_have_count(1, timeout=A_SONG)
    assert person.studio.locator("audio").evaluate(PLAYS) > 0
    expect(person.studio.get_by_text("javascript error").locator("visible=true")).to_have_count(0)


def test_it_needs_no_mouse(person: Person, held_band: Held, tmp_path: Path) -> None:
    keyboard = person.page.keyboard
    person.tab_to(person.drop_zone)
    with person.page.expect_file_chooser() as chooser:
        keyboard.press("Space")
    chooser.value.set_files(tone(tmp_path, 20))
    person.sees("tone 20 s.mp3, 0:20")
    person.tab_to(person.lyrics)
    keyboard.type(LYRICS)
    generate = person.button("Generate song")
    expect(generate).to_be_enabled()
    person.tab_to(generate)
    assert generate.evaluate(_FOCUS_SHOWS)
    keyboard.press("Enter")
    person.is_at("Making it")
    person.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    person.tab_to(person.studio.locator("summary").first)
    keyboard.press("Enter")
    person.tab_to(person.button("Copy id"))
    keyboard.press("Enter")
    expect(person.button("Copied")).to_be_visible()
    (submitted,) = held_band.service.jobs()
    assert person.page.evaluate("navigator.clipboard.readText()") == submitted["id"]
    person.tab_to(person.button("Stop waiting"))
    keyboard.press("Space")
    person.tab_to(person.button("Wait again"))
    keyboard.press("Enter")
    held_band.let_go()
    assert person.hears_a_song() > 0
    person.tab_to(person.player)
    keyboard.press("Space")
    expect(person.player).to_have_js_property("paused", False)
