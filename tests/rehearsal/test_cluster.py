"""A room whose songs are made on a real Dask cluster, whose workers and scheduler are killed."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from minimax_nb import RehearsalError
from minimax_nb.rehearsal import executors
from minimax_nb.rehearsal.executors import ClusterBand, ProcessBand
from minimax_nb.rehearsal.room import RoomOptions, serve_room
from tests.support import ROOT, until
from tests.support.cluster import Cluster, running_cluster
from tests.support.room import RunningRoom, play, running_room

HERE = "is made here"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running_cluster(tmp_path / "cluster", MINIMAX_NB_HOME=str(tmp_path)) as cluster:
        yield cluster


def submit_six(room: RunningRoom) -> dict[str, str]:
    """Six songs of three students, each of a second; the key of each by its id."""
    keys = [room.join() for _ in range(3)] * 2
    return {room.submit(key, tempo=100, seed=seed).json()["id"]: key for seed, key in enumerate(keys)}


def check_all_are_made(room: RunningRoom, songs: dict[str, str], seconds: float = 60) -> None:
    def statuses() -> set[str]:
        return {room.retrieve(key, song)["status"] for song, key in songs.items()}

    until(lambda: statuses() == {"completed"}, seconds)


def test_a_cluster_makes_the_songs_of_a_room(cluster: Cluster, tmp_path: Path) -> None:
    with running_room(tmp_path / "teacher", "--cluster", cluster.address) as room:
        songs = submit_six(room)
        check_all_are_made(room, songs)
        assert not [each for each in room.children if "spawn_main" in " ".join(each.cmdline())]  # none of its own
        song, key = next(iter(songs.items()))
        assert room.retrieve(key, song)["audio_file"]["file_size"] > 1000
        invalid = room.submit(key, key="Cb").json()["id"]
        until(lambda: room.retrieve(key, invalid)["status"] == "error")
        assert room.retrieve(key, invalid)["error"] == {"name": "invalid_input", "message": "There is no key Cb."}
        assert HERE not in (room.home / "room.log").read_text()


def test_a_worker_that_is_killed_loses_no_song(cluster: Cluster, tmp_path: Path) -> None:
    with running_room(tmp_path / "teacher", "--cluster", cluster.address) as room:
        songs = submit_six(room)
        time.sleep(0.5)
        cluster.processes[1].kill()
        check_all_are_made(room, songs)


def test_a_cluster_without_workers_loses_no_song(cluster: Cluster, tmp_path: Path) -> None:
    with running_room(tmp_path / "teacher", "--cluster", cluster.address) as room:
        songs = submit_six(room)
        time.sleep(0.5)
        for worker in cluster.processes[1:]:
            worker.kill()
        check_all_are_made(room, songs)
        assert HERE in (room.home / "room.log").read_text()
        cluster.start_worker()  # one that comes later is used again
        log = cluster.folder / "cluster.log"
        until(lambda: log.read_text().count("Registered to:") == 3, 60)
        before = (room.home / "room.log").read_text().count(HERE)
        check_all_are_made(room, submit_six(room))
        assert (room.home / "room.log").read_text().count(HERE) == before


def test_a_scheduler_that_is_killed_loses_no_song(cluster: Cluster, tmp_path: Path) -> None:
    with running_room(tmp_path / "teacher", "--cluster", cluster.address) as room:
        songs = submit_six(room)
        time.sleep(0.5)
        cluster.processes[0].kill()
        check_all_are_made(room, songs)
        assert HERE in (room.home / "room.log").read_text()
        check_all_are_made(room, submit_six(room))


def test_workers_of_another_version_are_not_taken(tmp_path: Path) -> None:
    other = tmp_path / "other" / "minimax_nb-9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: minimax_nb\nVersion: 9.9\n")
    path = os.pathsep.join([str(other.parent), str(ROOT)])
    with (
        running_cluster(tmp_path / "cluster", 1, PYTHONPATH=path) as cluster,
        pytest.raises(RehearsalError, match=r"have minimax_nb: 9\.9\. This room has"),
    ):
        serve_room(tmp_path / "teacher", RoomOptions(port=0, cluster=cluster.address))


def test_a_worker_of_another_version_that_comes_later_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "version_there", lambda: "9.9")
    with pytest.raises(RuntimeError, match=r"9\.9 is not 0"):
        executors.render_there("0", play, None, None)  # type: ignore[arg-type]


def test_a_scheduler_that_is_not_there_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    here = ProcessBand(play, 1, warm=False)
    with pytest.raises(RehearsalError, match="No Dask scheduler answers at tcp://127"):
        ClusterBand("tcp://127.0.0.1:9", play, "0", here)
