"""The studio in the themes of Colab and of the browser itself, put onto a page of Lab."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.support.appearance import grave_issues
from tests.support.front_ends import Server, open_and_run, write_notebook
from tests.support.person import Person, studio_cell, tone
from tests.support.service import Running

pytestmark = pytest.mark.browser

# Colab says its theme by an attribute. Where nobody says anything, the browser does.
_WEAR_COLAB = """theme => {
    document.body.removeAttribute('data-jp-theme-light');
    document.documentElement.setAttribute('theme', theme);
}"""
_SCHEME = "node => getComputedStyle(node).colorScheme"


@pytest.fixture
def person(page: Page, lab: Server, quick_band: Running, home: Path, tmp_path: Path) -> Person:
    """Somebody with one song in the player, one that failed, and a key field that is open."""
    write_notebook(lab, "themes.ipynb", studio_cell(home=str(home)))
    person = Person(page, open_and_run(page, lab, "themes.ipynb"))
    person.write()
    person.upload(tone(tmp_path, 20))
    person.press("Generate song")
    person.hears_a_song()
    quick_band.commit({"fault": "no_credits", "call": "submit", "times": 1})
    person.write("Something else")
    person.press("Generate song")
    person.sees("Nothing was spent")
    person.press("Use my key")
    return person


def photograph(person: Person, name: str) -> None:
    folder = os.environ.get("MINIMAX_NB_SCREENSHOTS")
    if folder:
        person.studio.screenshot(path=Path(folder) / f"theme-{name.split()[-1]}.png", animations="disabled")


def test_everything_can_be_read_in_every_theme(person: Person) -> None:
    page, found = person.page, []
    for theme in ("dark", "light"):
        page.evaluate(_WEAR_COLAB, theme)
        assert person.studio.evaluate(_SCHEME) == theme
        found += [f"Colab {theme}: {issue}" for issue in grave_issues(page)]
        photograph(person, f"colab-{theme}")
    page.evaluate("document.documentElement.removeAttribute('theme')")
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert person.studio.evaluate(_SCHEME) == scheme, "the browser has the last word"
    assert not found, "\n".join(found)
