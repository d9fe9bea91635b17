"""The gallery of a class in JupyterLab: heard one after the other, with stars, the names last."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from minimax_nb.audio.tags import Tags, tagged
from tests.support.appearance import grave_issues, overflowing, themes, widths
from tests.support.front_ends import Server, open_and_run, write_notebook
from tests.support.person import Person
from tests.support.service import audio_bytes

pytestmark = pytest.mark.browser

CELL = """
from minimax_nb.classroom import gallery
shown = gallery({folder!r}, blind=True)
shown
"""


def test_a_class_listens_and_gives_stars(page: Page, lab: Server, tmp_path: Path) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    for number, name in enumerate(("Ada", "Ben", "Cleo with a name that is much too long for a narrow page")):
        tags = Tags(name, f"Song {number + 1}", "Ding dong,\n\nding dong")
        (folder / f"{number}.mp3").write_bytes(tagged(audio_bytes(1), tags))
    write_notebook(lab, "gallery.ipynb", CELL.format(folder=str(folder)), "shown.stars, shown.blind")
    view = open_and_run(page, lab, "gallery.ipynb")
    expect(view).to_contain_text("What we made")
    expect(view).not_to_contain_text("Ada")
    expect(view.get_by_text("cannot play them")).to_be_hidden()
    view.get_by_role("button", name="Play all").click()
    expect(view.locator(".mnb-songlist-now")).to_have_text("1 of 3: Song 1")
    expect(view.locator(".mnb-songlist-now")).to_have_text("3 of 3: Song 3")  # each is played to its end
    view.get_by_role("button", name="4 of 5 stars for Song 2").click()
    expect(view.get_by_role("button", name="4 of 5 stars for Song 2")).to_have_attribute("aria-pressed", "true")
    view.get_by_role("button", name="Show the names").click()
    expect(view).to_contain_text("Ada")
    person = Person(page, view)
    for theme in themes(page):
        assert not grave_issues(page), theme
        for width in widths(person):
            view.screenshot(path=str(tmp_path / f"gallery-{theme}-{width}.png"))
            assert not overflowing(person), (theme, width)
    page.evaluate(lab.front_end.run, [1])
    expect(page.locator(".jp-OutputArea-output").last).to_have_text("({1: 4}, False)")
