"""MusicStudio: the cards on a page, and the click that makes a song."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import traitlets

from .. import catalogue
from ..display.waiting import wait_until
from ..errors import MusicError
from ..session import Session, default_session
from ..settings import Account, Choice
from ..song import Song, title_of
from . import html as drawing
from .announcer import Announcer
from .cards.extras import Extras
from .cards.reference import LyricsCard, ReferenceCard
from .cards.service import ServiceLine
from .cards.song import SongCard
from .cards.takes import TakesCard
from .cards.upload import admit_parts
from .runner import Work, as_music_error
from .state import Source, missing, not_yet
from .takes_under_way import Desk
from .ui import button, make, put, row, styled, text, visibly

_STYLE = f"<style>{Path(__file__).with_name('style.css').read_text(encoding='utf-8')}</style>"


class MusicStudio(widgets.VBox):  # type: ignore[misc, unused-ignore]
    """A form, a button and a player: a reference and some lyrics become a song.

    Parameters
    ----------
    lyrics : str
        What the lyrics field holds at first.
    reference : path, bytes, or str, optional
        A wav or mp3 longer than 15 s, or a link to one.
    session : Session, optional
        Whose library and service are used; else the default one.

    Attributes
    ----------
    song : Song or None
        The one in the song card, as it stands; can be observed.
    songs : tuple of Song
        All that were asked for here or picked up, as they stand, newest first; can be observed.
    error : MusicError or None
        What became of the latest click instead of a song; can be observed.

    Notes
    -----
    Making one contacts nobody and starts nothing. When it is first shown, songs that an earlier kernel left
    open are picked up. Songs are rehearsed unless a key was given or stands in the environment; the line at
    the top says which, and has the switch.
    """

    song = traitlets.Instance(Song, allow_none=True, read_only=True)
    songs = traitlets.Tuple(read_only=True)
    error = traitlets.Instance(MusicError, allow_none=True, read_only=True)

    def __init__(self, lyrics: str = "", reference: Source | None = None, session: Session | None = None) -> None:
        self._session = session or default_session()
        # Clicks may arrive in any thread, and the workers' news do.
        self._lock = threading.RLock()
        self._awake = False
        self._callbacks: list[Callable[[Song], object]] = []
        self._over: set[Work] = set()
        self._usual: dict[bool, float] = {}
        self._desk = Desk(self._draw)
        admit_parts()
        self._service = ServiceLine(self._session.choice, self._ask)
        rule = catalogue.find_model(catalogue.DEFAULT_MODEL).reference
        seconds = rule.longer_than if rule else 0.0
        self._reference = ReferenceCard(self._references, seconds, reference)
        self._lyrics = LyricsCard(lyrics)
        self._extras = Extras()
        self._generate = button("Generate song", "primary", icon="music")
        self._hint = text("", "hint")
        self._trouble = text()
        self._card = SongCard(self._stop, self._resume, self._try_again, self._fail)
        self._takes = TakesCard(lambda: self._session.journal, self._play, self._use_again, self._fail)
        self._live = Announcer()
        super().__init__(self._arranged())
        styled(self, "studio")
        self._wire()
        self._draw_form()

    # From code

    def on_song(self, callback: Callable[[Song], object]) -> None:
        """Have each finished song handed to `callback`.

        It is called in a worker thread, where printing would end up in whichever cell runs. What it raises is
        shown in the studio.
        """
        self._callbacks.append(callback)

    async def result(self, timeout: float | None = None) -> Song:
        """Wait for the song of the latest click, or of the first one if there was none yet.

        Parameters
        ----------
        timeout : float, optional
            In seconds.

        Returns
        -------
        Song
            Completed.

        Raises
        ------
        MusicError
            What became of the click instead.
        WaitTimeout
            When there is no song yet; it goes on.
        """
        look = self._lookout(timeout)
        while (song := look()) is None:
            await asyncio.sleep(0.1)
        return song

    def wait(self, timeout: float | None = None) -> Song:
        """The same as `result`, for a cell that cannot ``await``.

        On ipykernel 6 (Colab) the buttons work meanwhile; elsewhere clicks are handled when the cell has
        ended, and ``await studio.result()`` is the better way.
        """
        return wait_until(self._lookout(timeout))

    def _lookout(self, timeout: float | None) -> Callable[[], Song | None]:
        deadline = None if timeout is None else time.monotonic() + timeout

        def look() -> Song | None:
            work = self._desk.latest
            if work is not None and work in self._over:
                return work.take.outcome()
            if deadline is not None and time.monotonic() > deadline:
                raise not_yet(work.take.song if work else None, f"There is no song after {timeout:g} s.")
            return None

        return look

    # The page

    def _arranged(self) -> list[Any]:
        return [
            styled(text(_STYLE), "style"),
            self._service,
            make(widgets.Box, "cards", children=(self._reference, self._lyrics)),
            self._extras,
            row(self._generate, self._hint, self._live.widget, names=("go",)),
            self._trouble,
            self._card,
            self._takes,
        ]

    def _wire(self) -> None:
        self._reference.observe(visibly(self._fail, self._draw_form), "track")
        self._lyrics.observe(visibly(self._fail, self._draw_form), "meter")
        self._service.observe(visibly(self._fail, self._choice_changed), ["choice", "account"])
        self._generate.on_click(visibly(self._fail, self._make))
        # This one leaves the song in its card as it is.
        self._card.save.on_click(visibly(lambda error: self._card.say(str(error), "bad"), self._save))
        if self._reference.inlet.zone is not None:
            self._reference.inlet.zone.observe(visibly(self._fail, self._wake), "seen")
        if not hasattr(widgets.Widget, "_repr_mimebundle_"):  # ipywidgets 7
            self.on_displayed(visibly(self._fail, self._wake))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        visibly(self._fail, self._wake)()
        return super()._repr_mimebundle_(**kwargs)

    def _wake(self) -> None:
        """What is done when it is first shown, and not before."""
        with self._lock:
            if self._awake:
                return
            self._awake = True
        self._reference.inlet.watch()
        self._reference.look_at_given()
        self._service.look_up()
        self._pick_up()
        self._takes.load(but=frozenset(song.request_id for song in self._desk.songs))
        self._draw_form()

    def _pick_up(self) -> None:
        """Carry on with what an earlier kernel left open, where there is a key for it."""
        given = self._session.choice
        choice = Choice(self._service.choice.key or given.key, given.base_url, given.rehearse)
        session = self._session.at(choice)
        works = self._desk.pick_up(session, session.open_songs(), self._usual_seconds)
        for work in works:
            self._takes.expect_one()
            self._card.add(work)
            work.resume()
        if works:
            many = "One song from before is" if len(works) == 1 else f"{len(works)} songs from before are"
            self._card.notice.value = drawing.line(f"{many} being picked up.")

    # The service

    def _ask(self, choice: Choice) -> Account:
        return self._session.at(choice).account()

    def _choice_changed(self) -> None:
        if self._awake:
            self._pick_up()
        self._draw_form()

    # Clicks

    def _make(self) -> None:
        """Start a take; what has to be done in the main thread is done here."""
        with self._lock:
            self._trouble.value = ""
            if self._missing():
                self._draw_form()
                return
            choice = self._service.choice
            rehearsal = choice.service().rehearsal
            reference, lyrics = self._reference.chosen(), self._lyrics.text.value
            usual = self._usual_seconds(rehearsal)
            work = self._desk.begin(
                self._session.at(choice), rehearsal=rehearsal, title=title_of(lyrics), usual=usual
            )
            self._takes.expect_one()
            self._card.add(work)
            extras = self._extras.options(rehearsal=rehearsal)
            work.submit(reference, lyrics=lyrics, accompaniment=self._lyrics.accompaniment.value, **extras)
            self._draw(work)

    def _try_again(self, work: Work) -> None:
        self._card.drop(work)
        self._make()

    def _stop(self, work: Work) -> None:
        work.leave()

    def _resume(self, work: Work) -> None:
        with self._lock:
            if work.take.ended and work.take.waitable:
                self._over.discard(work)
                work.resume()
                self._draw(work)

    def _play(self, song: Song) -> None:
        with self._lock:
            work = self._desk.show(self._session, song)
            self._card.play(work.take)
            self.set_trait("song", song)

    def _use_again(self, song: Song) -> None:
        if song.request is not None:
            self._lyrics.fill(song.request.lyrics, accompaniment=song.request.accompaniment)
            self._reference.take_again(song.source, song.request.reference)
            self._extras.take(song.request)

    def _save(self) -> None:
        song = self._card.shown
        if song is not None:
            self._card.say(f"Saved as {song.save(Path.cwd()).name} beside the notebook.")

    def _fail(self, error: Exception) -> None:
        """Show what a handler raised; the takes that are under way go on."""
        self._trouble.value = drawing.error_box(as_music_error(error))

    # Drawing

    def _draw(self, work: Work) -> None:
        """Draw a take as it stands now; called from any thread."""
        with self._lock:
            take = work.take
            over = take.ended is not None and work not in self._over
            if over and take.misfit and take.error is not None:
                (self._reference if take.misfit == "reference" else self._lyrics).refuse(take.error)
            self.set_trait("songs", self._desk.songs)
            self.set_trait("song", self._desk.song)
            if work is self._desk.latest:
                self.set_trait("error", take.error)
            self._card.draw(work, time.monotonic())
            if take.done and self._desk.may_play(work):
                self._card.play(take)
            self._live.say(drawing.announcement(take))
            if over:
                self._finish(work)
            self._draw_form()

    def _finish(self, work: Work) -> None:
        """What is done once for a take that came to its end."""
        song = work.take.song
        if song is not None:
            self._takes.add(song)
            self._usual.clear()
        if work.take.done and song is not None:
            for callback in self._callbacks:
                visibly(self._fail, partial(callback, song))()
            if self._awake:
                self._service.look_up()
        self._over.add(work)

    def _draw_form(self) -> None:
        with self._lock:
            rehearsal = self._service.rehearsal
            lacking = self._missing()
            put(self._generate, disabled=bool(lacking))
            usual = self._usual_seconds(rehearsal) if self._awake else 0.0
            hint = drawing.hint_line(lacking, self._service.account, usual, rehearsal=rehearsal)
            put(self._hint, value=hint)
            price = self._service.account.price
            self._card.price_again("" if rehearsal or price is None else drawing.money(price))

    def _missing(self) -> str:
        latest = self._desk.latest.take if self._desk.latest else None
        return missing(self._reference.track, self._lyrics.meter, latest, time.monotonic())

    def _usual_seconds(self, rehearsal: bool) -> float:
        """How long one's own songs usually take; 0 when there are too few of them."""
        if rehearsal not in self._usual:
            self._usual[rehearsal] = self._session.journal.usual_seconds(rehearsal=rehearsal) or 0.0
        return self._usual[rehearsal]

    def _references(self) -> Path:
        return self._session.journal.home / "references"
