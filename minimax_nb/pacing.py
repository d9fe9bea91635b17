"""When to ask again: a schedule, and a pacer that keeps several songs to it. Knows nothing of HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

WARM_UP = 8.0
EVERY = 1.85
SLOW_FROM = 90.0
SHARE_OF_AGE = 0.05
LONGEST = 15.0
LOCAL = 0.4


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
class _Turn:
    born: float
    local: bool
    due: float


class Pacer:
    """Says which song to ask for next, the longest unasked first.

    Parameters
    ----------
    clock : callable
        Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turns: dict[str, _Turn] = {}
        self._held_until = float("-inf")

    def add(self, name: str, age: float, *, local: bool = False) -> None:
        """Take a song in; one that is past its warm-up is due at once."""
        now = self._clock()
        wait = 0.0 if local or age >= WARM_UP else pause(age)
        self._turns[name] = _Turn(born=now - age, local=local, due=now + wait)

    def next(self) -> tuple[str, float]:
        """The song to ask for next, and the seconds until then (0 when it is due)."""
        name = min(self._turns, key=lambda each: (self._due(each), self._turns[each].due))
        return name, max(0.0, self._due(name) - self._clock())

    def _due(self, name: str) -> float:
        turn = self._turns[name]
        return turn.due if turn.local else max(turn.due, self._held_until)

    def asked(self, name: str, *, at_least: float = 0.0) -> None:
        """Note that a song was asked for; it is due again after its pause, or `at_least` seconds."""
        turn, now = self._turns[name], self._clock()
        turn.due = now + max(at_least, pause(now - turn.born, local=turn.local))

    def hold(self, seconds: float) -> None:
        """Ask the hosted service for no song for a while: it told us to wait."""
        self._held_until = max(self._held_until, self._clock() + seconds)

    def forget(self, name: str) -> None:
        """Let a song go."""
        del self._turns[name]

    def __len__(self) -> int:
        return len(self._turns)
