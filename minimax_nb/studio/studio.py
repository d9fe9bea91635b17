"""MusicStudio: the cards on a page, and the click that makes a song."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import ipywidgets as widgets
import traitlets
from IPython import get_ipython

from ..api.key import Key
from ..display.environment import notebook_folder
from ..display.waiting import wait_until
from ..errors import MusicError, Unauthorized
from ..hosts.choice import choose
from ..library.storage import Library
from ..session import Session, default_session
from ..settings import Account, Settings, room_from_environment
from ..song import Song, Status, free_name, title_of
from . import components
from . import html as drawing
from .cards.compare import CompareCard
from .cards.draft import DraftCard
from .cards.lyrics import LyricsCard
from .cards.reference import ReferenceCard
from .cards.service import ServiceCard
from .cards.song import FinishedSong, SongCard
from .cards.takes import TakesCard
from .components.component import STYLE as COMPONENTS
from .runner import Runner, Step, with_money
from .state import Side, Source, Store, StudioState, missing
from .take import Take, not_yet
from .ui import button, classes, handler, make, message_of, put, row, show_if, text, when_free

ONE_CLICK = 2.0
"""A click within so many seconds of another is the same one, made twice, unless something else is requested."""

MOST_PICKED_UP = 8
"""So many songs from before are picked up at once, the newest ones."""

_GIVEN_UP = timedelta(days=1)
STYLE = f"<style>{Path(__file__).with_name('style.css').read_text(encoding='utf-8')}{COMPONENTS}</style>"


class MusicStudio(widgets.VBox):  # type: ignore[misc, unused-ignore]
    """A form, a button and a player: a reference and some lyrics become a song.

    Parameters
    ----------
    lyrics : str, optional
        What the lyrics field holds at first; else what the draft holds.
    reference : path, bytes, or str, optional
        A song longer than 15 s, in any format that a player plays; a link to a wav or mp3; or the name of a sample
        that the band plays, such as "Bright and quick"; else the draft's.
    session : Session, optional
        Whose library and service are used; else the default one.
    name : str, optional
        What its draft is found by; else the notebook.

    Attributes
    ----------
    song : Song or None
        The one in the song card, as it stands; can be observed.
    songs : tuple of Song
        All that were requested here or picked up, as they stand, newest first; can be observed.
    error : MusicError or None
        What became of the latest click instead of a song; can be observed.

    Notes
    -----
    Making one contacts nobody and starts nothing. When it is first shown, songs that an earlier kernel left
    open are picked up. Songs are rehearsed unless a key was given or stands in the environment; the line at
    the top says which, and has the switch.

    What is typed or chosen is kept as a draft in the library, 2 s after the last change, and is there when the studio
    is shown again, after a restart and in the next session; *Start over* empties it. A draft belongs to the notebook:
    whoever runs its cell again, in this kernel or a new one, goes on where they were, and two notebooks do not
    disturb each other. It does not belong to the cell or to the studio's number in the kernel, which change when a
    cell is run twice, moved or copied; so two studios in one notebook share a draft, and the one used last has the
    last word, unless they have names. A name is for the whole library: the same in another notebook, or in one
    that was renamed, finds the same draft. Where the front end does not say which notebook it is (classic Notebook,
    Voila), its folder stands for it. Keys are never part of a draft. Of an uploaded file the chosen part comes back.

    Examples
    --------
    In a cell of its own, so that the studio is shown below it:

    >>> studio = MusicStudio("Side by side, through thick and thin")
    >>> studio  # doctest: +SKIP

    And in the next one, once “Generate song” was pressed:

    >>> song = await studio.result()  # doctest: +SKIP
    """

    song = cast("Song | None", traitlets.Instance(Song, allow_none=True, read_only=True))
    songs = cast("tuple[Song, ...]", traitlets.Tuple(read_only=True))
    error = cast("MusicError | None", traitlets.Instance(MusicError, allow_none=True, read_only=True))

    def __init__(
        self,
        lyrics: str | None = None,
        reference: Source | None = None,
        session: Session | None = None,
        *,
        name: str = "",
    ) -> None:
        self._session = session or default_session()
        self._awake = False
        self._given = (lyrics is not None, reference is not None)
        _studios.add(self)
        self._clicked: tuple[float, object] = (-ONE_CLICK, None)
        self._callbacks: list[Callable[[Song], object]] = []
        self._numbers = itertools.count(1)
        self._runners: dict[int, Runner] = {}
        self._settings: dict[int, Settings] = {}
        self._usual: dict[bool, float] = {}
        self._announced: dict[int, str] = {}
        self._drawn = self._told = StudioState()
        enable_components()
        self._store = Store()
        self._generate = button("Generate song", "primary", icon="music")
        self._hint = text("", "hint")
        self._trouble = text()
        self._listener = components.Listener(self._look_again)
        self._make_cards(lyrics or "", reference)
        self._draft = DraftCard(self._lyrics, self._reference, self._library, self._keys, name, self._fail)
        super().__init__(self._arranged(), _dom_classes=classes("studio"))
        self._connect()
        self._service.show_host(self._session.host.name)
        self._store.show_to(self._draw_safely, self._tell)

    # From code

    def on_song(self, callback: Callable[[Song], object]) -> None:
        """Have each finished song handed to `callback`.

        Parameters
        ----------
        callback : callable
            Called with the `Song`, in a worker thread, where printing would end up in whichever cell runs. What
            it raises is shown in the studio.

        Examples
        --------
        >>> studio.on_song(lambda song: song.save("songs"))  # doctest: +SKIP
        """
        self._callbacks.append(callback)

    def export(
        self, folder: str | os.PathLike[str], songs: Iterable[Song] | None = None, *, title: str = "Songs"
    ) -> Path:
        """Write songs and a page that plays them into a folder; see `Session.export`.

        Parameters
        ----------
        folder : path
            Is made where it is not there; nothing in it is overwritten.
        songs : iterable of Song, optional
            Else what is searched for in the list of takes, else the favourites; oldest first.
        title : str
            Of the page.

        Returns
        -------
        pathlib.Path
            The page, ``index.html``.

        Raises
        ------
        InvalidInput
            When there is no song to export.
        LibraryError
            When it cannot be written, or something of these names is there already.

        Examples
        --------
        >>> studio.export("our songs")  # doctest: +SKIP
        PosixPath('our songs/index.html')
        """
        chosen = self._store.state.chosen or self._session.songs(starred=True)[::-1]
        return self._session.export(folder, chosen if songs is None else songs, title=title)

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

        Examples
        --------
        >>> song = await studio.result()  # doctest: +SKIP
        """
        poll = self._poll_result(timeout)
        while (song := poll()) is None:
            await asyncio.sleep(0.1)
        return song

    def wait(self, timeout: float | None = None) -> Song:
        """The same as `result`, for a cell that cannot ``await``.

        On ipykernel 6 (Colab) the buttons work meanwhile; elsewhere clicks are handled when the cell has
        ended, and ``await studio.result()`` is the better way.

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
            As `result` does.

        Examples
        --------
        >>> song = studio.wait(timeout=120)  # doctest: +SKIP
        """
        return wait_until(self._poll_result(timeout))

    def _poll_result(self, timeout: float | None) -> Callable[[], Song | None]:
        deadline = None if timeout is None else time.monotonic() + timeout

        def poll() -> Song | None:
            take = self._told.take(self._store.state.latest)
            if take is not None and take.over:
                return take.outcome()
            if deadline is not None and time.monotonic() > deadline:
                raise not_yet(take.song if take else None, f"There is no song after {timeout:g} s.")
            return None

        return poll

    # The page

    def _make_cards(self, lyrics: str, reference: Source | None) -> None:
        self._service = ServiceCard(self._store, self._session.settings, self._ask, self._pick_up)
        self._reference = ReferenceCard(self._store, self._references, reference)
        self._lyrics = LyricsCard(self._store, self._model_changed, lyrics)
        acts = {
            "stop": self._stop,
            "resume": self._resume,
            "again": self._try_again,
            "hide": self._hide,
            "share": self._share,
            "link": self._ask_for_link,
        }
        self._card = SongCard(acts, self._play, self._make_finished, self._fail)
        self._compare = CompareCard(self._store, lambda: self._listener.show(".mnb-sides"), self._fail)
        on_row: dict[str, Callable[[Song], object]] = {
            "play": self._play,
            "again": self._use_again,
            "a": partial(self._choose_side, 0),
            "b": partial(self._choose_side, 1),
        }
        self._takes = TakesCard(
            self._store,
            lambda: self._session.journal,
            on_row,
            label=self._session.label,
            export=self._export_beside,
            on_change=self._tell_others,
            focus=self._listener.focus,
            show=self._fail,
        )

    def _arranged(self) -> list[Any]:
        return [
            text(STYLE, "style"),
            self._service,
            make(widgets.Box, "cards", children=(self._reference, self._lyrics)),
            row(self._generate, self._hint, self._draft, self._listener, names=("go",)),
            self._trouble,
            self._card,
            self._compare,
            self._takes,
        ]

    def _connect(self) -> None:
        self._generate.on_click(handler(self._fail, self._make))
        self._reference.upload.zone.observe(handler(self._fail, self._wake), "seen")
        self._reference.upload.zone.observe(handler(self._fail, self._complete), "drawn")
        if not hasattr(widgets.Widget, "_repr_mimebundle_"):  # ipywidgets 7
            self.on_displayed(handler(self._fail, self._wake))

    def __repr__(self) -> str:
        # What a page says that shows no widgets, and a saved notebook that is opened elsewhere.
        return "The studio of minimax_nb: run this cell to make a song with it."

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        handler(self._fail, self._wake)()
        return super()._repr_mimebundle_(**kwargs)

    def _wake(self) -> None:
        """What is done when it is first shown, and not before."""
        with self._store.lock:
            if self._awake:
                return
            self._awake = True
        self._reference.look_at_given()
        self._draft.restore(*self._given)
        self._service.look_up()
        self._pick_up()
        _look_after_each_cell()

    def _complete(self) -> None:
        """Make what nobody sees at first, once the page stands."""
        self._reference.complete()
        self._compare.complete()
        self._card.complete()

    def _make_finished(self) -> FinishedSong:
        finished = FinishedSong(self._save, self._hand_in, self._fail)
        if room_from_environment():
            finished.offer_to_hand_in(os.environ.get("JUPYTERHUB_USER", ""))
        return finished

    def _pick_up(self) -> None:
        """Carry on with what an earlier kernel left open, where there is a key for it."""
        if not self._awake:
            return
        given = self._session.settings
        choice = Settings(self._store.state.service.settings.key or given.key, given.base_url, given.rehearse)
        session = self._session.at(choice)
        known = {song.request_id for song in self._store.state.songs}
        found = [song for song in session.open_songs() if song.request_id not in known and not _given_up(song)]
        takes = tuple(self._taken_over(song) for song in reversed(found[-MOST_PICKED_UP:]))
        for take in takes:
            self._prepare(take, session)
        self._store.change(lambda state: state.picked_up(takes))
        for take in takes:
            self._runners[take.number].resume()

    def _taken_over(self, song: Song) -> Take:
        requested = time.monotonic() - (datetime.now(UTC) - song.created).total_seconds()
        usual = self._usual_seconds(song.rehearsal)
        return Take(next(self._numbers), song.rehearsal, song=song, usual=usual, requested=requested)

    def _prepare(self, take: Take, session: Session) -> Runner:
        """Make what a take needs; widgets are made here and now, and not in its thread."""
        change, finish = partial(self._change, take.number), partial(self._finish, take.number)
        runner = self._runners[take.number] = Runner(session, take.song, change, finish)
        self._settings[take.number] = session.settings
        self._takes.expect_one()
        self._card.add(take.number)
        return runner

    def _ask(self, settings: Settings) -> Account:
        return self._session.at(settings).account(self._store.state.model.name)

    def _model_changed(self) -> None:
        self._reference.follow(self._store.state.model)
        if self._awake:
            self._service.look_up()

    # Clicks

    def _make(self) -> None:
        """Start a take; what has to be done in the main thread is done here."""
        self._trouble.value = ""
        state = self._store.state
        if missing(state):
            return
        rehearsal = state.service.settings.service().rehearsal
        request = self._lyrics.request(rehearsal=rehearsal)
        if self._is_same_click((request, state.reference, state.service.settings)):
            return
        reference = self._reference.chosen() if state.model.reference else lambda: None
        take = Take(
            next(self._numbers),
            rehearsal,
            ((Status.SENDING, time.monotonic()),),
            title=title_of(request["lyrics"] or request.get("style", "")),
            usual=self._usual_seconds(rehearsal),
        )
        runner = self._prepare(take, self._session.at(state.service.settings))
        self._store.change(lambda state: state.begun(take))
        runner.submit(reference, **request)

    def _try_again(self, number: int) -> None:
        if not self._hide(number):  # the second click of two
            self._clicked = (-ONE_CLICK, None)
            self._make()

    def _share(self, number: int) -> None:
        """Send files through a temporary public address from now on, which this click agreed to."""
        self._session.host = choose("tunnel")
        self._service.show_host(self._session.host.name)
        self._try_again(number)

    def _ask_for_link(self, number: int) -> None:
        self._hide(number)
        self._listener.show(".mnb-field input")

    def _is_same_click(self, requested: object) -> bool:
        now = time.monotonic()
        with self._store.lock:
            (moment, before), self._clicked = self._clicked, (now, requested)
        return now - moment < ONE_CLICK and requested == before

    def _hide(self, number: int) -> bool:
        """Hide the progress of a take; return whether it was hidden before."""
        before = self._change(number, lambda take: replace(take, hidden=True)).take(number)
        return before is None or before.hidden

    def _stop(self, number: int) -> None:
        self._runners[number].stop()

    def _resume(self, number: int) -> None:
        before = self._change(number, Take.resumed).take(number)
        if before is not None and before.ended is not None:
            self._runners[number].resume()

    def _play(self, song: Song) -> None:
        assert song.audio is not None  # raises where the file is gone
        self._card.complete().play(song)
        self._store.change(lambda state: state.played(song))

    def _choose_side(self, at: int, song: Song) -> None:
        self._compare.choose(at, Side(song))

    def _use_again(self, song: Song) -> None:
        if song.request is not None:
            self._lyrics.fill(song.request)
            self._reference.take_again(song.source, song.request.reference)
            self._listener.show(".mnb-cards")

    def _export_beside(self) -> str:
        folder = free_name(notebook_folder(), "songs")
        songs = self._store.state.chosen
        self.export(folder)
        return drawing.exported_line(len(songs), folder.name)

    def _save(self) -> None:
        song = self._store.state.playing
        if song is not None:
            self._card.complete().say(f"Saved as “{song.save(notebook_folder()).name}” beside the notebook.")

    def _hand_in(self, name: str) -> None:
        """Hand the song in the player in, in a thread: the room may take its time."""
        song, say = self._store.state.playing, self._card.complete().say
        if song is None or not name:
            say("Type your name first, as the class shall read it.", "bad")
            return
        say("Handing it in…")
        complain = handler(lambda error: say(message_of(error), "bad"), lambda: say(song.hand_in(name)))
        threading.Thread(target=complain, name="minimax_nb hand in", daemon=True).start()

    def _fail(self, error: Exception) -> None:
        """Show what a handler raised; the takes that are under way go on."""
        self._trouble.value = drawing.error_box(with_money(error))

    # The library, which others change too

    def _tell_others(self) -> None:
        """Have the other studios of this kernel read the library again; called from any thread."""
        for studio in _studios_of(self._session.journal.home):
            if studio is not self:
                when_free(studio._takes.reload)

    def _look_again(self) -> None:
        handler(self._fail, self._takes.refresh)()

    # What happens to a take, in its thread

    def _change(self, number: int, step: Step) -> StudioState:
        """Take a step of a take; return what was before."""
        playing = self._card.playing
        return self._store.change(lambda state: state.changed(number, step, playing=playing))

    def _finish(self, number: int) -> None:
        """What is done once for a take that came to its end."""
        take = self._store.state.take(number)
        assert take is not None
        song = take.song
        if isinstance(take.error, Unauthorized):
            self._service.reject(self._settings[number])
        if take.invalid_field and take.error is not None:
            (self._reference if take.invalid_field == "reference" else self._lyrics).refuse(take.error)
        if song is not None:
            self._usual.clear()
            self._store.change(lambda state: state.listed(song))
            self._tell_others()
        if take.done and song is not None:
            for callback in self._callbacks:
                handler(self._fail, callback, song)()
            if self._awake:
                self._service.look_up()
        self._change(number, lambda now: replace(now, settled=take.ended))

    # Drawing

    def _draw_safely(self, state: StudioState) -> None:
        handler(self._fail, self._draw, state)()

    def _draw(self, state: StudioState) -> None:
        """Draw what changed; called from any thread, by one at a time."""
        before, self._drawn = self._drawn, state
        if state.reference is not before.reference or state.lyrics is not before.lyrics:
            self._draft.note_change(state)
        if state.service is not before.service or state.takes is not before.takes:
            self._service.draw(state.service, state.spent, self._budget_words(state))
        if state.reference is not before.reference:
            self._reference.draw(state.reference)
        if (state.lyrics, state.model) != (before.lyrics, before.model) or state.lyrics is not before.lyrics:
            self._lyrics.draw(state.lyrics, state.model)
        show_if(self._reference, state.model.reference is not None)
        self._takes.draw(state, before)
        if state.sides != before.sides:
            self._compare.draw(state.sides)
        self._card.draw(state)
        self._draw_form(state)
        self._announce(state)

    def _draw_form(self, state: StudioState) -> None:
        lacking, rehearsal = missing(state), state.service.rehearsal
        put(self._generate, disabled=bool(lacking))
        usual = self._usual_seconds(rehearsal) if self._awake else 0.0
        hint = drawing.hint_line(lacking, state.service.account, usual, rehearsal=rehearsal)
        put(self._hint, value=hint)

    def _budget_words(self, state: StudioState) -> str:
        """What is left of the budget: counted anew with each step of a song, as other kernels spend of it too."""
        budget = self._session.budget
        if budget is None or state.service.rehearsal or not self._awake:
            return ""
        return drawing.budget_words(budget, self._session.journal.spending())

    def _announce(self, state: StudioState) -> None:
        words = {take.number: drawing.announcement(take) for take in state.takes}
        news = [said for number, said in words.items() if self._announced.get(number) != said]
        self._announced = words
        if news:
            put(self._listener, value=" ".join(news))

    def _tell(self, state: StudioState) -> None:
        """Set the public traits; whoever observes them may take their time."""
        latest = state.take(state.latest)
        self.set_trait("songs", state.songs)
        self.set_trait("song", state.song)
        self.set_trait("error", latest.error if latest else None)
        self._told = state

    def _usual_seconds(self, rehearsal: bool) -> float:
        """How long one's own songs usually take; 0 when there are too few of them."""
        if rehearsal not in self._usual:
            self._usual[rehearsal] = self._session.journal.usual_seconds(rehearsal=rehearsal) or 0.0
        return self._usual[rehearsal]

    def _library(self) -> Library:
        return self._session.journal.library

    def _keys(self) -> Iterable[Key | None]:
        """The keys that a draft must not hold, wherever they were typed."""
        return self._session.settings.key, self._store.state.service.settings.key

    def _references(self) -> Path:
        return self._library().references


_studios: weakref.WeakSet[MusicStudio] = weakref.WeakSet()
"""All that this kernel has made: a song that is made in one is listed in the others."""


def _studios_of(home: Path) -> list[MusicStudio]:
    return [studio for studio in _studios if studio._awake and studio._session.journal.home == home]


def _look_after_each_cell() -> None:
    """Have the studios see what a cell did to the library, from the next cell on."""
    ipython = get_ipython()
    if ipython is not None and _look_at_libraries not in ipython.events.callbacks["post_run_cell"]:
        ipython.events.register("post_run_cell", _look_at_libraries)


def _look_at_libraries(*_: object) -> None:
    for studio in list(_studios):
        if studio._awake:
            studio._look_again()


def _given_up(song: Song) -> bool:
    """Whether an answer got lost so long ago that it would have been found."""
    return song.status is Status.UNKNOWN and datetime.now(UTC) - song.created > _GIVEN_UP


def enable_components() -> None:
    """Let Colab show widgets that it does not know; it asks for that before the first one."""
    if "google.colab" in sys.modules:
        with contextlib.suppress(Exception):  # of Colab's own, and the plain upload works without
            from google.colab import output

            output.enable_custom_widget_manager()
