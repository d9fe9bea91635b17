"""Songs tracked to their end, whoever waits: the pollers poll and fetch, the one who iterates decides."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

from ..api.responses import LOGS_PATIENCE
from ..api.timeouts import Timeouts
from ..errors import (
    DownloadFailed,
    GenerationFailed,
    MusicError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Unavailable,
    Unreachable,
    WaitTimeout,
)
from ..hosts import open_links
from ..song import Song, Status
from .pollers import Pollers, shared_pollers

if TYPE_CHECKING:
    from ..api.responses import Generation

TIMEOUT = 600.0
"""How long a wait lasts unless told otherwise, in seconds; the provider's own example waits as long."""

DOWNLOAD_ATTEMPTS = 5
_NOT_FOUND_POLLS = 5


class Steps(Protocol):
    """What a tracker needs of `Services`: the next step of a song; both raise `MusicError`."""

    def refresh(self, song: Song) -> tuple[Song, Generation | None]:
        """Poll a song; of one that is made, what `fetch` takes as well."""

    def fetch(self, song: Song, generation: Generation) -> Song:
        """Fetch the audio of a song."""


@dataclass
class _Open:
    """One song that is not at its end yet."""

    song: Song
    made: Generation | None = None
    failed_downloads: int = 0
    errors: list[MusicError] = field(default_factory=list)  # of polls, since the last good response
    stuck_since: float = inf
    responded: bool = False

    @property
    def undisturbed(self) -> bool:
        """Whether one more response that says the same changes nothing."""
        return self.responded and not self.errors and bool(self.song.id)

    def note_error(self, error: MusicError) -> None:
        self.errors.append(error)
        self.failed_downloads += isinstance(error, DownloadFailed)
        self.stuck_since = min(self.stuck_since, time.monotonic())

    def note_response(self, song: Song) -> None:
        self.song, self.responded = song, True
        self.errors.clear()
        self.stuck_since = inf if song.id else min(self.stuck_since, time.monotonic())

    def worth_another_poll(self, error: MusicError, fresh: float) -> bool:
        if isinstance(error, DownloadFailed):
            return self.failed_downloads < DOWNLOAD_ATTEMPTS
        if isinstance(error, NotFound):
            known = self.responded or self.song.request is not None or self.song.cost_usd is not None
            lasted = time.monotonic() - self.stuck_since >= fresh and len(self.errors) >= _NOT_FOUND_POLLS
            return known and not lasted
        return isinstance(error, RateLimited | Unavailable | Unreachable)


class Tracker:
    """Several songs tracked to their end.

    Polls and downloads happen in the threads of the pollers; whatever they bring is taken in here, in the
    thread that iterates, and the journal has it before. Iterating yields each change of a song, and None
    several times a second in between, so that whoever waits can show the time or stop; `changes` does the
    same for an event loop. Who stops iterating stops the polls; a download that is under way goes on while the
    process lives.

    Parameters
    ----------
    steps : Steps
    songs : iterable of Song
    timeout : float
        In seconds; an audio that is being fetched by then is still waited for.
    timeouts : Timeouts, optional
    past : callable, optional
        Given the model and the service of a song, says how long earlier ones took, in seconds, the latest last.
    library : pathlib.Path, optional
        The folder of the database of those with whom the limits of services are shared.
    pollers : Pollers, optional
        Else the ones that the whole process shares.

    Attributes
    ----------
    songs : list of Song
        As they stand, in the order given.
    errors : list of MusicError
        What kept songs from being completed, once it is over.
    """

    def __init__(
        self,
        steps: Steps,
        songs: Iterable[Song],
        timeout: float = TIMEOUT,
        *,
        timeouts: Timeouts | None = None,
        past: Callable[[str, str], tuple[float, ...]] | None = None,
        library: Path | None = None,
        pollers: Pollers | None = None,
    ) -> None:
        self.songs = list(songs)
        self.errors: list[MusicError] = []
        self._steps = steps
        self._timeout = timeout
        self._timeouts = timeouts or Timeouts()
        self._library = library
        self._past = functools.cache(past or (lambda model, base_url: ()))
        self._pollers = pollers or shared_pollers()
        self._open: dict[str, _Open] = {}
        self._made: dict[str, tuple[Song, Generation]] = {}
        self._brought: SimpleQueue[tuple[str, tuple[Song, Generation | None] | BaseException]] = SimpleQueue()
        self._notify: Callable[[], None] = _nobody
        self._began = time.monotonic()

    def __iter__(self) -> Generator[Song | None, None, None]:
        self._began = time.monotonic()
        deadline = self._began + self._timeout
        tick = self._began + self._timeouts.tick
        try:
            for song in self.songs:
                self._add(song)
            while self._open:
                now = time.monotonic()
                if now >= deadline:
                    self.give_up()
                    deadline = inf
                elif now >= tick:
                    tick = now + self._timeouts.tick
                    yield None
                else:
                    changed = self._take_in(min(deadline, tick) - now)
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
        import asyncio

        loop, news = asyncio.get_running_loop(), asyncio.Event()
        beats: asyncio.TimerHandle

        def notify() -> None:
            # Who stopped waiting may have closed the loop while a download went on.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(news.set)

        def beat() -> None:
            # Also for an interrupt: a loop with nothing to do does not notice one that another thread received.
            nonlocal beats
            news.set()
            beats = loop.call_later(self._timeouts.tick, beat)

        self._notify, self._began = notify, time.monotonic()
        deadline = self._began + self._timeout
        beats = loop.call_later(self._timeouts.tick, beat)
        try:
            for song in self.songs:
                yield song
                self._add(song)
            while self._open:
                news.clear()  # before what was brought is taken in: what comes after it notifies again
                changed = self._take_in(0)
                if changed is not None:
                    yield changed
                elif time.monotonic() >= deadline:
                    self.give_up()
                    deadline = inf
                elif self._open and self._brought.empty():
                    await news.wait()
        finally:
            beats.cancel()
            self._stop()
        for error in self.errors:
            if not isinstance(error, GenerationFailed):  # that one the song itself tells
                raise error

    @property
    def stuck(self) -> bool:
        """Whether no song that is still open has made progress for a while: none can be polled or is known yet."""
        since = time.monotonic() - self._timeouts.stuck
        return all(each.stuck_since < since and each.made is None for each in self._open.values())

    def give_up(self) -> None:
        """Stop waiting for all songs but those whose audio is being fetched."""
        for name, each in list(self._open.items()):
            if each.made is None:
                self._remove(name)
                self.errors.append(_too_late(each, time.monotonic() - self._began))

    def poll(self, name: str) -> None:
        """Poll a song, in a thread of the pollers."""
        each = self._open.get(name)
        if each is None:
            return
        # Whatever goes wrong belongs to the one who iterates, not to a thread that nobody watches.
        brought: tuple[Song, Generation | None] | BaseException
        try:
            brought = self._steps.refresh(each.song)
        except BaseException as error:
            brought = error
        if each.undisturbed and isinstance(brought, tuple) and brought == (each.song, None):
            self._pollers.poll_again(self, name, at_least=_pause(brought[0]))  # no news: nobody is woken for it
        else:
            self._brought.put((name, brought))
            self._notify()

    def fetch(self, name: str) -> None:
        """Fetch the audio of a song, in a thread of the pollers, even if nobody waits for it any longer."""
        song, made = self._made.pop(name)
        try:
            self._brought.put((name, (self._steps.fetch(song, made), None)))
        except BaseException as error:
            self._brought.put((name, error))
        self._notify()

    def _stop(self) -> None:
        for name in list(self._open):
            self._remove(name)

    def _add(self, song: Song) -> None:
        if song.status.final:
            self._finish(song)
            return
        self._open[song.request_id] = _Open(song)
        age = (datetime.now(UTC) - song.created).total_seconds()
        interval = self._timeouts.rehearsal_poll if song.rehearsal else self._timeouts.poll
        past = self._past(song.model, song.base_url) if interval is None else ()
        library = None if song.rehearsal else self._library
        self._pollers.add(
            self,
            song.request_id,
            age=max(0.0, age),
            host=song.base_url,
            interval=interval,
            past=past,
            library=library,
        )

    def _take_in(self, seconds: float) -> Song | None:
        """Take in what the pollers bring, if they do within so many seconds; the song, if it changed."""
        try:
            name, brought = self._brought.get(timeout=seconds)
        except Empty:
            return None
        each = self._open.get(name)
        if each is None:
            return None
        each.made = None
        if isinstance(brought, MusicError):
            self._note_error(each, brought)
            return None
        if isinstance(brought, BaseException):
            raise brought
        return self._note(each, *brought)

    def _note(self, each: _Open, song: Song, made: Generation | None) -> Song | None:
        changed, name = song != each.song, song.request_id
        each.note_response(song)
        if changed:
            self.songs = [song if other.request_id == name else other for other in self.songs]
        if made is not None:
            each.made = made
            self._made[name] = (song, made)
            self._pollers.fetch(self, name)
        elif song.status.final or _never_arrived(song):
            self._remove(name)
            self._finish(song)
        else:
            self._pollers.poll_again(self, name, at_least=_pause(song))
        return song if changed else None

    def _note_error(self, each: _Open, error: MusicError) -> None:
        """Poll the song again after what may pass; end with what does not."""
        name = each.song.request_id
        each.note_error(error)
        if not each.worth_another_poll(error, self._timeouts.fresh):
            self.errors.append(error)
            self._remove(name)
            return
        if isinstance(error, RateLimited):
            self._pollers.pause_host(each.song.base_url, error.retry_after or 2.0)
        at_least = error.retry_after or min(2.0 ** (len(each.errors) - 2), 15.0)
        self._pollers.poll_again(self, name, at_least=at_least)

    def _remove(self, name: str) -> None:
        self._pollers.remove(self, name)
        open_links.leave(name)
        del self._open[name]

    def _finish(self, song: Song) -> None:
        if song.status is Status.UNKNOWN:
            self.errors.append(
                OutcomeUnknown(
                    "The response to this song got lost, and the service's logs show no charge for it.",
                    do="recover() looks again. Requesting the song again is up to you: it may be paid for twice.",
                    song_id=song.request_id,
                )
            )
        elif song.status is not Status.COMPLETED:
            self.errors.append(
                GenerationFailed(
                    f"The song was not made: {song.error}", spent=song.spent, song_id=song.id or song.request_id
                )
            )


def _nobody() -> None:
    """Notify nobody: whoever iterates looks by itself."""


def _too_late(each: _Open, seconds: float) -> WaitTimeout:
    song = each.song
    reason = each.errors[-1].what if each.errors else song.error
    return WaitTimeout(
        f"The song was not there after {seconds:.0f} s; it is {song.status}{f' ({reason})' if reason else ''}.",
        spent=song.spent,
        song_id=song.id or song.request_id,
    )


def _pause(song: Song) -> float:
    """For how many seconds a song need not be polled: one that is far from its turn is polled less by its class."""
    return min(song.place.seconds / 8, 3.0) if song.place else 0.0


def _never_arrived(song: Song) -> bool:
    """Whether the logs have had time enough to show a song whose response got lost, and do not."""
    return song.status is Status.UNKNOWN and datetime.now(UTC) - song.created > LOGS_PATIENCE
