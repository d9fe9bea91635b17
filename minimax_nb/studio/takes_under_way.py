"""The songs of one studio: which are under way, which belongs to the latest click, which one is in the card."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from ..session import Session
from ..song import Song, Status
from .runner import Work
from .state import Take

MOST_PICKED_UP = 8
"""So many songs from before are picked up at once, the newest ones."""

_GIVEN_UP = timedelta(days=1)


class Desk:
    """Several takes at once. It knows no widget.

    Parameters
    ----------
    report : callable
        Called with a `Work`, from its threads, whenever it changed or time went by.

    Attributes
    ----------
    works : tuple of Work
        Newest first.
    latest : Work or None
        Of the latest click; while there was none, the newest one that was picked up.
    front : Work or None
        The one in the song card.
    """

    def __init__(self, report: Callable[[Work], None]) -> None:
        self._report = report
        self._lock = threading.RLock()
        self.works: tuple[Work, ...] = ()
        self.latest: Work | None = None
        self.front: Work | None = None

    @property
    def songs(self) -> tuple[Song, ...]:
        """The songs of all takes, newest first."""
        return tuple(work.take.song for work in self.works if work.take.song is not None)

    @property
    def song(self) -> Song | None:
        """The song in the card."""
        return self.front.take.song if self.front else None

    def may_play(self, work: Work) -> bool:
        """Whether a take that is done may take the player: it does not push a later one aside."""
        return work is self.front or self.front is None or not self.front.take.done

    def begin(self, session: Session, *, rehearsal: bool, title: str, usual: float) -> Work:
        """A new take, which the latest click asked for."""
        steps = ((Status.SENDING, time.monotonic()),)
        work = Work(session, Take(rehearsal, steps, title=title, usual=usual), self._report)
        with self._lock:
            self.works = (work, *self.works)
            self.latest = self.front = work
        return work

    def pick_up(self, session: Session, songs: list[Song], usual: Callable[[bool], float]) -> list[Work]:
        """Take over what an earlier kernel left open; a song that is here already is passed over."""
        with self._lock:
            known = {song.request_id for song in self.songs}
            wanted = [song for song in songs if song.request_id not in known and not _given_up(song)]
            works = [self._taken_over(session, song, usual(song.rehearsal)) for song in wanted[-MOST_PICKED_UP:]]
            self.works = (*self.works, *reversed(works))
            if works:
                self.latest = self.latest or works[-1]
                self.front = self.front or works[-1]
        return works

    def show(self, session: Session, song: Song) -> Work:
        """Put a finished song of the library into the card."""
        with self._lock:
            work = next((work for work in self.works if work.take.song == song), None)
            if work is None:
                work = Work(session, Take(song.rehearsal, (), song, ended=time.monotonic()), self._report)
            self.front = work
        return work

    def _taken_over(self, session: Session, song: Song, usual: float) -> Work:
        asked = time.monotonic() - (datetime.now(timezone.utc) - song.created).total_seconds()
        return Work(session, Take(song.rehearsal, (), song, usual=usual, asked=asked), self._report)


def _given_up(song: Song) -> bool:
    """Whether an answer got lost so long ago that it would have been found."""
    return song.status is Status.UNKNOWN and datetime.now(timezone.utc) - song.created > _GIVEN_UP
