"""One song on its way, in a thread of its own, which reports and draws nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from ..errors import MusicError, OutcomeUnknown, Spent
from ..session import Session
from ..song import Song
from .state import Source
from .take import Take

Step = Callable[[Take], Take]


class Runner:
    """What happens between a click and a song.

    Parameters
    ----------
    session : Session
        Its key was looked up before: a worker thread must not ask for secrets.
    song : Song or None
        The song, where it was requested before.
    change : callable
        Takes a step of the take; called in the thread, as is `finish`.
    finish : callable
        Called when the thread has come to its end.
    """

    def __init__(
        self, session: Session, song: Song | None, change: Callable[[Step], object], finish: Callable[[], object]
    ) -> None:
        self._session = session
        self._song = song
        self._change = change
        self._finish = finish
        self._stopped = threading.Event()

    def submit(self, reference: Callable[[], Source | None], **request: Any) -> None:
        """Ask for a song and follow it.

        Parameters
        ----------
        reference : callable
            Gives the reference; called in the thread, as it may have to be cut.
        **request
            What else `Session.submit` takes.
        """
        self._start(self._submit_and_follow, reference, request)

    def resume(self) -> None:
        """Follow a song that was left, here or by an earlier kernel."""
        self._stopped.clear()
        self._start(self._follow, self._song)

    def stop(self) -> None:
        """Stop waiting; the song goes its way."""
        self._stopped.set()

    def _start(self, steps: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=self._run, args=(steps, *arguments), name="minimax_nb studio", daemon=True)
        thread.start()

    def _run(self, steps: Callable[..., None], *arguments: Any) -> None:
        try:
            steps(*arguments)
        except Exception as error:
            self._fail(error)
        self._finish()

    def _submit_and_follow(self, reference: Callable[[], Source | None], request: dict[str, Any]) -> None:
        try:
            song = self._session.submit(reference=reference(), on_sent=self._note_sent, **request)
        except OutcomeUnknown as error:
            # Whether it was requested can be looked up: following it does.
            found = self._session.journal.get(error.song_id)
            if found is None:
                raise
            song = found
        self._follow(song)

    def _note_sent(self) -> None:
        now = time.monotonic()
        self._change(lambda take: take.sent(now))

    def _follow(self, song: Song) -> None:
        self._note(song)
        tracker = self._session.track([song])
        for changed in tracker:
            if changed is not None:
                self._note(changed)
            elif self._stopped.is_set():
                self._leave()
                return
        if tracker.errors:
            raise tracker.errors[0]

    def _leave(self) -> None:
        now = time.monotonic()
        self._change(lambda take: take.left(now))

    def _note(self, song: Song) -> None:
        self._song, now = song, time.monotonic()
        self._change(lambda take: take.moved(song, now))

    def _fail(self, error: Exception) -> None:
        now = time.monotonic()
        self._change(lambda take: take.failed(with_money(error, take), now))


def with_money(error: Exception, take: Take | None = None) -> MusicError:
    """Any exception as one that says whether money was spent."""
    if isinstance(error, MusicError):
        return error
    song = take.song if take else None
    free = take is None or take.rehearsal
    spent = Spent.NO if free else song.spent if song else Spent.MAYBE
    return MusicError(
        f"Something unexpected happened ({type(error).__name__}: {error}).",
        do="songs() shows what is in your library.",
        spent=spent,
        song_id=song.id if song else "",
    )
