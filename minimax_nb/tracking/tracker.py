"""Following songs to their end, whoever watches: the crew asks and fetches, the one who iterates decides."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from math import inf
from queue import Empty, SimpleQueue

from ..api.addresses import is_loopback
from ..api.responses import LOGS_PATIENCE
from ..display.progress import USUAL_SECONDS, Progress, say
from ..errors import (
    DownloadFailed,
    GenerationFailed,
    MusicError,
    OutcomeUnknown,
    RateLimited,
    Unavailable,
    Unreachable,
    WaitTimeout,
)
from ..song import Song, Status
from .pollers import Crew, the_crew

TIMEOUT = 600.0
"""How long a wait lasts unless told otherwise, in seconds; the provider's own example waits as long."""

_TICK = 0.2
_DOWNLOAD_ATTEMPTS = 5


@dataclass(frozen=True)
class Looked:
    """What one look at a song gave.

    Attributes
    ----------
    song : Song
        As it stands.
    fetch : callable, optional
        The rest of the step, for a song that is made: fetches its audio and returns the song as it stands then.
    """

    song: Song
    fetch: Callable[[], Song] | None = None


@dataclass
class Following:
    """Several songs followed to their end.

    The looks and downloads happen in the threads of the crew; whatever they bring is taken in here, in the
    thread that iterates, and the journal has it before. Iterating yields each change of a song, and None
    several times a second in between, so that whoever follows can show the time or stop; `changes` does the
    same for an event loop. Who stops iterating stops the looks; a download that is under way goes on while the
    process lives.

    Attributes
    ----------
    look : callable
        Takes a song and makes one step with it; raises `MusicError`.
    songs : list of Song
        As they stand, in the order given.
    timeout : float
        In seconds; an audio that is being fetched by then is still waited for.
    local : bool or None
        Whether the songs are made on this computer, where they may be asked for sooner; None: as each song's
        address says.
    troubles : list of MusicError
        What kept songs from being completed, once it is over.
    """

    look: Callable[[Song], Looked]
    songs: list[Song]
    timeout: float
    local: bool | None = None
    troubles: list[MusicError] = field(default_factory=list)
    _open: dict[str, Song] = field(default_factory=dict, repr=False)
    _fetching: set[str] = field(default_factory=set, repr=False)
    _passing: dict[str, list[MusicError]] = field(default_factory=dict, repr=False)
    _brought: SimpleQueue[tuple[str, Looked | BaseException]] = field(default_factory=SimpleQueue, repr=False)
    _ring: Callable[[], None] = field(default=lambda: None, repr=False)
    _crew: Crew = field(default_factory=the_crew, repr=False)

    def __iter__(self) -> Generator[Song | None, None, None]:
        deadline = time.monotonic() + self.timeout
        tick = time.monotonic() + _TICK
        try:
            for song in self.songs:
                self._take_in(song)
            while self._open:
                now = time.monotonic()
                if now >= deadline:
                    self._give_up()
                    deadline = inf
                elif now >= tick:
                    tick = now + _TICK
                    yield None
                else:
                    changed = self._settle(min(deadline, tick) - now)
                    if changed is not None:
                        yield changed
        finally:
            self._stop()

    async def changes(self) -> AsyncGenerator[Song, None]:
        """The songs as they stand, then each change of one, without holding up the event loop.

        Raises
        ------
        MusicError
            What kept the first of them from coming to an end.
        """
        loop, bell = asyncio.get_running_loop(), asyncio.Event()

        def ring() -> None:
            # Who stopped waiting may have closed the loop while a download went on.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(bell.set)

        self._ring = ring
        deadline = time.monotonic() + self.timeout
        alarm = loop.call_later(self.timeout, bell.set) if self.timeout < inf else None
        try:
            for song in self.songs:
                yield song
                self._take_in(song)
            while self._open:
                bell.clear()  # before the look at what was brought: what comes after it rings again
                changed = self._settle(0)
                if changed is not None:
                    yield changed
                elif time.monotonic() >= deadline:
                    self._give_up()
                    deadline = inf
                elif self._open and self._brought.empty():
                    await bell.wait()
        finally:
            if alarm is not None:
                alarm.cancel()
            self._stop()
        for trouble in self.troubles:
            if not isinstance(trouble, GenerationFailed):  # that one the song itself tells
                raise trouble

    def show(self) -> None:
        """Follow them to the end with a progress bar; an interrupt says where the songs are."""
        usual = USUAL_SECONDS[all(song.rehearsal for song in self.songs)]
        try:
            # A traceback may keep this frame for long; the looks end now, whatever ends the wait.
            with Progress(usual) as progress, contextlib.closing(iter(self)) as changes:
                progress.show(_state(self.songs))
                for _ in changes:
                    progress.show(_state(self.songs))
        except KeyboardInterrupt:
            say(_left_open(self.songs))
            raise

    def _stop(self) -> None:
        for name in list(self._open):
            self._let_go(name)

    def _take_in(self, song: Song) -> None:
        if song.status.final:
            self._finish(song)
            return
        self._open[song.request_id] = song
        age = (datetime.now(timezone.utc) - song.created).total_seconds()
        local = song.rehearsal or is_loopback(song.base_url) if self.local is None else self.local
        job = partial(self._look, song.request_id)
        self._crew.ask((id(self), song.request_id), job, age=max(0.0, age), host=song.base_url, local=local)

    def _look(self, name: str) -> None:
        """Do the job of a poller."""
        song = self._open.get(name)
        if song is not None:
            self._bring(name, partial(self.look, song))

    def _bring(self, name: str, work: Callable[[], Looked]) -> None:
        # Whatever goes wrong belongs to the one who iterates, not to a thread that nobody watches.
        try:
            self._brought.put((name, work()))
        except BaseException as error:
            self._brought.put((name, error))
        self._ring()

    def _settle(self, seconds: float) -> Song | None:
        """Take in what a thread of the crew brings, if one does within so many seconds; the song, if it changed."""
        try:
            name, brought = self._brought.get(timeout=seconds)
        except Empty:
            return None
        self._fetching.discard(name)
        if name not in self._open:
            return None
        if isinstance(brought, MusicError):
            self._pass_over(name, brought)
            return None
        if isinstance(brought, BaseException):
            raise brought
        return self._note(name, brought)

    def _note(self, name: str, looked: Looked) -> Song | None:
        before, after = self._open[name], looked.song
        if after != before:
            self._open[name] = after
            self.songs = [after if song.request_id == name else song for song in self.songs]
        if looked.fetch is not None:
            self._fetching.add(name)
            self._crew.fetch(partial(self._bring, name, _whole(looked.fetch)))
        elif after.status.final or _not_seen(after):
            self._let_go(name)
            self._finish(after)
        else:
            self._crew.again((id(self), name))
        return after if after != before else None

    def _pass_over(self, name: str, error: MusicError) -> None:
        """Ask for the song again after what passes; end with what does not."""
        passing = self._passing.setdefault(name, [])
        passing.append(error)
        if not _worth_another_look(error, passing):
            self.troubles.append(error)
            self._let_go(name)
            return
        if isinstance(error, RateLimited):
            self._crew.hold(self._open[name].base_url, error.retry_after or 2.0)
        at_least = error.retry_after or min(2.0 ** (len(passing) - 2), 15.0)
        self._crew.again((id(self), name), at_least=at_least)

    def _let_go(self, name: str) -> None:
        self._crew.forget((id(self), name))
        del self._open[name]

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
                GenerationFailed(
                    f"The song was not made: {song.error}", spent=song.spent, song_id=song.id or song.request_id
                )
            )

    def _give_up(self) -> None:
        for name, song in list(self._open.items()):
            if name in self._fetching:
                continue
            self._let_go(name)
            last = self._passing.get(name) or []
            why = f" ({last[-1].what})" if last else f" ({song.error})" if song.error else ""
            self.troubles.append(
                WaitTimeout(
                    f"The song was not there after {self.timeout:.0f} s; it is {song.status}{why}.",
                    spent=song.spent,
                    song_id=song.id or song.request_id,
                )
            )


def _state(songs: list[Song]) -> str:
    if len(songs) == 1:
        return str(songs[0].status)
    ready = sum(song.status.final for song in songs)
    return f"{ready} of {len(songs)} songs ready"


def _left_open(songs: list[Song]) -> str:
    waiting = [song for song in songs if not song.status.final]
    names = ", ".join(repr(song.id or song.request_id) for song in waiting[:3])
    charged = "" if all(song.rehearsal for song in waiting) else " and charged"
    return f"Stopped waiting. It may still be made{charged}; it is in your library: wait({names}) or recover()."


def _whole(fetch: Callable[[], Song]) -> Callable[[], Looked]:
    return lambda: Looked(fetch())


def _not_seen(song: Song) -> bool:
    """Whether the logs have had time enough to show a song whose answer got lost, and do not."""
    return song.status is Status.UNKNOWN and datetime.now(timezone.utc) - song.created > LOGS_PATIENCE


def _worth_another_look(error: MusicError, passing: list[MusicError]) -> bool:
    if isinstance(error, DownloadFailed):
        return sum(isinstance(past, DownloadFailed) for past in passing) < _DOWNLOAD_ATTEMPTS
    return isinstance(error, RateLimited | Unavailable | Unreachable)
