"""When to poll which song: a schedule for many songs, and a rate limit for each host. Knows nothing of HTTP.

How many requests a host allows is found out, not known: a schedule begins at `MOST_PER_SECOND`. Told to wait, it
polls that host not at all for as long as it was told, and then less often than before, see `limits`.
How often a rehearsal is polled is in `api.timeouts`; how long a song waits after an error, in `tracker`.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import time
from bisect import bisect_right
from collections.abc import Callable, Hashable
from contextlib import nullcontext
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from .learning import FIRST, learn
from .limits import MOST_PER_SECOND, LimitFile, RateLimit

__all__ = ["MOST_PER_SECOND", "Schedule", "next_poll_after"]

WARM_UP = FIRST
EVERY = 1.85
SLOW_FROM = 90.0
SHARE_OF_AGE = 0.05
LONGEST = 15.0
_SAME = 0.05  # s; a poll that is so little early is the one that was planned
TOGETHER = 0.04
"""Who polls one song also polls those that are due within so many seconds: to wake up costs as much as a poll."""


def next_poll_after(age: float, past: tuple[float, ...] = ()) -> float:
    """How long to wait before a song is polled again.

    Hosted songs take 20 to 60 s: none is polled in its first 8 s, then every 1.85 s, and a song that is
    late is polled ever more slowly. With enough past songs, `learning` says when.

    Parameters
    ----------
    age : float
        Seconds since the song was submitted.
    past : tuple of float
        How long earlier songs of this kind took, in seconds, the latest last.

    Returns
    -------
    float
        In seconds.
    """
    polls = learn(past, _usual_polls()) if past else ()
    place = bisect_right(polls, age + _SAME)
    if place < len(polls):
        return polls[place] - age
    if age < WARM_UP:
        return WARM_UP - age
    return EVERY if age <= SLOW_FROM else min(LONGEST, SHARE_OF_AGE * age)


@functools.cache
def _usual_polls() -> tuple[float, ...]:
    """The ages at which a song is polled that nothing is known of."""
    ages = [WARM_UP]
    while ages[-1] < 3600:
        ages.append(ages[-1] + next_poll_after(ages[-1]))
    return tuple(ages)


@dataclass(eq=False)
class _Entry:
    name: Hashable
    born: float
    interval: float | None
    host: _Host
    polled_at: float
    past: tuple[float, ...] = ()
    removed: bool = False

    def next_poll_after(self) -> float:
        return next_poll_after(self.polled_at - self.born, self.past) if self.interval is None else self.interval


@dataclass(eq=False)
class _Host:
    """The songs of one host: those that wait until they are due, and those that are, the longest unpolled first."""

    limit: RateLimit = field(default_factory=RateLimit)
    file: LimitFile | None = None
    waiting: list[tuple[float, int, _Entry]] = field(default_factory=list)
    due: list[tuple[float, int, _Entry]] = field(default_factory=list)

    def advance(self, now: float) -> None:
        """Move what has become due, and drop what was removed."""
        until = now
        while self.waiting and (self.waiting[0][0] <= until or self.waiting[0][2].removed):
            _, number, entry = heapq.heappop(self.waiting)
            until = now + TOGETHER
            heapq.heappush(self.due, (entry.polled_at, number, entry))
        while self.due and self.due[0][2].removed:
            heapq.heappop(self.due)

    def spend(self, now: float) -> bool:
        """Take the turn of one request; False when another process was quicker."""
        if self.file is None or not self.limit.is_limited(now):
            self.limit.spend(now)
            return True
        with self.file.locked(self.limit, now):
            if self.limit.open_at > now:
                return False
            self.limit.spend(now)
            return True

    def pause(self, now: float, seconds: float) -> None:
        """Note that the host told us to wait."""
        with self.file.locked(self.limit, now) if self.file else nullcontext():
            self.limit.pause(now, seconds)

    def ready_at(self, now: float) -> float:
        """When its next song may be polled; infinite while there is none."""
        if self.due:
            return max(now, self.limit.open_at)
        return max(self.waiting[0][0], self.limit.open_at) if self.waiting else inf


class Schedule:
    """Says which song to poll now: of those that are due the longest unpolled, as the limit of its host allows.

    Parameters
    ----------
    clock : callable
        Seconds, monotonic.

    Notes
    -----
    It holds no lock: whoever shares it between threads does.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[Hashable, _Entry] = {}
        self._hosts: dict[str, _Host] = {}
        self._numbers = itertools.count()

    def add(
        self,
        name: Hashable,
        age: float,
        *,
        host: str = "",
        interval: float | None = None,
        past: tuple[float, ...] = (),
        library: Path | None = None,
    ) -> float:
        """Take in a song; one that is past its warm-up is due at once.

        Parameters
        ----------
        name : hashable
        age : float
            Seconds since it was submitted.
        host : str
            The service whose limit it takes from.
        interval : float, optional
            Seconds between two polls, for a song that the schedule is not made for.
        past : tuple of float
            How long earlier songs of its kind took, in seconds, the latest last.
        library : pathlib.Path, optional
            The folder of the database of those with whom the limit of its host is shared.

        Returns
        -------
        float
            The seconds until it is due.
        """
        now = self._clock()
        wait = 0.0 if interval is not None or age >= WARM_UP else next_poll_after(age, past)
        host_of_it = self._hosts.setdefault(host, _Host())
        if library is not None and host_of_it.file is None:
            host_of_it.file = LimitFile(library, host)
        entry = self._entries[name] = _Entry(name, now - age, interval, host_of_it, polled_at=now - age, past=past)
        self._push(entry, now + wait)
        return wait

    def take(self) -> tuple[Hashable | None, float]:
        """The song to poll now, which nobody else gets until `polled`; or None.

        Returns
        -------
        hashable or None
        float
            The seconds until there is one: 0 with a song, infinite while all are taken.
        """
        now, soonest, chosen = self._clock(), inf, None
        for host in self._hosts.values():
            host.advance(now)
            if host.due and host.file:
                host.file.look(host.limit, now)
            ready_at = host.ready_at(now)
            if ready_at > now:
                soonest = min(soonest, ready_at)
            elif chosen is None or host.due[0][0] < chosen.due[0][0]:
                chosen = host
        if chosen is None:
            return None, soonest - now
        if not chosen.spend(now):
            return None, chosen.limit.open_at - now
        _, _, entry = heapq.heappop(chosen.due)
        entry.polled_at = now
        return entry.name, 0.0

    def polled(self, name: Hashable, *, at_least: float = 0.0) -> float:
        """Note that a song was polled; it is due again after its pause.

        Parameters
        ----------
        name : hashable
        at_least : float
            The shortest pause from now on, in seconds; 0 after a good response.

        Returns
        -------
        float
            The seconds until it is due.
        """
        entry, now = self._entries.get(name), self._clock()
        if entry is None:  # removed meanwhile
            return inf
        between = entry.next_poll_after()
        # From poll to poll; a service that is slow to answer is given time nonetheless.
        due = max(entry.polled_at + between, now + max(at_least, between / 2))
        self._push(entry, due)
        return due - now

    def pause_host(self, host: str, seconds: float) -> None:
        """Poll a host not at all for a while, and less often after that: it told us to wait."""
        self._hosts.setdefault(host, _Host()).pause(self._clock(), seconds)

    def remove(self, name: Hashable) -> None:
        """Drop a song, if it is here."""
        entry = self._entries.pop(name, None)
        if entry is not None:
            entry.removed = True

    def __len__(self) -> int:
        return len(self._entries)

    def _push(self, entry: _Entry, due: float) -> None:
        heapq.heappush(entry.host.waiting, (due, next(self._numbers), entry))
