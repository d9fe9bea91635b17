"""Card 3: a strip for each song that is under way, and the player of the one that is ready."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as widgets

from ... import audio
from ...display.progress import share
from ...song import Song
from .. import components as parts
from .. import html as drawing
from ..runner import Work
from ..state import Take
from ..ui import Show, button, make, put, row, show_if, styled, text, visibly

Act = Callable[[Work], None]


class Strip(widgets.VBox):  # type: ignore[misc, unused-ignore]
    """One song on its way: its steps, its clock, and what can be done with it."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.stop = button("Stop waiting", "quiet")
        self.resume = button("Wait again", icon="refresh")
        self.again = button("Try again", icon="refresh")
        self.hide = button("Hide", "quiet")
        self._title = text()
        self._steps = text()
        self._bar = make(widgets.FloatProgress, "bar", value=0.0, min=0.0, max=1.0)
        self.words = text("", "words")
        buttons = row(self.stop, self.resume, self.again, self.hide)
        super().__init__([self._title, self._steps, self._bar, self.words, buttons])
        styled(self, "strip")

    def draw(self, now: float) -> None:
        """Draw the take as it stands; `now` is a moment of `time.monotonic`, in seconds."""
        take = self.work.take
        working = take.ended is None
        show_if(self._bar, working)
        show_if(self.stop, working and take.waitable)
        show_if(self.resume, not working and take.waitable)
        show_if(self.again, take.error is not None and not take.waitable and not take.misfit)
        show_if(self.hide, not working)
        put(self._title, value=drawing.strip_title(take))
        put(self._steps, value="" if take.error else drawing.steps_list(take, now))
        put(self.words, value=_words(take, now))
        if working:
            put(self._bar, value=round(share(now - take.began, take.usual_seconds), 2))


def _words(take: Take, now: float) -> str:
    if take.misfit:
        return drawing.line(f"Nothing was sent: see the {take.misfit} above.")
    if take.error:
        return drawing.error_box(take.error, take.song)
    return drawing.left_line(take) if take.stopped else drawing.clock_line(take, now)


class SongCard(widgets.VBox):  # type: ignore[misc, unused-ignore]
    """What becomes of the songs.

    Parameters
    ----------
    stop, resume, again : callable
        What the buttons of a strip do; called with its `Work`.
    show : callable
        Shows what went wrong.
    """

    def __init__(self, stop: Act, resume: Act, again: Act, show: Show) -> None:
        self._acts = {"stop": stop, "resume": resume, "again": again, "hide": self.drop}
        self._show_error = show
        self._shown: Song | None = None
        self._price = ""
        self.save = button("Save beside the notebook", icon="save")
        self.note = text()
        self.notice = text()
        self._empty = text(drawing.line("Your song will appear here."))
        self._strips = make(widgets.VBox, "strips")
        self._steps = text()
        self._id = text()
        self._player = make(widgets.Output, "player")
        self._head = text()
        self._sung = text()
        self._words = parts.Words() if parts.available() else None
        self._download = text("", "download")
        self._wave = styled(parts.Waveform(readonly=True, label="The song"), "wave") if parts.available() else None
        self._song = self._arranged_song()
        super().__init__([text(drawing.heading(3, "Song")), self.notice, self._empty, self._strips, self._song])
        styled(self, "card", "song")

    @property
    def shown(self) -> Song | None:
        """The song in the player."""
        return self._shown

    @property
    def strips(self) -> tuple[Strip, ...]:
        """The strips, newest first."""
        return tuple(self._strips.children)

    def add(self, work: Work) -> None:
        """Make a strip for a take; not in a worker thread. Those that failed have been read."""
        strip = Strip(work)
        for name, act in self._acts.items():
            handler = visibly(self._show_error, partial(act, work))
            getattr(strip, name).on_click(handler)
        kept = [each for each in self.strips if each.work.take.ended is None or each.work.take.waitable]
        self._strips.children = (strip, *kept)
        self.note.value = self.notice.value = ""
        strip.draw(time.monotonic())
        self.price_again(self._price)
        self._draw_empty()

    def drop(self, work: Work) -> None:
        """Take the strip of a take away; whatever becomes of the song goes on."""
        self._strips.children = tuple(each for each in self.strips if each.work is not work)
        if not self.strips:
            self.notice.value = ""
        self._draw_empty()

    def draw(self, work: Work, now: float) -> None:
        """Draw a take as it stands; one that is done has no strip any more."""
        for strip in self.strips:
            if strip.work is work and work.take.done:
                self.drop(work)
            elif strip.work is work:
                strip.draw(now)

    def price_again(self, price: str) -> None:
        """Say on the buttons what trying again costs; nothing when it is free."""
        self._price = price
        for strip in self.strips:
            put(strip.again, description=f"Try again · {price}" if price else "Try again")

    def play(self, take: Take) -> None:
        """Show a finished song."""
        song = take.song
        if song is None or song is self._shown:
            return
        self._shown = song
        bundle = {"text/plain": song.title, "text/html": song.player()._repr_html_()}
        # Set as a whole: entering the Output or displaying would send it to whichever cell runs.
        self._player.outputs = ({"output_type": "display_data", "data": bundle, "metadata": {}},)
        self._head.value = drawing.song_head(song)
        self._draw_words(song)
        self._steps.value = drawing.steps_list(take, time.monotonic()) if take.steps else ""
        self._id.value = drawing.song_id(song)
        self._download.value = drawing.download_link(song)
        self.note.value = ""
        self._draw_wave(song)
        show_if(self._song, True)
        self._draw_empty()

    def say(self, words: str, kind: str = "good") -> None:
        """Say one more line, such as where the song was saved."""
        self.note.value = drawing.line(words, kind)

    def _draw_empty(self) -> None:
        show_if(self._empty, not self.strips and self._shown is None)

    def _draw_words(self, song: Song) -> None:
        """Words that light up where a page can draw them and their times are known; else plain ones."""
        lines = drawing.timed_lines(song) if self._words is not None and self._words.seen else []
        if self._words is not None:
            self._words.lines = lines
        self._sung.value = "" if lines else drawing.sung(song)

    def _draw_wave(self, song: Song) -> None:
        if self._wave is not None and song.path is not None:
            info = audio.read_info(song.path)
            self._wave.show(info.envelope, info.duration)

    def _arranged_song(self) -> Any:
        wave = [self._wave] if self._wave is not None else []
        buttons = row(self._download, self.save)
        sound = make(widgets.VBox, "sound", children=(self._head, self._player, *wave))
        after = make(widgets.VBox, "after", children=(buttons, self.note, self._steps, self._id))
        lit = [self._words] if self._words is not None else []
        words = make(widgets.VBox, "beside", children=(self._sung, *lit))
        return make(widgets.Box, "ready", "hidden", children=(sound, words, after))
