"""Songs followed to their end by a crew of threads, with looks that are made up."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from minimax_nb.errors import DownloadFailed, MusicError, NotFound, RateLimited, Unreachable, WaitTimeout
from minimax_nb.song import Song, Status
from minimax_nb.tracking import pollers as crew_module
from minimax_nb.tracking.pollers import FETCHERS, POLLERS
from minimax_nb.tracking.tracker import Following, Looked


@pytest.fixture(autouse=True)
def fresh_crew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(crew_module, "_crew", None)
    monkeypatch.setattr(crew_module, "_IDLE", 0.1)
    monkeypatch.setattr("minimax_nb.tracking.schedule.LOCAL", 0.01)
    monkeypatch.setattr("minimax_nb.tracking.tracker._TICK", 0.02)
    yield
    for thread in crew_threads():
        thread.join(5)


def songs(count: int) -> list[Song]:
    created = datetime.now(timezone.utc) - timedelta(seconds=30)
    return [
        Song(f"song {number}", Status.QUEUED, created, id=f"id {number}", rehearsal=True) for number in range(count)
    ]


def made(song: Song) -> Looked:
    return Looked(replace(song, status=Status.DOWNLOADING), lambda: replace(song, status=Status.COMPLETED))


def crew_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "minimax_nb crew"]


def end_of(look: Callable[[Song], Looked], count: int = 1, timeout: float = 10) -> Following:
    following = Following(look, songs(count), timeout)
    for _ in following:
        pass
    return following


def test_each_change_is_yielded_and_the_order_kept() -> None:
    following = Following(made, songs(3), 10)
    changes = [song for song in following if song is not None]
    assert sorted(song.request_id for song in changes) == sorted(f"song {n}" for n in (0, 0, 1, 1, 2, 2))
    assert [song.request_id for song in following.songs] == ["song 0", "song 1", "song 2"]
    assert {song.status for song in following.songs} == {Status.COMPLETED}
    assert following.troubles == []


def test_many_songs_take_few_threads_and_these_go_away() -> None:
    most = 0
    looks: dict[str, int] = {}

    def look(song: Song) -> Looked:
        nonlocal most
        most = max(most, len(crew_threads()))
        looks[song.id] = looks.get(song.id, 0) + 1
        return made(song) if looks[song.id] == 2 else Looked(song)

    following = end_of(look, 200, timeout=60)
    assert all(song.status is Status.COMPLETED for song in following.songs)
    assert most <= POLLERS + FETCHERS <= 8
    for thread in crew_threads():
        thread.join(5)
    assert crew_threads() == []


def test_one_that_hangs_does_not_keep_the_others() -> None:
    hang = threading.Event()

    def look(song: Song) -> Looked:
        if song.id in ("id 0", "id 1"):
            hang.wait(20)
        return made(song)

    following = Following(look, songs(40), 20)
    ready: set[str] = set()
    for song in following:
        if song is not None and song.status.final:
            ready.add(song.id)
        if len(ready) == 38:
            hang.set()
    assert len(ready) == 40


def test_downloads_take_place_side_by_side_and_do_not_keep_the_looks() -> None:
    together = threading.Barrier(FETCHERS)
    looked = threading.Event()

    def look(song: Song) -> Looked:
        if song.id == "id 9":
            looked.set()

        def fetch() -> Song:
            if song.id in ("id 0", "id 1", "id 2"):
                together.wait(10)
                looked.wait(10)
            return replace(song, status=Status.COMPLETED)

        return Looked(song, fetch)

    following = end_of(look, 10)
    assert all(song.status is Status.COMPLETED for song in following.songs)
    assert not together.broken


def test_several_waits_share_one_crew() -> None:
    followings = [Following(made, songs(20), 20) for _ in range(4)]
    threads = [threading.Thread(target=list, args=[following]) for following in followings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(song.status is Status.COMPLETED for following in followings for song in following.songs)
    assert len(crew_threads()) <= POLLERS + FETCHERS


@pytest.mark.parametrize(
    "passing", [RateLimited("later", retry_after=0.01), Unreachable("no"), DownloadFailed("cut")]
)
def test_what_passes_is_asked_again_and_what_does_not_is_trouble(passing: MusicError) -> None:
    asked: list[str] = []

    def look(song: Song) -> Looked:
        asked.append(song.id)
        if song.id == "id 0":
            raise NotFound("There is none.")
        if asked.count(song.id) == 1:
            raise passing
        return made(song)

    following = end_of(look, 2)
    assert [type(error) for error in following.troubles] == [NotFound]
    assert following.songs[1].status is Status.COMPLETED
    assert asked.count("id 0") == 1


def test_a_download_that_failed_is_looked_for_anew() -> None:
    tries: list[int] = []

    def look(song: Song) -> Looked:
        def fetch() -> Song:
            tries.append(1)
            if len(tries) == 1:
                raise DownloadFailed("cut off")
            return replace(song, status=Status.COMPLETED)

        return Looked(song, fetch)

    assert end_of(look).songs[0].status is Status.COMPLETED
    assert len(tries) == 2


def test_what_nobody_foresaw_is_raised_where_it_is_waited_for() -> None:
    def look(song: Song) -> Looked:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        end_of(look)


def test_at_the_deadline_it_gives_up_even_while_a_look_hangs_but_not_what_is_being_fetched() -> None:
    hang = threading.Event()

    def look(song: Song) -> Looked:
        if song.id == "id 0":
            hang.wait(20)
            return Looked(song)

        def fetch() -> Song:
            hang.wait(20)
            return replace(song, status=Status.COMPLETED)

        return Looked(replace(song, status=Status.DOWNLOADING), fetch)

    following = Following(look, songs(2), 0.3)
    for _ in following:
        if following.troubles:
            hang.set()
    assert [(type(error), error.song_id) for error in following.troubles] == [(WaitTimeout, "id 0")]
    assert following.songs[1].status is Status.COMPLETED


def test_who_stops_iterating_stops_the_looks_and_a_download_goes_on() -> None:
    begun, fetched, go_on = threading.Event(), threading.Event(), threading.Event()

    def look(song: Song) -> Looked:
        def fetch() -> Song:
            begun.set()
            go_on.wait(10)
            fetched.set()
            return replace(song, status=Status.COMPLETED)

        return Looked(song, fetch) if song.id == "id 0" else Looked(song)

    for _ in Following(look, songs(2), 10):
        if begun.is_set():
            break
    go_on.set()
    assert fetched.wait(10)
    for thread in crew_threads():
        thread.join(5)
    assert crew_threads() == []


def test_the_end_of_the_process_waits_for_no_thread() -> None:
    code = """
import time
from datetime import datetime, timezone
from minimax_nb.tracking.tracker import Following, Looked
from minimax_nb.song import Song, Status
song = Song("a", Status.QUEUED, datetime.now(timezone.utc), rehearsal=True)
def look(song):
    return Looked(song, lambda: time.sleep(1000))
for _ in Following(look, [song], 1000):
    if _ is None:
        break
print("done")
"""
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=root)
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr
