"""When to poll, learned from how long songs took."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from minimax_nb import Song, Status
from minimax_nb.library.journal import Journal
from minimax_nb.library.storage import locate
from minimax_nb.tracking.learning import LEAST_PAST, LONGEST_GAP, mean_delay
from minimax_nb.tracking.schedule import Schedule, next_poll_after

HERE = "https://service.example"


def two_humps(count: int, *, times: float = 1.0, seed: int = 1) -> tuple[float, ...]:
    rng = random.Random(seed)
    return tuple(times * (rng.gauss(20, 2) if rng.random() < 0.7 else rng.gauss(60, 5)) for _ in range(count))


def polls_of(past: tuple[float, ...], end: float = 300.0) -> list[float]:
    ages = [0.0]
    while ages[-1] < end:
        ages.append(ages[-1] + next_poll_after(ages[-1], past))
    return ages[1:]


def polls_until(age: float, ages: list[float]) -> int:
    return next(number for number, each in enumerate(ages, 1) if each >= age)


def test_two_humps_are_learned_and_cost_half_the_delay_and_no_more_polls() -> None:
    learned, usual, songs = polls_of(two_humps(60)), polls_of(()), two_humps(2000, seed=2)
    assert mean_delay(learned, songs) < 0.6 * mean_delay(usual, songs)
    assert sum(polls_until(song, learned) for song in songs) < 1.05 * sum(polls_until(song, usual) for song in songs)


def test_it_never_sleeps_for_long_whatever_it_has_learned() -> None:
    ages = polls_of(two_humps(60), end=90)
    assert ages[0] <= 8.0
    assert max(after - before for before, after in itertools.pairwise(ages)) <= LONGEST_GAP + 0.3


@pytest.mark.parametrize("past", [two_humps(LEAST_PAST - 1), two_humps(40) + two_humps(8, times=0.5)])
def test_with_too_few_songs_or_a_service_that_has_changed_it_polls_as_usual(past: tuple[float, ...]) -> None:
    assert polls_of(past) == polls_of(())


def test_a_schedule_polls_at_the_ages_that_were_learned_however_slow_the_answers() -> None:
    now = [100.0]
    past, schedule, polled = two_humps(60), Schedule(lambda: now[0]), []
    schedule.add("song", 0.0, past=past)
    while len(polled) < 10:
        name, wait = schedule.take()
        if name is None:
            now[0] += wait
        else:
            polled.append(now[0] - 100)
            now[0] += 0.1
            schedule.polled(name)
    assert polled == pytest.approx(polls_of(past)[:10], abs=0.06)


def test_the_library_knows_how_long_songs_of_a_model_took(tmp_path: Path) -> None:
    journal, now = Journal(locate(tmp_path)), datetime.now(UTC)
    song = Song("", Status.QUEUED, now, model="minimax-music", base_url=HERE)
    for number, took in enumerate((20.0, 0.0, 30.0)):
        each = replace(song, request_id=f"r{number}", id=f"g{number}", created=now - timedelta(seconds=90 - number))
        journal.step(journal.add(each), Status.DOWNLOADING, took=took)
        journal.step(each, Status.COMPLETED)
    older = replace(song, request_id="old", id="old", created=now - timedelta(seconds=100))
    journal.step(journal.step(journal.add(older), Status.DOWNLOADING), Status.COMPLETED)
    assert journal.durations("minimax-music", HERE) == (pytest.approx(99, abs=1), 20.0, 30.0)
    assert journal.durations("another", HERE) == ()
