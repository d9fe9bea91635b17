"""When to ask again, with a made clock."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest

from minimax_nb.tracking.schedule import MOST_PER_SECOND, Pacer, pause


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pacer(clock: Clock) -> Pacer:
    return Pacer(clock)


def turns(pacer: Pacer, clock: Clock) -> Iterator[tuple[object, float]]:
    """Each song that is asked for and the moment, answered at once."""
    while True:
        name, delay = pacer.take()
        if name is None:
            clock.now += delay
        else:
            yield name, round(clock.now - 100, 3)
            pacer.asked(name)


def asks_until(end: float) -> list[float]:
    """The moments at which one song, submitted at 0, is asked for."""
    clock = Clock()
    pacer = Pacer(clock)
    pacer.add("song", 0.0)
    moments = (moment for _, moment in turns(pacer, clock))
    return list(itertools.takewhile(lambda moment: moment <= end, moments))


def test_the_schedule_warms_up_then_asks_evenly_then_slows_down() -> None:
    moments = asks_until(600)
    assert moments[:3] == [8.0, 9.85, 11.7]
    steps = [after - before for before, after in itertools.pairwise(moments)]
    late = [step for moment, step in zip(moments, steps, strict=False) if moment > 90]
    assert late == sorted(late)
    assert max(late) == pytest.approx(15.0)


def test_a_song_of_median_length_costs_few_requests() -> None:
    assert len(asks_until(25)) <= 11


def test_a_late_song_is_due_at_once_and_a_local_one_soon(pacer: Pacer) -> None:
    pacer.add("old", 3600.0)
    assert pacer.take() == ("old", 0.0)
    assert pause(0.0, local=True) < 1


def test_the_longest_unasked_comes_first_whoever_waits_for_it(pacer: Pacer, clock: Clock) -> None:
    for name in "abc":
        pacer.add(name, 60.0, host="x")
        clock.now += 0.1
    assert [name for name, _ in itertools.islice(turns(pacer, clock), 6)] == list("abcabc")
    clock.now += 60
    pacer.add("new", 9.0, host="x")
    assert next(turns(pacer, clock))[0] != "new"


def test_a_song_is_out_until_it_was_asked_for(pacer: Pacer, clock: Clock) -> None:
    pacer.add("a", 60.0)
    assert pacer.take() == ("a", 0.0)
    assert pacer.take() == (None, float("inf"))
    pacer.asked("a")
    assert pacer.take() == (None, pytest.approx(1.85))
    pacer.forget("a")
    pacer.forget("a")
    assert not len(pacer)


def test_a_slow_answer_does_not_make_the_pause_longer_nor_vanish(pacer: Pacer, clock: Clock) -> None:
    pacer.add("a", 60.0)
    pacer.take()
    clock.now += 0.5
    pacer.asked("a")
    assert pacer.take()[1] == pytest.approx(1.35)
    clock.now += 2
    pacer.take()
    clock.now += 20
    pacer.asked("a")
    assert pacer.take()[1] == pytest.approx(0.925)


def test_told_to_wait_it_asks_that_host_for_nothing(pacer: Pacer, clock: Clock) -> None:
    pacer.add("hosted", 60.0, host="there")
    pacer.hold("there", 30.0)
    pacer.hold("there", 5.0)
    assert pacer.take() == (None, pytest.approx(30.0))
    pacer.add("local", 0.0, host="here", local=True)
    assert pacer.take() == ("local", 0.0)
    clock.now += 31
    assert pacer.take() == ("hosted", 0.0)


def test_one_budget_for_all_songs_of_a_host(pacer: Pacer, clock: Clock) -> None:
    for number in range(1000):
        pacer.add(number, 60.0, host="x")
    moments = [moment for _, moment in itertools.islice(turns(pacer, clock), 500)]
    for start, end in zip(moments, moments[round(MOST_PER_SECOND) :], strict=False):
        assert end - start >= 0.99


class Limited:
    """A host that answers so many requests a second and no more."""

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self.answered: list[float] = []
        self.refused: list[float] = []

    def answers(self, now: float) -> bool:
        recent = [moment for moment in self.answered[-200:] if moment > now - 1]
        good = len(recent) < self.per_second
        (self.answered if good else self.refused).append(now)
        return good


def ask_for(seconds: float, pacer: Pacer, clock: Clock, host: Limited) -> None:
    end = clock.now + seconds
    while clock.now < end:
        name, delay = pacer.take()
        if name is None:
            clock.now += delay
        elif host.answers(clock.now):
            pacer.asked(name)
        else:
            pacer.hold("x", 1.0)
            pacer.asked(name, at_least=1.0)


def test_a_limit_that_nobody_told_is_found_and_used(pacer: Pacer, clock: Clock) -> None:
    host = Limited(20)
    for number in range(200):
        pacer.add(number, random.Random(number).uniform(0, 8), host="x")
    ask_for(20, pacer, clock, host)
    searching = len(host.refused)
    ask_for(60, pacer, clock, host)
    assert len(host.answered[-200:]) == 200
    assert sum(moment > 120 for moment in host.answered) > 0.85 * 20 * 60
    assert len(host.refused) - searching < 10


def test_after_a_limit_it_asks_more_again_but_slowly(pacer: Pacer, clock: Clock) -> None:
    for number in range(60):
        pacer.add(number, 60.0, host="x", local=True)
    pacer.hold("x", 10.0)
    clock.now += 10
    host = Limited(10**6)
    ask_for(10, pacer, clock, host)
    assert len(host.answered) < 0.6 * 10 * MOST_PER_SECOND
    clock.now += 90
    host.answered.clear()
    ask_for(10, pacer, clock, host)
    assert len(host.answered) > 0.9 * 10 * MOST_PER_SECOND
