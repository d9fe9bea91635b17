"""When to poll again, with a made clock."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from minimax_nb.tracking.schedule import MOST_PER_SECOND, Schedule


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def schedule(clock: Clock) -> Schedule:
    return Schedule(clock)


def turns(schedule: Schedule, clock: Clock) -> Iterator[tuple[object, float]]:
    """Each song that is polled and the moment, answered at once."""
    while True:
        name, delay = schedule.take()
        if name is None:
            clock.now += delay
        else:
            yield name, round(clock.now - 100, 3)
            schedule.polled(name)


def polls_until(end: float) -> list[float]:
    """The moments at which one song, submitted at 0, is polled."""
    clock = Clock()
    schedule = Schedule(clock)
    schedule.add("song", 0.0)
    moments = (moment for _, moment in turns(schedule, clock))
    return list(itertools.takewhile(lambda moment: moment <= end, moments))


def test_a_song_is_polled_after_a_warm_up_then_evenly_then_ever_more_slowly() -> None:
    moments = polls_until(600)
    assert moments[:3] == [8.0, 9.85, 11.7]
    steps = [after - before for before, after in itertools.pairwise(moments)]
    late = [step for moment, step in zip(moments, steps, strict=False) if moment > 90]
    assert late == sorted(late)
    assert max(late) == pytest.approx(15.0)


def test_a_song_of_median_length_costs_few_requests() -> None:
    assert len(polls_until(25)) <= 11


def test_a_late_song_is_due_at_once_and_a_local_one_soon(schedule: Schedule) -> None:
    schedule.add("old", 3600.0)
    assert schedule.take() == ("old", 0.0)
    schedule.polled("old")
    schedule.add("rehearsed", 0.0, interval=0.4)
    assert schedule.take() == ("rehearsed", 0.0)
    schedule.polled("rehearsed")
    assert schedule.take() == (None, pytest.approx(0.4))


def test_the_longest_unpolled_comes_first_whoever_waits_for_it(schedule: Schedule, clock: Clock) -> None:
    for name in "abc":
        schedule.add(name, 60.0, host="x")
        clock.now += 0.1
    assert [name for name, _ in itertools.islice(turns(schedule, clock), 6)] == list("abcabc")
    clock.now += 60
    schedule.add("new", 9.0, host="x")
    assert next(turns(schedule, clock))[0] != "new"


def test_a_song_is_out_until_it_was_asked_for(schedule: Schedule, clock: Clock) -> None:
    schedule.add("a", 60.0)
    assert schedule.take() == ("a", 0.0)
    assert schedule.take() == (None, float("inf"))
    schedule.polled("a")
    assert schedule.take() == (None, pytest.approx(1.85))
    schedule.remove("a")
    schedule.remove("a")
    assert not len(schedule)


def test_a_slow_answer_does_not_make_the_pause_longer_nor_vanish(schedule: Schedule, clock: Clock) -> None:
    schedule.add("a", 60.0)
    schedule.take()
    clock.now += 0.5
    schedule.polled("a")
    assert schedule.take()[1] == pytest.approx(1.35)
    clock.now += 2
    schedule.take()
    clock.now += 20
    schedule.polled("a")
    assert schedule.take()[1] == pytest.approx(0.925)


def test_told_to_wait_it_does_not_poll_that_host(schedule: Schedule, clock: Clock) -> None:
    schedule.add("hosted", 60.0, host="there")
    schedule.pause_host("there", 30.0)
    schedule.pause_host("there", 5.0)
    assert schedule.take() == (None, pytest.approx(30.0))
    schedule.add("local", 0.0, host="here", interval=0.4)
    assert schedule.take() == ("local", 0.0)
    clock.now += 31
    assert schedule.take() == ("hosted", 0.0)


def test_one_rate_limit_for_all_songs_of_a_host(schedule: Schedule, clock: Clock) -> None:
    for number in range(1000):
        schedule.add(number, 60.0, host="x")
    moments = [moment for _, moment in itertools.islice(turns(schedule, clock), 500)]
    for start, end in zip(moments, moments[round(MOST_PER_SECOND) :], strict=False):
        assert end - start >= 0.99


class Limited:
    """A host that answers so many requests a second and no more."""

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self.answered: list[float] = []
        self.rejected: list[float] = []

    def answers(self, now: float) -> bool:
        recent = [moment for moment in self.answered[-200:] if moment > now - 1]
        good = len(recent) < self.per_second
        (self.answered if good else self.rejected).append(now)
        return good


def poll_for(seconds: float, schedule: Schedule, clock: Clock, host: Limited) -> None:
    end = clock.now + seconds
    while clock.now < end:
        name, delay = schedule.take()
        if name is None:
            clock.now += delay
        elif host.answers(clock.now):
            schedule.polled(name)
        else:
            schedule.pause_host("x", 1.0)
            schedule.polled(name, at_least=1.0)


def test_a_limit_that_nobody_told_is_found_and_used(schedule: Schedule, clock: Clock) -> None:
    host = Limited(20)
    for number in range(200):
        schedule.add(number, random.Random(number).uniform(0, 8), host="x")
    poll_for(20, schedule, clock, host)
    searching = len(host.rejected)
    poll_for(60, schedule, clock, host)
    assert len(host.answered[-200:]) == 200
    assert sum(moment > 120 for moment in host.answered) > 0.85 * 20 * 60
    assert len(host.rejected) - searching < 10


def test_after_a_limit_it_polls_more_again_but_slowly(schedule: Schedule, clock: Clock) -> None:
    for number in range(60):
        schedule.add(number, 60.0, host="x", interval=0.4)
    schedule.pause_host("x", 10.0)
    clock.now += 10
    host = Limited(10**6)
    poll_for(10, schedule, clock, host)
    assert len(host.answered) < 0.6 * 10 * MOST_PER_SECOND
    clock.now += 90
    host.answered.clear()
    poll_for(10, schedule, clock, host)
    assert len(host.answered) > 0.9 * 10 * MOST_PER_SECOND


def poll_both(seconds: float, clock: Clock, host: Limited, schedules: list[Schedule]) -> None:
    """Two processes at one host, as one clock goes on."""
    end = clock.now + seconds
    while clock.now < end:
        delays = []
        for schedule in schedules:
            name, delay = schedule.take()
            delays.append(delay)
            if name is None:
                continue
            if host.answers(clock.now):
                schedule.polled(name)
            else:
                schedule.pause_host("x", 1.0)
                schedule.polled(name, at_least=1.0)
        clock.now += max(0.001, min(delays))


def test_two_processes_of_one_library_share_a_limit_that_nobody_told(clock: Clock, tmp_path: Path) -> None:
    host, schedules = Limited(20), [Schedule(clock), Schedule(clock)]
    for number in range(200):
        schedules[number % 2].add(number, random.Random(number).uniform(0, 8), host="x", library=tmp_path)
    poll_both(40, clock, host, schedules)
    searching, answered = len(host.rejected), len(host.answered)
    poll_both(60, clock, host, schedules)
    assert len(host.answered) - answered > 0.85 * 20 * 60
    assert len(host.rejected) - searching < 10


def test_what_got_through_from_both_processes_tells_their_limit(clock: Clock, tmp_path: Path) -> None:
    host, schedules = Limited(20), [Schedule(clock), Schedule(clock)]
    for number in range(200):
        schedules[number % 2].add(number, random.Random(number).uniform(0, 8), host="x", library=tmp_path)
    poll_both(10, clock, host, schedules)
    answered = len(host.answered)
    poll_both(10, clock, host, schedules)
    assert len(host.answered) - answered > 0.95 * 20 * 10
    assert len(host.rejected) < 5


def test_what_one_process_was_told_another_knows_and_a_dead_one_leaves_its_share(
    clock: Clock, tmp_path: Path
) -> None:
    first, second = Schedule(clock), Schedule(clock)
    for schedule in (first, second):
        for name in "ab":
            schedule.add(name, 60.0, host="x", library=tmp_path)
    first.pause_host("x", 30.0)
    assert second.take() == (None, pytest.approx(30.0))
    clock.now += 31
    assert second.take() == ("a", 0.0)
    assert first.take() == ("a", 0.0)  # a late one is given its step back
    assert second.take()[0] is None
    assert first.take()[0] is None
    del second
    clock.now += 0.1
    assert first.take() == ("b", 0.0)


def test_a_limit_of_before_the_computer_was_started_and_a_damaged_one_are_not_believed(
    clock: Clock, tmp_path: Path
) -> None:
    told = Schedule(clock)
    told.add("song", 60.0, host="x", library=tmp_path)
    clock.now = 1e6
    told.pause_host("x", 30.0)
    clock.now = 100.0
    for damaged in (False, True):
        (file,) = [path for path in (tmp_path / "limits").iterdir() if path.suffix != ".lock"]
        if damaged:
            file.write_bytes(b"half")
        schedule = Schedule(clock)
        schedule.add("song", 60.0, host="x", library=tmp_path)
        assert schedule.take() == ("song", 0.0)
