"""What a person does with a studio on a page, and what they see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.support.service import audio_bytes

LYRICS = "Side by side, through thick and thin,\n\nWith a laugh, we always win."
A_SONG = 60_000
"""How long a song may take here, in milliseconds."""
CLOCK = re.compile(r"^\d+:\d\d( of about \d+:\d\d|, longer than usual)$")
"""How long a song has taken, as it is said under its bar."""

_MANY_TABS = 40
PLAYS = """audio => new Promise(resolve => {
    audio.addEventListener('canplay', () => resolve(audio.error ? -1 : audio.duration), {once: true});
    audio.addEventListener('error', () => resolve(-1), {once: true});
    audio.load();
})"""


def studio_cell(*arguments: object, **session: object) -> str:
    """The code of a cell that shows a studio, with positional arguments of it and keywords of its session."""
    keywords = ", ".join(f"{name}={value!r}" for name, value in {"rehearse": True, **session}.items())
    given = ", ".join([*map(repr, arguments), f"session=Session({keywords})"])
    return f"from minimax_nb import MusicStudio, Session\nstudio = MusicStudio({given})\nstudio"


def tone(folder: Path, seconds: float) -> Path:
    """Write a small reference of so many seconds."""
    path = folder / f"tone {seconds:g} s.mp3"
    path.write_bytes(audio_bytes(seconds))
    return path


@dataclass(frozen=True)
class Person:
    """Somebody in front of a studio."""

    page: Page
    studio: Locator

    def upload(self, file: Path) -> None:
        """Pick a file with the button of the drop zone."""
        with self.page.expect_file_chooser() as chooser:
            self.drop_zone.click()
        chooser.value.set_files(file)

    def write(self, lyrics: str = LYRICS) -> None:
        """Write the lyrics over whatever the field holds."""
        self.lyrics.fill(lyrics)

    def press(self, name: str) -> None:
        """Press a button, once it can be pressed."""
        self.button(name).click()

    def sees(self, text: str | re.Pattern[str], *, timeout: float | None = None) -> Locator:
        """Find a text that is shown, or will be soon."""
        # What is only said aloud is not shown.
        found = self.studio.get_by_text(text).and_(self.page.locator(":not(.mnb-aloud)")).first
        expect(found).to_be_visible(timeout=timeout)
        return found

    def is_at(self, step: str) -> None:
        """Wait until a song stands at a step; the steps that are to come are shown as well."""
        expect(self.studio.locator("li.mnb-now", has_text=step).first).to_be_visible()

    def tab_to(self, control: Locator) -> None:
        """Go to a control with the Tab key alone."""
        for _ in range(_MANY_TABS):
            if control.evaluate("node => node === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{control} is not reached by the Tab key")

    def hears_a_song(self) -> float:
        """Wait for the song and return how long it plays, in seconds."""
        expect(self.player).to_be_visible(timeout=A_SONG)
        return float(self.player.evaluate(PLAYS))

    def look_at_takes(self) -> None:
        """Scroll to the list of takes, which is drawn when it is looked at."""
        self.studio.get_by_role("heading", name="Takes").scroll_into_view_if_needed()
        expect(self.takes.first).to_be_visible()

    def button(self, name: str) -> Locator:
        """A button by its name."""
        return self.studio.get_by_role("button", name=name)

    @property
    def drop_zone(self) -> Locator:
        """The drop zone, which is a button as well."""
        return self.button("Drop a song here, or browse")

    @property
    def lyrics(self) -> Locator:
        """The field for the lyrics."""
        return self.studio.get_by_label("What is sung")

    @property
    def player(self) -> Locator:
        """The player of the song."""
        return self.studio.locator(".mnb-player audio")

    @property
    def takes(self) -> Locator:
        """The rows of the list of takes, which are drawn once it is scrolled to."""
        rows = self.studio.locator(".mnb-take")
        if not rows.count():
            self.studio.get_by_role("heading", name="Takes", exact=True).scroll_into_view_if_needed()
        return rows
