"""A few daemon threads for the whole process: they poll when the one schedule says so, and fetch what is made.

Songs that are waited for in several threads share them, and one rate limit for each service. The threads end when
there has been nothing to do for a while; they never hold up the end of the process.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from math import inf
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol

from .schedule import Schedule

POLLERS = 5
"""A request that is left hanging blocks one of them, and the other songs go on."""

FETCHERS = 3

NAME = "minimax_nb poller"

QUICK = 0.02
"""While polls take no longer than this, in seconds, one poller makes them all: waking another costs more."""

HANGS = 0.25
"""A poll that takes longer than this, in seconds, when they are quick, has another poller go on."""


class Tracked(Protocol):
    """Whoever wants songs polled and fetched; neither method raises anything."""

    def poll(self, name: str) -> None:
        """Poll this song, in a thread of the pollers."""

    def fetch(self, name: str) -> None:
        """Fetch the audio of this song, in a thread of the pollers."""


class Pollers:
    """Threads that are started as they are needed, a poller for each song and a fetcher for each file at most.

    Parameters
    ----------
    idle : float
        After so many seconds without work a thread ends.
    """

    def __init__(self, idle: float = 5.0) -> None:
        self.process = os.getpid()
        self._idle = idle
        self._schedule = Schedule()
        self._files: SimpleQueue[tuple[Tracked, str]] = SimpleQueue()
        lock = threading.RLock()
        self._changed, self._free = threading.Condition(lock), threading.Condition(lock)
        self._turn = threading.Lock()
        self._first: int | None = None  # the thread that watches the clock, or polls and watches it again
        self._away_since = inf
        self._usually = 2 * QUICK
        self._wakes_at = inf
        self._pollers = self._fetchers = 0
        self._empty_since = time.monotonic()

    def add(
        self,
        owner: Tracked,
        name: str,
        *,
        age: float,
        host: str,
        interval: float | None = None,
        past: tuple[float, ...] = (),
        library: Path | None = None,
    ) -> None:
        """Have a song polled once when it is due, and again after each `poll_again`.

        Parameters
        ----------
        owner : Tracked
        name : str
            Of the song, as its owner knows it.
        age : float
            Seconds since the song was submitted.
        host : str
            The service whose limit it takes from.
        interval : float, optional
            Seconds between two polls, in place of what the schedule says.
        past : tuple of float
            How long earlier songs of its kind took, in seconds, the latest last.
        library : pathlib.Path, optional
            The folder of the database of those with whom the limit of the service is shared.
        """
        with self._changed:
            wait = self._schedule.add((owner, name), age, host=host, interval=interval, past=past, library=library)
            if self._pollers < min(POLLERS, len(self._schedule)):
                self._pollers += 1
                self._start(self._poll)
            self._wake(wait)

    def poll_again(self, owner: Tracked, name: str, *, at_least: float = 0.0) -> None:
        """Poll a song again after its pause, or `at_least` seconds."""
        with self._changed:
            self._wake(self._schedule.polled((owner, name), at_least=at_least))

    def pause_host(self, host: str, seconds: float) -> None:
        """Poll a service not at all for a while, whoever waits: it told us to."""
        with self._changed:
            self._schedule.pause_host(host, seconds)

    def remove(self, owner: Tracked, name: str) -> None:
        """Poll a song no more."""
        with self._changed:
            self._schedule.remove((owner, name))
            if not len(self._schedule):
                self._empty_since = time.monotonic()
                self._wake(0.0)

    def fetch(self, owner: Tracked, name: str) -> None:
        """Have the audio of a song fetched, as soon as a fetcher is free."""
        with self._changed:
            self._files.put((owner, name))
            if self._fetchers < FETCHERS:
                self._fetchers += 1
                self._start(self._fetch)

    def _wake(self, seconds: float) -> None:
        """Wake whoever watches the clock, unless it wakes up early enough by itself."""
        if time.monotonic() + seconds < self._wakes_at:
            self._changed.notify()

    @staticmethod
    def _start(work: Callable[[], None]) -> None:
        threading.Thread(target=work, name=NAME, daemon=True).start()

    def _poll(self) -> None:
        while (song := self._next_song()) is not None:
            owner, name = song
            began = time.monotonic()
            owner.poll(name)
            self._usually += 0.2 * (time.monotonic() - began - self._usually)

    def _next_song(self) -> tuple[Tracked, str] | None:
        """What is due, as soon as it is; None after a while with no songs."""
        me = threading.get_ident()
        # One poller at a time watches the clock; to wake all of them for each song would cost more than the polling.
        with self._changed:
            if self._first == me:
                return self._watch()
        with self._turn, self._changed:
            # Only the next in line looks now and then whether the first is still about.
            while self._first is not None and time.monotonic() - self._away_since < HANGS:
                self._free.wait(HANGS)
            self._first = me
            return self._watch()

    def _watch(self) -> tuple[Tracked, str] | None:
        self._away_since = inf
        while True:
            song, delay = self._schedule.take()
            if song is not None:
                self._wakes_at, self._away_since = -inf, time.monotonic()
                if self._usually > QUICK:
                    self._leave()
                return song  # type: ignore[return-value]  # these are what `add` was given
            if not len(self._schedule):
                delay = self._empty_since + self._idle - time.monotonic()
                if delay <= 0:
                    self._pollers -= 1
                    self._leave()
                    return None
            self._wakes_at = time.monotonic() + delay
            self._changed.wait(None if delay == inf else delay)

    def _leave(self) -> None:
        """Let the next in line watch the clock."""
        self._first = None
        self._free.notify()

    def _fetch(self) -> None:
        while (file := self._next_file()) is not None:
            owner, name = file
            owner.fetch(name)

    def _next_file(self) -> tuple[Tracked, str] | None:
        try:
            return self._files.get(timeout=self._idle)
        except Empty:
            with self._changed:
                if self._files.empty():
                    self._fetchers -= 1
                    return None
            return self._next_file()


_shared: Pollers | None = None
_sharing = threading.Lock()


def shared_pollers() -> Pollers:
    """The ones of this process; a fork has none of its parent's threads and begins with new ones."""
    global _shared
    with _sharing:
        if _shared is None or _shared.process != os.getpid():
            _shared = Pollers()
        return _shared
