"""When to ask again, with a made clock."""

import itertools

import pytest

from minimax_nb.pacing import Pacer, pause


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def asks_until(end: float) -> list[float]:
    """The moments at which one song, submitted at 0, is asked for."""
    clock = Clock()
    pacer = Pacer(clock)
    pacer.add("song", 0.0)
    moments = []
    while True:
        _, delay = pacer.next()
        clock.now += delay
        if clock.now - 100 > end:
            return moments
        moments.append(round(clock.now - 100, 3))
        pacer.asked("song")


def test_the_schedule_warms_up_then_asks_evenly_then_slows_down() -> None:
    moments = asks_until(600)
    assert moments[:3] == [8.0, 9.85, 11.7]
    steps = [after - before for before, after in itertools.pairwise(moments)]
    late = [step for moment, step in zip(moments, steps, strict=False) if moment > 90]
    assert late == sorted(late)
    assert max(late) == pytest.approx(15.0)


def test_a_song_of_median_length_costs_few_requests() -> None:
    assert len(asks_until(25)) <= 11


def test_a_late_song_is_due_at_once_and_a_local_one_soon() -> None:
    clock = Clock()
    pacer = Pacer(clock)
    pacer.add("old", 3600.0)
    assert pacer.next() == ("old", 0.0)
    assert pause(0.0, local=True) < 1


def test_the_longest_unasked_comes_first() -> None:
    clock = Clock()
    pacer = Pacer(clock)
    for name in "abc":
        pacer.add(name, 60.0)
        clock.now += 0.1
    turns = []
    for _ in range(6):
        name, delay = pacer.next()
        clock.now += delay
        turns.append(name)
        pacer.asked(name)
    assert turns == list("abcabc")


def test_told_to_wait_it_asks_the_hosted_service_for_nothing() -> None:
    clock = Clock()
    pacer = Pacer(clock)
    pacer.add("hosted", 60.0)
    pacer.hold(30.0)
    assert pacer.next() == ("hosted", pytest.approx(30.0))
    pacer.add("local", 0.0, local=True)
    assert pacer.next() == ("local", 0.0)
    pacer.forget("local")
    clock.now += 31
    assert pacer.next() == ("hosted", 0.0)
