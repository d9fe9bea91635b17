"""A draft after a kernel restart, and a shelf of favourites, on every front end."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.appearance import grave_issues, overflowing, take_screenshots, themes, widths
from tests.support.front_ends import Server, end_kernel, open_and_run, write_notebook
from tests.support.person import LYRICS, Person, studio_cell, tone

pytestmark = pytest.mark.browser

_LIBRARY = """
from datetime import datetime, timedelta, timezone
from pathlib import Path
from minimax_nb import Session, Song, SongRequest, Status
session = Session(rehearse=True, home={home!r})
folder = session.journal.home / "songs"
folder.mkdir(parents=True)
(folder / "x.mp3").write_bytes(Path({file!r}).read_bytes())
now = datetime.now(timezone.utc) - timedelta(days=1)
for number in range({songs}):
    request = SongRequest("minimax-music", f"Song {{number}} of rain and tea\\nla la", "", "")
    session.journal.add(Song(f"r{{number}}", Status.COMPLETED, now + timedelta(minutes=number), f"g{{number}}",
        request=request, rehearsal=True, path=folder / "x.mp3", duration=20.0))
"""

_LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänsmütze"
_WIDER_THAN_THEIR_ROW = """studio => [...studio.querySelectorAll('.mnb-take-what')]
    .filter(words => words.scrollWidth > words.clientWidth + 1).map(words => words.textContent)"""


def test_a_draft_is_there_after_a_restart(page: Page, server: Server, home: Path, tmp_path: Path) -> None:
    name = "draft.ipynb"
    write_notebook(server, name, studio_cell(home=str(home)))
    person = Person(page, open_and_run(page, server, name))
    person.upload(tone(tmp_path, 20))
    person.sees("tone 20 s.mp3, 0:20")
    person.write()
    page.wait_for_timeout(200)
    assert not list(home.glob("drafts/*.json")), "2 s after the last key"
    for _ in range(100):
        if any(LYRICS.split("\n")[0] in path.read_text() for path in home.glob("drafts/*.json")):
            break
        page.wait_for_timeout(100)
    end_kernel(page, server)
    page.goto("about:blank")
    again = Person(page, open_and_run(page, server, name))
    expect(again.lyrics).to_have_value(LYRICS)
    again.sees("tone 20 s.mp3, 0:20")
    take_screenshots(again, server, "10-draft")
    again.press("Start over")
    expect(again.lyrics).to_have_value("")
    expect(again.button("Bring it back")).to_be_visible()
    end_kernel(page, server)


@pytest.mark.one_page
@pytest.mark.parametrize("songs", [0, 3, 200])
def test_takes_are_drawn_as_they_are_scrolled(
    page: Page, lab: Server, home: Path, tmp_path: Path, songs: int
) -> None:
    name = f"takes{songs}.ipynb"
    cell = _LIBRARY.format(home=str(home), file=str(tone(tmp_path, 20)), songs=songs)
    write_notebook(lab, name, f"{cell}\n{studio_cell(home=str(home))}")
    person = Person(page, open_and_run(page, lab, name))
    person.studio.get_by_role("heading", name="Takes").scroll_into_view_if_needed()
    there = person.studio.get_by_role("button", name="Export")
    expect(there if songs else person.studio.get_by_text("Every song you make is kept here")).to_be_visible()
    if songs:
        person.takes.nth(1).get_by_role("button", name="Star").click()
        expect(person.studio.get_by_role("heading", name="Favourites")).to_be_visible()
        expect(person.takes.first.get_by_role("button", name="Remove the star")).to_be_focused()
        person.takes.nth(1).get_by_role("button", name="Name and note").click()
        person.studio.get_by_label("Name", exact=True).fill("Rainy window")
        person.studio.get_by_label("Note", exact=True).fill(f"The bass is good. {_LONG_WORD}")
        person.press("Keep")
        expect(person.takes.nth(1)).to_contain_text("Rainy window")
    found = [f"{theme}: {issue}" for theme in themes(person.page) for issue in grave_issues(person.page)] + [
        f"{width} px: {node} is cut off"
        for width in widths(person)
        for node in (*overflowing(person), *person.studio.evaluate(_WIDER_THAN_THEIR_ROW))
    ]
    take_screenshots(person, lab, f"11-takes-{songs}")
    if songs == 200:
        drawn = person.takes.count()
        assert drawn < 100
        person.takes.last.scroll_into_view_if_needed()
        expect(person.takes.nth(drawn)).to_be_visible()
        person.studio.get_by_label("Search").fill("rainy")
        expect(person.takes).to_have_count(1)
        person.studio.get_by_label("Search").fill("")
        person.press("Export 1 favourite")
        person.sees("One song is in the folder")
        assert (lab.root / "songs" / "index.html").exists()
    end_kernel(page, lab)
    assert not found, "\n".join(found)
