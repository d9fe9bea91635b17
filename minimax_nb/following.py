"""Following songs to their end: one loop, whoever watches it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone

from .answers import LOGS_PATIENCE
from .errors import (
    DownloadFailed,
    GenerationFailed,
    MusicError,
    OutcomeUnknown,
    RateLimited,
    Unavailable,
    Unreachable,
    WaitTimeout,
)
from .pacing import Pacer
from .song import Song, Status
from .urls import is_loopback

TIMEOUT = 600.0
"""How long a wait lasts unless told otherwise, in seconds; the provider's own example waits as long."""

_TICK = 0.2
_DOWNLOAD_ATTEMPTS = 5


@dataclass
class Following:
    """Several songs followed to their end, from one loop in the thread that iterates.

    Iterating yields each change of a song, and None several times a second in between, so that whoever
    follows can show the time or stop.

    Attributes
    ----------
    look : callable
        Takes a song, makes one step with it and returns it as it stands; raises `MusicError`.
    songs : list of Song
        As they stand, in the order given.
    timeout : float
        In seconds.
    troubles : list of MusicError
        What kept songs from being completed, once it is over.
    """

    look: Callable[[Song], Song]
    songs: list[Song]
    timeout: float
    troubles: list[MusicError] = field(default_factory=list)

    def __iter__(self) -> Iterator[Song | None]:
        deadline = time.monotonic() + self.timeout
        pacer = Pacer()
        passing: dict[str, list[MusicError]] = {}
        for song in self.songs:
            self._take_in(song, pacer)
        while len(pacer):
            name, delay = pacer.next()
            if time.monotonic() + delay > deadline:
                self._give_up(pacer, passing)
                return
            if delay > 0:
                time.sleep(min(delay, _TICK))
                yield None
                continue
            changed = self._ask(name, pacer, passing.setdefault(name, []))
            if changed is not None:
                yield changed

    def _take_in(self, song: Song, pacer: Pacer) -> None:
        if song.status.final:
            self._finish(song)
        else:
            age = (datetime.now(timezone.utc) - song.created).total_seconds()
            pacer.add(song.request_id, max(0.0, age), local=song.rehearsal or is_loopback(song.base_url))

    def _ask(self, name: str, pacer: Pacer, passing: list[MusicError]) -> Song | None:
        before = next(song for song in self.songs if song.request_id == name)
        try:
            after = self.look(before)
        except MusicError as error:
            passing.append(error)
            if not _worth_another_look(error, passing):
                self.troubles.append(error)
                pacer.forget(name)
                return None
            if isinstance(error, RateLimited):
                pacer.hold(error.retry_after or 2.0)
            pacer.asked(name, at_least=error.retry_after or min(2.0 ** (len(passing) - 2), 15.0))
            return None
        self.songs = [after if song.request_id == name else song for song in self.songs]
        if after.status.final or _not_seen(after):
            pacer.forget(name)
            self._finish(after)
        else:
            pacer.asked(name)
        return after if after != before else None

    def _finish(self, song: Song) -> None:
        if song.status is Status.UNKNOWN:
            self.troubles.append(
                OutcomeUnknown(
                    "The answer to this song got lost, and the service's logs show no charge for it.",
                    do="recover() looks again. Asking for the song again is up to you: it may be paid for twice.",
                    song_id=song.request_id,
                )
            )
        elif song.status is not Status.COMPLETED:
            self.troubles.append(
                GenerationFailed(f"The song was not made: {song.error}", spent=song.spent, song_id=song.id)
            )

    def _give_up(self, pacer: Pacer, passing: dict[str, list[MusicError]]) -> None:
        while len(pacer):
            name, _ = pacer.next()
            pacer.forget(name)
            song = next(song for song in self.songs if song.request_id == name)
            last = passing.get(name) or []
            why = f" ({last[-1].what})" if last else f" ({song.error})" if song.error else ""
            self.troubles.append(
                WaitTimeout(
                    f"The song was not there after {self.timeout:.0f} s; it is {song.status}{why}.",
                    spent=song.spent,
                    song_id=song.id or song.request_id,
                )
            )


def _not_seen(song: Song) -> bool:
    """Whether the logs have had time enough to show a song whose answer got lost, and do not."""
    return song.status is Status.UNKNOWN and datetime.now(timezone.utc) - song.created > LOGS_PATIENCE


def _worth_another_look(error: MusicError, passing: list[MusicError]) -> bool:
    if isinstance(error, DownloadFailed):
        return sum(isinstance(past, DownloadFailed) for past in passing) < _DOWNLOAD_ATTEMPTS
    return isinstance(error, RateLimited | Unavailable | Unreachable)
