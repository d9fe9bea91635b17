"""When to poll, learned from how long one's own songs took. Plain numbers in, plain numbers out.

**The rule.** After a poll, the delay that is to be expected grows with every moment; poll again when it has reached
the price of one poll. Where songs often get ready polls lie close together, between two humps far apart. The price
is the one at which a song needs about as many polls as without learning, or `POLLS` if that is more.

**What is possible.** With the distribution known exactly, a lone song cannot do better than 1.10 s of mean delay at
10 polls in the benchmark's lognormal world (0.6 s takes 18 of them), nor than 0.46 s with its two humps: a dynamic
programme over all schedules says so, and `python -m tests.benchmarks.schedule` prints it. The answer to a poll says
nothing but "not yet", and songs do not depend on each other, so that nothing else can be known.

**When it is not used.** With fewer than `LEAST_PAST` songs; when it promises little more than the usual schedule; and
when the latest `CHECKED` songs, which it then has not seen, would have waited as long: the service has changed.
Even so it may be wrong, so that no two polls are further apart than `LONGEST_GAP`.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections.abc import Sequence

LEAST_PAST = 20
POLLS = 14.0
CHECKED = 8
LONGEST_GAP = 4.0
FIRST = 8.0
WORTH = 0.9
"""Of the delay without learning; a schedule that promises more than this is not worth it."""

_CELL = 0.25  # s
_END = 90.0  # s; what takes longer is polled as usual
_CLOSEST = 0.75  # s; how exactly a duration is known, at best
_UNKNOWN = 1.5, 0.05  # songs, and a share of them, that are spread over everything


@functools.lru_cache(maxsize=16)
def learn(past: tuple[float, ...], usual: tuple[float, ...]) -> tuple[float, ...]:
    """The ages at which to poll a song.

    Parameters
    ----------
    past : tuple of float
        How long songs took, in seconds, the latest last.
    usual : tuple of float
        The ages at which a song is polled without learning, in seconds.

    Returns
    -------
    tuple of float
        In seconds, ascending; empty where the usual ones serve as well.
    """
    if len(past) < LEAST_PAST:
        return ()
    earlier, latest = past[:-CHECKED], past[-CHECKED:]
    polls = _plan(earlier, usual)
    polls += tuple(age for age in usual if polls and age > polls[-1])
    if not polls or mean_delay(polls, latest) > (1 + WORTH) / 2 * mean_delay(usual, latest):
        return ()
    return _plan(past, usual)


def mean_delay(polls: Sequence[float], songs: Sequence[float]) -> float:
    """How long songs that took so long would have waited for a poll, in seconds."""
    delays = [polls[min(bisect_left(polls, song), len(polls) - 1)] - song for song in songs]
    return sum(delays) / len(delays)


def _plan(past: Sequence[float], usual: Sequence[float]) -> tuple[float, ...]:
    chances = _spread(sorted(past))
    delay, polls = _expect(chances, usual)
    most, low, high = max(POLLS, polls), 0.005, 0.6
    for _ in range(8):
        price = (low * high) ** 0.5
        if _expect(chances, _polls(chances, price))[1] > most:
            low = price
        else:
            high = price
    found = _polls(chances, high)
    return found if _expect(chances, found)[0] <= WORTH * delay else ()


def _spread(past: Sequence[float]) -> list[float]:
    """How likely a song gets ready in each cell of time: each past one is spread as far as its neighbours lie."""
    near = round(len(past) ** 0.5)
    cells = [0.0] * (int(max(_END, 1.3 * past[-1]) / _CELL) + 2)
    for number, took in enumerate(past):
        around = sorted(abs(other - took) for other in past[max(0, number - near) : number + near + 1])
        width = max(_CLOSEST, around[min(near, len(around) - 1)])
        first, last = int(max(0.0, took - width) / _CELL), min(len(cells) - 1, int((took + width) / _CELL))
        weights = [max(1e-6, 1 - abs((cell + 0.5) * _CELL - took) / width) for cell in range(first, last + 1)]
        for cell, weight in enumerate(weights, first):
            cells[cell] += weight / sum(weights)
    songs, share = _UNKNOWN
    first = int(min(FIRST, past[0]) / _CELL)
    for cell in range(first, len(cells)):
        cells[cell] += (songs + share * len(past)) / (len(cells) - first)
    whole = sum(cells)
    return [cell / whole for cell in cells]


def _polls(chances: Sequence[float], price: float) -> tuple[float, ...]:
    """Poll when the delay that is expected since the last poll has reached the price of one, in seconds."""
    polls: list[float] = []
    last = 0.0
    left, since, delay = 1.0, 0.0, 0.0
    for cell, chance in enumerate(chances, 1):
        since += chance
        delay += since * _CELL
        age = cell * _CELL
        if delay >= price * left or age - last >= (LONGEST_GAP if polls else FIRST):
            polls.append(age)
            left, since, delay, last = max(1e-9, left - since), 0.0, 0.0, age
    return tuple(polls)


def _expect(chances: Sequence[float], polls: Sequence[float]) -> tuple[float, float]:
    """The delay and the number of polls to be expected."""
    delay = number = 0.0
    left, cell = 1.0, 0
    for poll in polls:
        number += left
        while cell < len(chances) and (cell + 1) * _CELL <= poll + 1e-6:
            delay += chances[cell] * (poll - (cell + 0.5) * _CELL)
            left -= chances[cell]
            cell += 1
        if cell == len(chances):
            break
    return delay, number
