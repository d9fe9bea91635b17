"""VS Code's own renderer: every state in every theme of its, kernels restarted, components that cannot be loaded."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.appearance import grave_issues
from tests.support.front_ends import Server, open_and_run, run_cells, shown_studio, wait_for_kernel, write_notebook
from tests.support.held_band import Held
from tests.support.person import A_SONG, Person, studio_cell, tone
from tests.support.service import Running

pytestmark = pytest.mark.browser

_THEMES = {
    "vscode-dark": ("dark", "rgb(31, 31, 31)"),
    "vscode-light": ("light", "rgb(255, 255, 255)"),
    "vscode-high-contrast": ("dark", "rgb(0, 0, 0)"),
    "vscode-high-contrast-light vscode-high-contrast": ("light", "rgb(255, 255, 255)"),
}
_GROUND = "node => getComputedStyle(node).backgroundColor"
_SCHEME = "node => getComputedStyle(node).colorScheme"
_RESTART = "() => notebook.restart()"
_HOLD_CHUNKS = """() => {
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) {
        if ((data.byteLength ?? data.length) < 400000) send.call(this, data);
    };
    window.letGo = () => { WebSocket.prototype.send = send; };
}"""
_WATCH = """studio => {
    window.flashed = false;
    const look = () => { window.flashed ||= studio.innerText.includes('Your song will appear here'); };
    const all = {subtree: true, childList: true, characterData: true, attributes: true};
    new MutationObserver(look).observe(studio, all);
}"""
_NOTE_LARGE = """() => {
    window.large = [];
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) {
        if ((data.byteLength ?? data.length) > 400000) window.large.push(typeof data);
        send.call(this, data);
    };
}"""


@pytest.fixture
def its_server(vscode: Server) -> Server:
    """The renderer, for the services of these tests."""
    return vscode


@pytest.fixture
def person(page: Page, vscode: Server, home: Path, request: pytest.FixtureRequest) -> Person:
    """Somebody in front of a fresh studio."""
    name = f"{request.node.originalname}.ipynb"
    write_notebook(vscode, name, studio_cell(home=str(home)))
    return Person(page, open_and_run(page, vscode, name))


def see(person: Person, state: str) -> list[str]:
    """What axe finds in a state, in each theme; screenshots for people, where they want them."""
    found, rules = [], ()
    person.page.set_viewport_size({"width": 1200, "height": 3000})
    for theme, (scheme, ground) in _THEMES.items():
        # Light with high contrast differs from light in nothing but colours that the last state has all.
        if theme.startswith("vscode-high-contrast-light") and not state.startswith("done"):
            continue
        person.page.evaluate("names => { document.body.className = names; }", theme)
        studio = person.studio
        assert (studio.evaluate(_SCHEME), studio.evaluate(_GROUND)) == (scheme, ground), theme
        assert studio.evaluate_handle("node => node.parentElement").evaluate(_GROUND) == ground, "no frame around it"
        # What cannot be reached is not examined.
        if state != "gone":
            found += [f"{state}, {theme}: {issue}" for issue in grave_issues(person.page, *rules)]
        rules = ("color-contrast",)  # all that a theme changes
        if folder := os.environ.get("MINIMAX_NB_SCREENSHOTS"):
            picture = Path(folder) / f"vscode-{state}-{theme.split()[0].removeprefix('vscode-')}.png"
            studio.screenshot(path=picture, animations="disabled")
    return found


def test_every_state_can_be_read_in_every_theme(person: Person, held_band: Held, tmp_path: Path) -> None:
    found = see(person, "empty")
    person.page.evaluate(_HOLD_CHUNKS)
    person.upload(tone(tmp_path, 700))
    person.sees("tone 700 s.mp3")
    found += see(person, "uploading")
    person.press("Cancel")
    person.page.evaluate("() => letGo()")
    person.upload(tone(tmp_path, 8))
    person.sees("8.0 s long")
    found += see(person, "not-right")
    person.upload(tone(tmp_path, 20))
    person.write()
    person.sees("Free · usually ready")
    found += see(person, "ready")

    held_band.service.commit({"fault": "no_credits", "call": "submit", "times": 1})
    person.press("Generate song")
    person.sees("Nothing was spent")
    person.press("Use my key")
    found += see(person, "failed")
    person.press("Try again")
    person.is_at("Making it")
    found += see(person, "working")
    person.press("Stop waiting")
    person.sees("Stopped waiting.")
    found += see(person, "stopped")
    person.press("Wait again")
    held_band.let_go()
    assert person.hears_a_song() > 0
    held_band.service.commit(
        {"fault": "drop_after", "call": "submit", "times": 1}, {"fault": "bad_gateway", "call": "logs"}
    )
    person.write("Something else")
    person.press("Generate song")
    person.sees("The response got lost on the way.")
    person.takes.first.get_by_role("button", name="A", exact=True).click()
    person.press("Compare with its reference")
    expect(person.studio.get_by_role("group", name="Side by side").get_by_role("button", name="Play")).to_be_enabled()
    found += see(person, "done-unknown-and-compared")
    assert not found, "\n".join(found)


def test_a_large_file_comes_as_text_which_is_quicker_here(
    page: Page,
    person: Person,
    quick_band: Running,
    track: Callable[[float], Path],
    report_speed: Callable[[str], None],
) -> None:
    page.evaluate(_NOTE_LARGE)
    file = track(32)
    person.upload(file)
    words = re.compile(rf"^{re.escape(file.name)} · 32\.0 MB in [\d.]+ s$")
    report_speed(f"VS Code’s renderer, {person.sees(words, timeout=60_000).inner_text()}")
    assert set(page.evaluate("large")) == {"string"}
    person.sees(f"{file.name}, 3:01")
    person.write()
    person.press("Generate song")
    assert person.hears_a_song() > 0, "a song comes as text, too"

    person.studio.evaluate(_WATCH)
    person.player.evaluate("audio => { audio.loop = true; return audio.play(); }")
    heard = person.player.get_attribute("src")
    person.write("Something else")
    person.press("Generate song")
    person.sees("“Something else” is ready.", timeout=A_SONG)
    assert not person.player.evaluate("audio => audio.paused"), "the one that is heard is not cut off"
    assert person.player.get_attribute("src") == heard
    assert not page.evaluate("flashed")


def test_what_cannot_be_loaded_is_one_calm_line_and_a_button(
    page: Page, vscode: Server, quick_band: Running, home: Path, tmp_path: Path
) -> None:
    page.route("**/page/anywidget.js", lambda route: route.abort())
    write_notebook(vscode, "missing.ipynb", studio_cell(home=str(home)))
    person = Person(page, open_and_run(page, vscode, "missing.ipynb"))
    person.sees("The drop zone could not be drawn here.")
    expect(person.button("Choose a file")).to_be_visible()
    boxes = person.studio.get_by_text("javascript error").locator("visible=true")
    expect(boxes).to_have_count(0)
    found = see(person, "missing")
    with page.expect_file_chooser() as chooser:
        person.press("Choose a file")
    chooser.value.set_files(tone(tmp_path, 20))
    person.sees("tone 20 s.mp3, 0:20")
    person.write()
    person.press("Generate song")
    expect(person.studio.locator("audio")).to_have_count(1, timeout=A_SONG)
    expect(boxes).to_have_count(0)
    assert not found, "\n".join(found)


def test_a_restarted_kernel_is_said_and_carries_on(
    person: Person, vscode: Server, held_band: Held, tmp_path: Path
) -> None:
    person.write()
    person.upload(tone(tmp_path, 20))
    person.press("Generate song")
    person.is_at("Making it")
    person.page.evaluate(_RESTART)
    person.sees("The kernel was restarted. Run this cell again; your songs are in the library.")
    assert person.button("Generate song").evaluate("node => node.closest('[inert]') !== null"), "nobody can reach it"
    found = see(person, "gone")
    wait_for_kernel(person.page, vscode)
    run_cells(person.page, vscode, 0)
    person = Person(person.page, shown_studio(person.page))
    person.sees("picked up")
    found += see(person, "picked-up")
    person.studio.evaluate(_WATCH)
    held_band.let_go()
    assert person.hears_a_song() > 0
    assert not person.page.evaluate("flashed"), "nothing flashes between making it and the player"
    assert len(held_band.charged()) == 1
    assert not found, "\n".join(found)
