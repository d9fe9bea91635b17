"""Songs tracked to their end by a few threads, with steps that are made up."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from minimax_nb.api.responses import Generation
from minimax_nb.api.timeouts import Timeouts
from minimax_nb.errors import DownloadFailed, MusicError, NotFound, RateLimited, Unreachable, WaitTimeout
from minimax_nb.song import QueuePlace, Song, Status
from minimax_nb.tracking.pollers import FETCHERS, NAME, POLLERS, Pollers
from minimax_nb.tracking.tracker import Tracker

BRIEF = Timeouts(tick=0.02, rehearsal_poll=0.01, fresh=0.2, stuck=0.3)
MADE = Generation("id", Status.DOWNLOADING, audio_url="https://files.invalid/a.mp3")

Outcome = tuple[Song, Generation | None]


def completed(song: Song) -> Song:
    return replace(song, status=Status.COMPLETED)


def made(song: Song) -> Outcome:
    return replace(song, status=Status.DOWNLOADING), MADE


@dataclass
class Steps:
    """Made-up steps: what a poll brings, and what fetching the audio does."""

    poll: Callable[[Song], Outcome] = made
    download: Callable[[Song], Song] = completed

    def refresh(self, song: Song) -> Outcome:
        return self.poll(song)

    def fetch(self, song: Song, generation: Generation) -> Song:
        assert generation is MADE
        return self.download(song)


@pytest.fixture
def pollers() -> Iterator[Pollers]:
    yield Pollers(idle=0.1)
    wait_for_threads()


def songs(count: int) -> list[Song]:
    created = datetime.now(UTC) - timedelta(seconds=30)
    return [
        Song(f"song {number}", Status.QUEUED, created, id=f"id {number}", rehearsal=True) for number in range(count)
    ]


def poller_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


def wait_for_threads() -> None:
    for thread in poller_threads():
        thread.join(5)
    assert poller_threads() == []


def tracker_of(steps: Steps, pollers: Pollers, count: int = 1, timeout: float = 10) -> Tracker:
    return Tracker(steps, songs(count), timeout, timeouts=BRIEF, pollers=pollers)


def end_of(steps: Steps, pollers: Pollers, count: int = 1, timeout: float = 10) -> Tracker:
    tracker = tracker_of(steps, pollers, count, timeout)
    for _ in tracker:
        pass
    return tracker


def test_each_change_is_yielded_and_the_order_kept(pollers: Pollers) -> None:
    tracker = tracker_of(Steps(), pollers, 3)
    changes = [song for song in tracker if song is not None]
    assert sorted(song.request_id for song in changes) == sorted(f"song {n}" for n in (0, 0, 1, 1, 2, 2))
    assert [song.request_id for song in tracker.songs] == ["song 0", "song 1", "song 2"]
    assert {song.status for song in tracker.songs} == {Status.COMPLETED}
    assert tracker.errors == []


def test_many_songs_take_few_threads_and_these_go_away(pollers: Pollers) -> None:
    most = 0
    polls: dict[str, int] = {}

    def poll(song: Song) -> Outcome:
        nonlocal most
        most = max(most, len(poller_threads()))
        polls[song.id] = polls.get(song.id, 0) + 1
        return made(song) if polls[song.id] == 2 else (song, None)

    tracker = end_of(Steps(poll), pollers, 200, timeout=60)
    assert all(song.status is Status.COMPLETED for song in tracker.songs)
    assert most <= POLLERS + FETCHERS <= 8
    wait_for_threads()


def test_a_poll_that_hangs_does_not_keep_the_other_songs(pollers: Pollers) -> None:
    hang = threading.Event()

    def poll(song: Song) -> Outcome:
        if song.id in ("id 0", "id 1"):
            hang.wait(20)
        return made(song)

    ready: set[str] = set()
    for song in tracker_of(Steps(poll), pollers, 40, timeout=20):
        if song is not None and song.status.final:
            ready.add(song.id)
        if len(ready) == 38:
            hang.set()
    assert len(ready) == 40


def test_polls_that_hang_after_many_quick_ones_do_not_keep_the_other_songs(pollers: Pollers) -> None:
    hang, hanging, polled = threading.Event(), set[str](), list[str]()

    def poll(song: Song) -> Outcome:
        polled.append(song.id)
        if len(polled) > 600 and len(hanging) < POLLERS - 1 and song.id not in hanging:
            hanging.add(song.id)
            hang.wait(20)
            return made(song)
        return made(song) if len(hanging) == POLLERS - 1 else (song, None)

    ready: set[str] = set()
    for song in tracker_of(Steps(poll), pollers, 20, timeout=20):
        if song is not None and song.status.final:
            ready.add(song.id)
        if len(ready) == 20 - (POLLERS - 1):
            hang.set()
    assert len(ready) == 20
    assert len(hanging) == POLLERS - 1


def test_downloads_take_place_side_by_side_and_do_not_keep_the_polls(pollers: Pollers) -> None:
    together = threading.Barrier(FETCHERS)
    polled = threading.Event()

    def poll(song: Song) -> Outcome:
        if song.id == "id 9":
            polled.set()
        return made(song)

    def download(song: Song) -> Song:
        if song.id in ("id 0", "id 1", "id 2"):
            together.wait(10)
            polled.wait(10)
        return completed(song)

    tracker = end_of(Steps(poll, download), pollers, 10)
    assert all(song.status is Status.COMPLETED for song in tracker.songs)
    assert not together.broken


def test_several_waits_share_the_same_threads(pollers: Pollers) -> None:
    trackers = [tracker_of(Steps(), pollers, 20, timeout=20) for _ in range(4)]
    threads = [threading.Thread(target=list, args=[tracker]) for tracker in trackers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(song.status is Status.COMPLETED for tracker in trackers for song in tracker.songs)
    assert len(poller_threads()) <= POLLERS + FETCHERS


@pytest.mark.parametrize(
    "passing", [RateLimited("later", retry_after=0.01), Unreachable("no"), DownloadFailed("cut")]
)
def test_after_what_may_pass_a_song_is_polled_again_and_what_does_not_is_an_error(
    passing: MusicError, pollers: Pollers
) -> None:
    polled: list[str] = []

    def poll(song: Song) -> Outcome:
        polled.append(song.id)
        if song.id == "id 0":
            raise NotFound("There is none.")
        if polled.count(song.id) == 1:
            raise passing
        return made(song)

    tracker = end_of(Steps(poll), pollers, 2)
    assert [type(error) for error in tracker.errors] == [NotFound]
    assert tracker.songs[1].status is Status.COMPLETED
    assert polled.count("id 0") == 1


def test_a_song_that_was_there_may_be_missing_for_a_moment(pollers: Pollers) -> None:
    polls: list[int] = []

    def poll(song: Song) -> Outcome:
        polls.append(1)
        if 1 < len(polls) < 4:
            raise NotFound("not there")
        return (song, None) if len(polls) == 1 else made(song)

    assert end_of(Steps(poll), pollers).songs[0].status is Status.COMPLETED


def test_a_song_that_stays_missing_is_an_error_after_some_time_and_some_polls(pollers: Pollers) -> None:
    polls: list[int] = []

    def poll(song: Song) -> Outcome:
        polls.append(1)
        if len(polls) > 1:
            raise NotFound("not there")
        return song, None

    assert [type(error) for error in end_of(Steps(poll), pollers).errors] == [NotFound]
    assert len(polls) >= 6


def test_songs_that_cannot_be_polled_are_stuck_and_the_others_are_not(pollers: Pollers) -> None:
    def poll(song: Song) -> Outcome:
        if song.id == "id 0":
            raise Unreachable("no")
        return made(song)

    tracker = tracker_of(Steps(poll), pollers, 3, timeout=60)
    for _ in tracker:
        if tracker.stuck:
            assert [song.status.final for song in tracker.songs] == [False, True, True]
            tracker.give_up()
    assert [(type(error), error.song_id) for error in tracker.errors] == [(WaitTimeout, "id 0")]


def test_a_download_that_failed_is_made_again(pollers: Pollers) -> None:
    tries: list[int] = []

    def download(song: Song) -> Song:
        tries.append(1)
        if len(tries) == 1:
            raise DownloadFailed("cut off")
        return completed(song)

    assert end_of(Steps(download=download), pollers).songs[0].status is Status.COMPLETED
    assert len(tries) == 2


def test_what_nobody_foresaw_is_raised_where_it_is_waited_for(pollers: Pollers) -> None:
    def poll(song: Song) -> Outcome:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        end_of(Steps(poll), pollers)


def test_at_the_deadline_it_gives_up_even_while_a_poll_hangs_but_not_what_is_being_fetched(pollers: Pollers) -> None:
    hang = threading.Event()

    def poll(song: Song) -> Outcome:
        if song.id == "id 0":
            hang.wait(20)
            return song, None
        return made(song)

    def download(song: Song) -> Song:
        hang.wait(20)
        return completed(song)

    tracker = tracker_of(Steps(poll, download), pollers, 2, timeout=0.3)
    for _ in tracker:
        if tracker.errors:
            hang.set()
    assert [(type(error), error.song_id) for error in tracker.errors] == [(WaitTimeout, "id 0")]
    assert tracker.songs[1].status is Status.COMPLETED


def test_who_stops_iterating_stops_the_polls_and_a_download_goes_on(pollers: Pollers) -> None:
    begun, fetched, go_on = threading.Event(), threading.Event(), threading.Event()

    def download(song: Song) -> Song:
        begun.set()
        go_on.wait(10)
        fetched.set()
        return completed(song)

    steps = Steps(lambda song: made(song) if song.id == "id 0" else (song, None), download)
    for _ in tracker_of(steps, pollers, 2):
        if begun.is_set():
            break
    go_on.set()
    assert fetched.wait(10)
    wait_for_threads()


def test_the_end_of_the_process_waits_for_no_thread() -> None:
    code = """
import time
from tests.tracking.test_tracker import Steps, songs
from minimax_nb.tracking.tracker import Tracker
for _ in Tracker(Steps(download=lambda song: time.sleep(1000)), songs(1), 1000):
    if _ is None:
        break
print("done")
"""
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=root)
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr


def test_a_song_that_is_far_from_its_turn_is_polled_less(pollers: Pollers) -> None:
    moments: list[float] = []

    def poll(song: Song) -> Outcome:
        moments.append(time.monotonic())
        return made(song) if len(moments) > 3 else (replace(song, place=QueuePlace(9, 4.0)), None)

    tracker = Tracker(Steps(poll), songs(1), timeouts=BRIEF, pollers=pollers)
    places = [song.place for song in tracker if song is not None and song.status is Status.QUEUED]
    assert places == [QueuePlace(9)]  # how far is news, how long is not
    assert len(moments) == 4
    assert moments[-1] - moments[0] >= 3 * 4.0 / 8
