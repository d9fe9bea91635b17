"""MusicStudio: the cards on a page, and the click that makes a song."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import ipywidgets as widgets
import traitlets

from .. import catalogue
from ..errors import MusicError, Spent, WaitTimeout
from ..keys import find_key
from ..reference import Reference, prepare
from ..services import Choice, Service
from ..session import Session, default_session
from ..song import Song, Status
from ..waiting import run
from .cards import LyricsCard, ReferenceCard, ServiceLine, SongCard, button, styled, visibly
from .drawing import hint_line, key_advice, line
from .state import Source, Take, missing
from .work import Work

_STYLE = f"<style>{Path(__file__).with_name('studio.css').read_text(encoding='utf-8')}</style>"


class MusicStudio(widgets.VBox):
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
        The latest one, as it stands; can be observed.
    error : MusicError or None
        What became of the latest click instead of a song; can be observed.

    Notes
    -----
    Making one contacts nobody and starts nothing. Songs are rehearsed unless a key was given or stands in
    the environment; the line at the top says which, and has the switch.
    """

    song = traitlets.Instance(Song, allow_none=True, read_only=True)
    error = traitlets.Instance(MusicError, allow_none=True, read_only=True)

    def __init__(self, lyrics: str = "", reference: Source | None = None, session: Session | None = None) -> None:
        self._session = session or default_session()
        # Clicks may arrive in any thread, and the worker's news do.
        self._lock = threading.RLock()
        self._work: Work | None = None
        self._shown: Take | None = None
        self._service = ServiceLine()
        self._service_note = widgets.HTML()
        self._reference = ReferenceCard(self._checked, reference)
        self._lyrics = LyricsCard(lyrics)
        self._generate = button("Generate song", "primary", icon="music")
        self._hint = widgets.HTML()
        self._card = SongCard()
        super().__init__(self._parts())
        styled(self, "studio")
        self._choice = self._choose_at_first()
        self._wire()
        self._draw_form()

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
        deadline = None if timeout is None else time.monotonic() + timeout
        while (take := self._shown) is None or take.ended is None:
            if deadline is not None and time.monotonic() > deadline:
                raise self._not_yet(take, f"There is no song after {timeout:g} s.")
            await asyncio.sleep(0.1)
        if take.error:
            raise take.error
        if take.stopped or take.song is None:
            raise self._not_yet(take, "Nobody waits for this song any more.")
        return take.song

    def wait(self, timeout: float | None = None) -> Song:
        """The same as `result`, for a cell that cannot ``await``; clicks are handled when the cell has ended.

        ``await studio.result()`` keeps the buttons alive.
        """
        return run(self.result(timeout))

    @property
    def _take(self) -> Take | None:
        return self._work.take if self._work else None

    def _not_yet(self, take: Take | None, what: str) -> WaitTimeout:
        song = take.song if take else None
        if song is None:
            return WaitTimeout(what, spent=Spent.NO, do="Press Generate in the studio.")
        return WaitTimeout(what, spent=song.spent, song_id=song.id or song.request_id)

    def _parts(self) -> list[widgets.Widget]:
        title = widgets.HTML('<span class="mnb-brand" role="heading" aria-level="2">Make a song</span>')
        return [
            styled(widgets.HTML(_STYLE), "style"),
            styled(widgets.HBox([title, self._service]), "top"),
            self._service_note,
            styled(widgets.Box([self._reference, self._lyrics]), "cards"),
            styled(widgets.HBox([self._generate, self._hint]), "go"),
            self._card,
        ]

    def _wire(self) -> None:
        self._reference.observe(visibly(self._fail, self._draw_form), "track")
        self._lyrics.observe(visibly(self._fail, self._draw_form), "meter")
        self._generate.on_click(visibly(self._fail, self._make))
        self._card.again.on_click(visibly(self._fail, self._make))
        self._card.resume.on_click(visibly(self._fail, self._resume))
        self._card.stop.on_click(visibly(self._fail, self._leave))
        # These two leave the song in its card as it is.
        self._card.save.on_click(visibly(lambda error: self._card.note(str(error), "bad"), self._save))
        self._service.switch.on_click(visibly(self._object, self._switch))

    # The service

    def _choose_at_first(self) -> Choice:
        try:
            return self._session.choice.at_first_sight()
        except MusicError as error:
            self._object(error)
            return Choice(rehearse=True)

    def _switch(self) -> None:
        with self._lock:
            rehearse = not self._choice.rehearse
            key = self._choice.key if rehearse else self._choice.key or find_key(again=True)
            if key is None and not rehearse:
                self._service_note.value = key_advice()
                return
            # An address belongs to the kind of service it was given for.
            given = self._session.choice
            self._choice = Choice(key, given.base_url if bool(given.rehearse) is rehearse else "", rehearse)
            self._service_note.value = ""
            self._draw_form()

    # The click, and what becomes of it

    def _make(self) -> None:
        """Start a take, unless one is under way; what has to be done in the main thread is done here."""
        with self._lock:
            if missing(self._reference.track, self._lyrics.meter, self._take):
                return
            service = self._choice.service()
            self._begin(service.rehearsal).submit(
                lyrics=self._lyrics.text.value,
                reference=self._reference.track.source,
                accompaniment=self._lyrics.accompaniment.value,
            )
            self._draw()

    def _begin(self, rehearsal: bool) -> Work:
        take = Take(rehearsal, ((Status.SENDING, time.monotonic()),))
        self._work = Work(self._session.at(self._choice), take, self._draw)
        return self._work

    def _resume(self) -> None:
        with self._lock:
            if self._work and self._take and self._take.ended and self._take.waitable:
                self._work.resume()
                self._draw()

    def _leave(self) -> None:
        if self._work:
            self._work.leave()

    def _save(self) -> None:
        if self.song:
            self._card.note(f"Saved as {self.song.save(Path.cwd()).name} beside the notebook.")

    def _fail(self, error: Exception) -> None:
        """Show what a handler raised; a take that is under way goes on."""
        with self._lock:
            if self._take is not None and self._take.ended is None:
                self._object(error)
            else:
                self._begin(bool(self._choice.rehearse)).fail(error)

    def _object(self, error: Exception) -> None:
        self._service_note.value = line(str(error), "bad")

    # Drawing

    def _draw(self) -> None:
        """Draw the take as it stands now; called from any thread."""
        with self._lock:
            take = self._take
            if take is None:
                return
            if take.error is not None and take.error is not self.error and take.misfit:
                (self._reference if take.misfit == "reference" else self._lyrics).refuse(take.error)
            if take.song is not None:
                self.set_trait("song", take.song)
            self.set_trait("error", take.error)
            self._card.draw(take, time.monotonic())
            self._draw_form()
            self._shown = take

    def _draw_form(self) -> None:
        with self._lock:
            lacking = missing(self._reference.track, self._lyrics.meter, self._take)
            self._generate.disabled = self._card.again.disabled = bool(lacking)
            self._hint.value = hint_line(lacking, rehearsal=bool(self._choice.rehearse))
            name = Service("", self._choice.key, rehearsal=bool(self._choice.rehearse)).name
            self._service.draw(name, rehearsal=bool(self._choice.rehearse))

    def _checked(self, source: Source, name: str) -> Reference:
        row = catalogue.find_model(catalogue.DEFAULT_MODEL)
        folder = self._session.journal.home / "references"
        return prepare(source, folder, longer_than=row.reference_seconds, name=name)
