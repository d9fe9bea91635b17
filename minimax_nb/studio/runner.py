"""One take, in threads of its own: one makes the song, one moves the clock; both report, neither draws."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from ..errors import MusicError, OutcomeUnknown, Spent
from ..session import Session
from ..song import Song
from .state import Source, Take

TICK = 0.25
"""How often the clock moves, in seconds."""


class Work:
    """What happens between a click and a song.

    Parameters
    ----------
    session : Session
        Its key was looked up before: a worker thread must not ask for secrets.
    take : Take
        As it begins.
    report : callable
        Called with this from the threads whenever the take changed or time went by; looks at `take`.
    """

    def __init__(self, session: Session, take: Take, report: Callable[[Work], None]) -> None:
        self._session = session
        self._report = report
        self._leave = threading.Event()
        self.take = take

    def submit(self, reference: Callable[[], Source], **request: Any) -> None:
        """Ask for a song and follow it.

        Parameters
        ----------
        reference : callable
            Gives the reference; called in the thread, as it may have to be cut.
        **request
            What else `Session.submit` takes.
        """
        self._start(lambda: self._follow(self._sent(reference, request)))

    def resume(self) -> None:
        """Follow a song that was left, here or by an earlier kernel."""
        self._leave.clear()
        self.take = self.take.resumed()
        song = self.take.song
        if song is not None:
            self._start(lambda: self._follow(song))

    def leave(self) -> None:
        """Stop waiting; the song goes its way."""
        self._leave.set()

    def fail(self, error: Exception) -> None:
        """End it with an error."""
        self._change(self.take.failed(self._in_words(error), time.monotonic()))

    def _start(self, steps: Callable[[], None]) -> None:
        for job in (lambda: self._guarded(steps), self._clock):
            threading.Thread(target=job, name="minimax_nb studio", daemon=True).start()

    def _guarded(self, steps: Callable[[], None]) -> None:
        try:
            steps()
        except Exception as error:
            self.fail(error)

    def _sent(self, reference: Callable[[], Source], request: dict[str, Any]) -> Song:
        try:
            return self._session.submit(reference=reference(), on_sent=self._note_sent, **request)
        except OutcomeUnknown as error:
            # Whether it was asked for can be looked up: following it does.
            song = self._session.journal.get(error.song_id)
            if song is None:
                raise
            return song

    def _note_sent(self) -> None:
        self._change(self.take.sent(time.monotonic()))

    def _follow(self, song: Song) -> None:
        self._change(self.take.moved(song, time.monotonic()))
        following = self._session.follow([song])
        for changed in following:
            if changed is not None:
                self._change(self.take.moved(changed, time.monotonic()))
            elif self._leave.is_set():
                self._change(self.take.left(time.monotonic()))
                return
        if following.troubles:
            raise following.troubles[0]

    def _clock(self) -> None:
        while self.take.ended is None:
            self._report(self)
            time.sleep(TICK)

    def _change(self, take: Take) -> None:
        self.take = take
        self._report(self)

    def _in_words(self, error: Exception) -> MusicError:
        song = self.take.song
        spent = Spent.NO if self.take.rehearsal else song.spent if song else Spent.MAYBE
        return as_music_error(error, spent, song.id if song else "")


def as_music_error(error: Exception, spent: Spent = Spent.NO, song_id: str = "") -> MusicError:
    """Any exception as one that says whether money was spent."""
    if isinstance(error, MusicError):
        return error
    return MusicError(
        f"Something unexpected happened ({type(error).__name__}: {error}).",
        do="songs() shows what is in your library.",
        spent=spent,
        song_id=song_id,
    )
