"""When polls are sent, simulated: `python -m tests.benchmarks.schedule` prints a table of made-up services.

Songs come one after the other; of each, the schedule knows how long the ones before it took, to within the polls
between which they got ready. Beside it: the schedule without learning, for the same songs, and the best that any
schedule can do at as many polls when it knows the distribution exactly (a dynamic programme).
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable

import numpy as np

from minimax_nb.tracking.learning import LEAST_PAST
from minimax_nb.tracking.schedule import next_poll_after
from tests.benchmarks.emulated import lognormal, two_humps

SONGS = 200
SEEDS = range(4)
REMEMBERED = 60
CLOSE = 10.0
STEP = 0.1

Draw = Callable[[random.Random], float]


def slow(rng: random.Random) -> float:
    """A slow day: twice as long."""
    return 2 * lognormal(rng)


def mixture(rng: random.Random) -> float:
    """One song in two of either kind."""
    return rng.choice([lognormal, two_humps])(rng)


def scaled(draw: Draw, factor: float) -> Draw:
    """The same service at another speed."""
    return lambda rng: factor * draw(rng)


WORLDS: dict[str, tuple[Draw, Draw]] = {
    "lognormal": (lognormal, lognormal),
    "two humps": (two_humps, two_humps),
    "a mixture of both": (mixture, mixture),
    "slow day": (slow, slow),
    "lognormal, half as fast from the middle on": (lognormal, slow),
    "lognormal, twice as fast from the middle on": (lognormal, scaled(lognormal, 0.5)),
    "two humps, 1.5 × as long from the middle on": (two_humps, scaled(two_humps, 1.5)),
    "two humps, 0.7 × as long from the middle on": (two_humps, scaled(two_humps, 0.7)),
    "two humps, then lognormal": (two_humps, lognormal),
    "lognormal, then two humps": (lognormal, two_humps),
}


def wait(seconds: float, past: tuple[float, ...]) -> tuple[float, int, float]:
    """Poll one song: its delay, its polls, and its duration as far as they tell."""
    age, before, polls = 0.0, 0.0, 0
    while age < seconds:
        before, age, polls = age, age + next_poll_after(age, past), polls + 1
    return age - seconds, polls, (before + age) / 2 if age - before <= CLOSE else 0.0


def figures(first: Draw, second: Draw, *, learns: bool) -> tuple[float, float]:
    """Mean delay and polls of the songs for which there is enough to learn from."""
    found = []
    for seed in SEEDS:
        rng, past = random.Random(seed), []
        for number in range(SONGS):
            seconds = (first if number < SONGS // 2 else second)(rng)
            delay, polls, took = wait(seconds, tuple(past[-REMEMBERED:]) if learns else ())
            past += [took] if took else []
            found += [(delay, polls)] if number >= LEAST_PAST else []
    return statistics.fmean(delay for delay, _ in found), statistics.fmean(polls for _, polls in found)


def best(draw: Draw, price: float) -> tuple[float, float]:
    """The best that is possible with exact knowledge, when a poll costs as much as so many seconds of delay."""
    rng = random.Random(1)
    ages = np.arange(0, 300, STEP)
    ready = np.searchsorted(np.sort([draw(rng) for _ in range(100_000)]), ages, side="right") / 100_000
    ready[-1] = 1.0
    moments = np.concatenate([[0.0], np.cumsum((ages[1:] + ages[:-1]) / 2 * np.diff(ready))])
    cost, following = np.zeros(len(ages)), np.zeros(len(ages), int)
    for now in range(len(ages) - 2, -1, -1):
        then = np.arange(now + 1, len(ages))
        delay = ages[then] * (ready[then] - ready[now]) - (moments[then] - moments[now])
        whole = price * (1 - ready[now]) + delay + cost[then]
        chosen = int(np.argmin(whole))
        cost[now], following[now] = whole[chosen], then[chosen]
    now, polls = 0, 0.0
    while now < len(ages) - 1:
        polls += 1 - ready[now]
        now = following[now]
    return float(cost[0] - price * polls), float(polls)


def best_at(draw: Draw, polls: float) -> float:
    """The least mean delay at so many polls a song, in seconds."""
    low, high = 0.005, 1.0
    for _ in range(9):
        price = (low * high) ** 0.5
        low, high = (price, high) if best(draw, price)[1] > polls else (low, price)
    return best(draw, high)[0]


def main() -> None:
    """Print the table."""
    print("| service | delay @ polls, learned | without | best possible at 10 | and at as many |")
    print("| --- | --- | --- | --- | --- |")
    for name, (first, second) in WORLDS.items():
        delay, polls = figures(first, second, learns=True)
        usual = figures(first, second, learns=False)
        optimum = "| |"
        if first is second:
            optimum = f"{best_at(first, 10.0):.2f} s | {best_at(first, polls):.2f} s |"
        worse = "" if delay <= 1.01 * usual[0] else " (worse)"
        print(
            f"| {name} | {delay:.2f} s @ {polls:.1f}{worse} | {usual[0]:.2f} s @ {usual[1]:.1f} | {optimum}",
            flush=True,
        )


if __name__ == "__main__":
    main()
