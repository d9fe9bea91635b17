"""A few daemon threads for the whole process: they ask when the one pacer says so, and fetch what is made.

Songs that are waited for in several threads share them, and one budget of requests per second for each service.
The threads end when there has been nothing to do for a while; they never hold up the end of the process.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Hashable
from math import inf
from queue import Empty, SimpleQueue

from .schedule import Pacer

POLLERS = 5
"""A question that is left hanging blocks one of them, and the other songs go on."""

FETCHERS = 3

_IDLE = 5.0

Job = Callable[[], object]
"""Something to do in a thread of the crew; it raises nothing."""


class Crew:
    """Threads that are started as they are needed, a poller for each song and a fetcher for each file at most."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._pacer = Pacer()
        self._jobs: dict[Hashable, Job] = {}
        self._files: SimpleQueue[Job] = SimpleQueue()
        self._changed = threading.Condition()
        self._turn = threading.Lock()
        self._pollers = self._fetchers = 0
        self._empty_since = time.monotonic()

    def ask(self, name: Hashable, job: Job, *, age: float, host: str, local: bool) -> None:
        """Do a job when its song is due to be asked for; once, and again after each `again`.

        Parameters
        ----------
        name : hashable
            Of the song, as one who waits knows it.
        job : callable
        age : float
            Seconds since the song was submitted.
        host : str
            The service whose budget it takes from.
        local : bool
            Whether the song may be asked for sooner.
        """
        with self._changed:
            self._pacer.add(name, age, host=host, local=local)
            self._jobs[name] = job
            if self._pollers < min(POLLERS, len(self._pacer)):
                self._pollers += 1
                self._start(self._poll)
            self._changed.notify_all()

    def again(self, name: Hashable, *, at_least: float = 0.0) -> None:
        """Ask for a song again after its pause, or `at_least` seconds."""
        with self._changed:
            self._pacer.asked(name, at_least=at_least)
            self._changed.notify_all()

    def hold(self, host: str, seconds: float) -> None:
        """Ask a service for nothing for a while, whoever waits: it told us to."""
        with self._changed:
            self._pacer.hold(host, seconds)

    def forget(self, name: Hashable) -> None:
        """Ask for a song no more."""
        with self._changed:
            self._pacer.forget(name)
            self._jobs.pop(name, None)
            if not len(self._pacer):
                self._empty_since = time.monotonic()
                self._changed.notify_all()

    def fetch(self, job: Job) -> None:
        """Do a job that takes its time, as soon as a fetcher is free."""
        with self._changed:
            self._files.put(job)
            if self._fetchers < FETCHERS:
                self._fetchers += 1
                self._start(self._fetch)

    @staticmethod
    def _start(work: Job) -> None:
        threading.Thread(target=work, name="minimax_nb crew", daemon=True).start()

    def _poll(self) -> None:
        while job := self._next_question():
            job()

    def _next_question(self) -> Job | None:
        """What is due, as soon as it is; None after a while with no songs."""
        # One poller at a time watches the clock; to wake all of them for each song would cost more than the asking.
        with self._turn, self._changed:
            while True:
                name, delay = self._pacer.take()
                if name is not None:
                    return self._jobs[name]
                if not len(self._pacer):
                    delay = self._empty_since + _IDLE - time.monotonic()
                    if delay <= 0:
                        self._pollers -= 1
                        return None
                self._changed.wait(None if delay == inf else delay)

    def _fetch(self) -> None:
        while job := self._next_file():
            job()

    def _next_file(self) -> Job | None:
        try:
            return self._files.get(timeout=_IDLE)
        except Empty:
            with self._changed:
                if self._files.empty():
                    self._fetchers -= 1
                    return None
            return self._next_file()


_crew: Crew | None = None
_hiring = threading.Lock()


def the_crew() -> Crew:
    """The one crew of this process; a fork has none of its parent's threads and begins with a new one."""
    global _crew
    with _hiring:
        if _crew is None or _crew.process != os.getpid():
            _crew = Crew()
        return _crew
