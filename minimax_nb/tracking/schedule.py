"""When to ask again: a schedule, and a pacer that keeps many songs and a budget to it. Knows nothing of HTTP.

How often a host may be asked is found out, not known: a pacer begins at `MOST_PER_SECOND`. Told to wait, it asks
that host for nothing as long as it was told, and then for less than before, a little more every second.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from math import inf

WARM_UP = 8.0
EVERY = 1.85
SLOW_FROM = 90.0
SHARE_OF_AGE = 0.05
LONGEST = 15.0
LOCAL = 0.4

MOST_PER_SECOND = 120.0
"""Requests to one host; 200 songs that keep to the schedule need 108."""

LEAST_PER_SECOND = 0.5
RECOVERY = 1.01
"""By how much the requests per second of a host that told us to wait grow again, every second."""


def pause(age: float, *, local: bool = False) -> float:
    """How long to wait before asking for a song again.

    Hosted songs take 20 to 60 s: none is asked for in its first 8 s, then every 1.85 s, and a song that is
    late is asked for ever more slowly.

    Parameters
    ----------
    age : float
        Seconds since the song was submitted.
    local : bool
        Whether the service is on this computer.

    Returns
    -------
    float
        In seconds.
    """
    if local:
        return LOCAL
    if age < WARM_UP:
        return WARM_UP - age
    return EVERY if age <= SLOW_FROM else min(LONGEST, SHARE_OF_AGE * age)


@dataclass
class _Budget:
    """What one host may be asked: one request at a time, evenly spaced, as many as it has put up with."""

    rate: float = MOST_PER_SECOND
    since: float = -inf
    free_at: float = -inf
    held_until: float = -inf
    answered: deque[float] = field(default_factory=deque)

    @property
    def open_at(self) -> float:
        return max(self.free_at, self.held_until)

    def rate_at(self, now: float) -> float:
        if self.rate >= MOST_PER_SECOND or now - self.since > 600:
            return MOST_PER_SECOND
        grown: float = self.rate * RECOVERY ** max(0.0, now - self.since)
        return min(MOST_PER_SECOND, grown)

    def spend(self, now: float) -> None:
        step = 1 / self.rate_at(now)
        # A thread that woke up late is given its step back, or the rate would never be reached.
        self.free_at = max(self.free_at, now - step) + step

    def note_answer(self, now: float) -> None:
        self.answered.append(now)
        while self.answered[0] < now - 1:
            self.answered.popleft()

    def hold(self, now: float, seconds: float) -> None:
        # Requests that were under way when the first of them was told to wait tell nothing new.
        if now >= self.held_until:
            rate, through = self.rate_at(now), sum(moment >= now - 1 for moment in self.answered)
            self.rate = max(LEAST_PER_SECOND, min(0.9 * rate, max(rate / 2, 0.9 * through)))
        self.held_until = self.since = max(self.held_until, now + seconds)


@dataclass
class _Turn:
    born: float
    host: str
    local: bool
    due: float
    asked_at: float
    out: bool = False


class Pacer:
    """Says which song to ask for now: of those that are due the longest unasked, as the budget of its host allows.

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
        self._turns: dict[Hashable, _Turn] = {}
        self._budgets: dict[str, _Budget] = {}

    def add(self, name: Hashable, age: float, *, host: str = "", local: bool = False) -> None:
        """Take a song in; one that is past its warm-up is due at once."""
        now = self._clock()
        wait = 0.0 if local or age >= WARM_UP else pause(age)
        self._turns[name] = _Turn(now - age, host, local, due=now + wait, asked_at=now - age)
        self._budgets.setdefault(host, _Budget())

    def take(self) -> tuple[Hashable | None, float]:
        """The song to ask for now, which is nobody else's until `asked`; or None.

        Returns
        -------
        hashable or None
        float
            The seconds until there is one: 0 with a song, infinite while all are taken.
        """
        now, first, soonest = self._clock(), None, inf
        open_at = {host: budget.open_at for host, budget in self._budgets.items()}
        for name, turn in self._turns.items():
            if turn.out:
                continue
            at = max(turn.due, open_at[turn.host])
            if at > now:
                soonest = min(soonest, at)
            elif first is None or turn.asked_at < self._turns[first].asked_at:
                first = name
        if first is None:
            return None, soonest - now
        turn = self._turns[first]
        turn.out, turn.asked_at = True, now
        self._budgets[turn.host].spend(now)
        return first, 0.0

    def asked(self, name: Hashable, *, at_least: float = 0.0) -> None:
        """Note that a song was asked for; it is due again after its pause.

        Parameters
        ----------
        name : hashable
        at_least : float
            The shortest pause from now on, in seconds; 0 after a good answer.
        """
        turn, now = self._turns[name], self._clock()
        between = pause(now - turn.born, local=turn.local)
        # From question to question; a service that is slow to answer is given time nonetheless.
        turn.due = max(turn.asked_at + between, now + max(at_least, between / 2))
        turn.out = False
        if not at_least:
            self._budgets[turn.host].note_answer(now)

    def hold(self, host: str, seconds: float) -> None:
        """Ask a host for nothing for a while, and for less after that: it told us to wait."""
        self._budgets.setdefault(host, _Budget()).hold(self._clock(), seconds)

    def forget(self, name: Hashable) -> None:
        """Let a song go, if it is here."""
        self._turns.pop(name, None)

    def __len__(self) -> int:
        return len(self._turns)
