"""A room: one service for many libraries, at a real socket, with real processes that are killed."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from minimax_nb import RehearsalError, Session
from minimax_nb.errors import InvalidInput, InvalidOption, Refused
from minimax_nb.rehearsal import guest
from minimax_nb.rehearsal.room import RoomOptions, serve_room
from minimax_nb.rehearsal.server.turns import Turns
from tests.support import until
from tests.support.room import DEADLY, RunningRoom, running_room
from tests.support.service import HASTY, audio_bytes


@pytest.fixture(scope="module")
def open_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRoom]:
    with running_room(tmp_path_factory.mktemp("teacher"), "--processes", "1") as room:
        yield room


@pytest.fixture
def room(open_room: RunningRoom, monkeypatch: pytest.MonkeyPatch) -> RunningRoom:
    """A room that the sessions of this test find."""
    monkeypatch.setenv("MINIMAX_NB_ROOM", open_room.address.base_url)
    monkeypatch.setattr(guest, "_found", {})
    return open_room


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    path = tmp_path / "reference.mp3"
    path.write_bytes(audio_bytes(20))
    return path


def finished(room: RunningRoom, key: str, song: str) -> dict[str, object]:
    until(lambda: room.retrieve(key, song)["status"] in ("completed", "error"), 30)
    return room.retrieve(key, song)


def test_one_setting_leads_a_library_into_the_room(room: RunningRoom, home: Path, reference: Path) -> None:
    session = Session(timeouts=HASTY)
    song = session.generate("Ding dong", reference)
    assert song.rehearsal
    assert song.base_url == room.address.base_url
    assert song.made_by == "rehearsal band"
    assert song.audio
    assert session.settings.service().name == "Rehearsal: free, in your class’s room"
    assert (session.quote(), session.balance()) == (0.0, None)
    assert not (home / "rehearsal").exists()


def test_a_song_of_the_room_is_recovered_by_another_kernel(room: RunningRoom, reference: Path) -> None:
    song = Session(timeouts=HASTY).submit("Ding dong", reference)
    assert [made.id for made in Session(timeouts=HASTY).recover(timeout=20)] == [song.id]


def test_each_library_has_a_token_of_its_own_which_it_keeps(
    room: RunningRoom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = guest.room_key(room.address.base_url, tmp_path / "mia")
    assert guest.room_key(room.address.base_url, tmp_path / "ben") != first
    monkeypatch.setattr(guest, "_found", {})  # another kernel
    assert guest.room_key(room.address.base_url, tmp_path / "mia") == first
    kept = tmp_path / "mia" / "room.json"
    if os.name != "nt":
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    kept.write_text(json.dumps({room.address.base_url: "of-another-room-at-this-address"}))
    monkeypatch.setattr(guest, "_found", {})
    assert guest.room_key(room.address.base_url, tmp_path / "mia") != first


def test_a_token_makes_songs_and_nothing_else(room: RunningRoom) -> None:
    key = room.join("mia")
    assert room.ask("GET", "/v1/key", key).json()["data"]["name"] == "mia"
    assert room.submit(key).status_code == 201
    for method, path in (("GET", "/v1/keys"), ("POST", "/rehearsal/stop"), ("PUT", "/rehearsal/faults")):
        assert room.ask(method, path, key).status_code == 403
    assert room.submit("no-such-token").status_code == 401
    assert key not in (room.home / "room.log").read_text() + (room.home / "room" / "keys.json").read_text()


def test_a_page_that_rebinds_its_name_gets_no_token(room: RunningRoom) -> None:
    answer = room.ask("POST", "/rehearsal/join", headers={"Host": "evil.example"})
    assert answer.status_code == 403


def test_a_home_of_its_own_gives_no_tokens(service: object) -> None:
    answer = service.ask("POST", "/rehearsal/join")  # type: ignore[attr-defined]
    assert answer.status_code == 403


def test_a_room_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch, reference: Path) -> None:
    monkeypatch.setenv("MINIMAX_NB_ROOM", "http://127.0.0.1:9")
    with pytest.raises(RehearsalError, match="gives no token") as raised:
        Session(timeouts=HASTY).submit("Ding dong", reference)
    assert "MINIMAX_NB_ROOM" in raised.value.do
    monkeypatch.setenv("MINIMAX_NB_ROOM", "http://school.example")
    with pytest.raises(InvalidInput, match="https only"):
        Session().submit("Ding dong", reference)


def test_students_take_turns() -> None:
    turns = Turns()
    for song in ("a1", "a2", "a3", "b1", "b2", "c1"):
        turns.add(song[0], song)
    order = ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert [turns.ahead(song) for song in order] == list(range(6))
    assert turns.ahead("d1") is None
    assert [turns.take() for _ in range(2)] == order[:2]
    turns.add("d", "d1")
    assert [turns.take() for _ in range(5)] == ["c1", "a2", "b2", "d1", "a3"]


def test_nobody_is_held_up_by_someone_who_wants_more(room: RunningRoom) -> None:
    greedy, modest = room.join(), room.join()
    first = [room.submit(greedy, tempo=40).json()["id"]]
    until(lambda: room.retrieve(greedy, first[0])["status"] != "queued")
    first += [room.submit(greedy, tempo=40).json()["id"] for _ in range(2)]
    rejected = room.submit(greedy)
    assert rejected.status_code == 409
    assert rejected.json()["message"] == "2 of your songs are waiting already."
    second = room.submit(modest, tempo=40).json()["id"]
    places = [room.retrieve(greedy, song)["queue"]["ahead"] for song in first[1:]]
    assert places == [0, 2]
    assert room.retrieve(modest, second)["queue"]["ahead"] == 1
    assert room.retrieve(modest, second)["queue"]["seconds"] > 0
    assert finished(room, modest, second)["status"] == "completed"
    assert room.retrieve(greedy, first[2])["status"] != "completed"
    assert all(finished(room, greedy, song)["status"] == "completed" for song in first)
    assert "queue" not in room.retrieve(greedy, first[2])


def test_a_third_song_in_the_queue_is_rejected_with_what_to_do(room: RunningRoom, reference: Path) -> None:
    session = Session(timeouts=HASTY)

    def submit_many() -> None:
        for _ in range(5):
            session.submit("Ding dong", reference, tempo=200)

    with pytest.raises(Refused, match="2 of your songs are waiting already") as raised:
        submit_many()
    assert str(raised.value).endswith("Nothing was spent. Wait until one of them is made, then try again.")
    session.recover(timeout=30)


def test_a_process_that_dies_costs_nobody_a_song(room: RunningRoom) -> None:
    before = {child.pid for child in room.children}
    keys = [room.join() for _ in range(3)]
    songs = [room.submit(key, key=DEADLY, seed=number).json()["id"] for number, key in enumerate(keys)]
    assert [finished(room, key, song)["status"] for key, song in zip(keys, songs, strict=True)] == ["completed"] * 3
    assert {child.pid for child in room.children} != before


def test_a_song_that_always_kills_fails_alone(tmp_path: Path) -> None:
    with running_room(tmp_path / "teacher", "--processes", "2", "--band", "kill_always") as room:
        key, other = room.join(), room.join()
        deadly, good = room.submit(key, key=DEADLY).json()["id"], room.submit(other).json()["id"]
        assert finished(room, other, good)["status"] == "completed"
        failed = finished(room, key, deadly)
        assert failed["error"] == {"name": "generation_failed", "message": "The band failed (BrokenProcessPool)."}


@pytest.mark.parametrize("kill", [False, True], ids=["ended", "killed"])
def test_a_room_that_ends_leaves_no_process_and_no_song(tmp_path: Path, kill: bool) -> None:
    with running_room(tmp_path / "teacher", "--processes", "2") as room:
        key = room.join()
        songs = [room.submit(key, tempo=200, seed=seed).json()["id"] for seed in (1, 2)]
        until(lambda: room.retrieve(key, songs[0])["status"] == "generating")
        address, started = room.address, room.end(kill=kill)
        assert started
        _gone, alive = psutil.wait_procs(started, 10)
        assert not alive
        room.start()
        assert (room.address.base_url == address.base_url, room.address.key) == (False, address.key)
        assert [finished(room, key, song)["status"] for song in songs] == ["completed"] * 2


def test_two_rooms_of_one_home_are_one_too_many(room: RunningRoom) -> None:
    with pytest.raises(RehearsalError, match="open already"):
        serve_room(room.home, RoomOptions(port=0))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "0", "192.0.2.1", "school.example", ""])
def test_no_room_is_open_to_a_network_in_the_clear(tmp_path: Path, host: str) -> None:
    with pytest.raises(InvalidOption, match="needs TLS"):
        serve_room(tmp_path, RoomOptions(host=host, port=0))


def test_a_room_in_a_network_has_tls_and_a_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: Path
) -> None:
    certificate = [str(tmp_path / name) for name in ("room.pem", "room.key")]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-out", certificate[0], "-keyout", certificate[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    options = ("--host", "0.0.0.0", "--certfile", certificate[0], "--keyfile", certificate[1])
    with running_room(tmp_path / "teacher", *options) as room:
        base_url = "https://localhost:" + room.address.base_url.partition("://")[2].partition(":")[2]
        code = base_url.rpartition("/")[2]
        assert len(code) == 12
        without = base_url.replace(code, "guess")
        assert requests.post(f"{without}/rehearsal/join", verify=certificate[0], timeout=10).status_code == 404
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.post(base_url.replace("https", "http") + "/rehearsal/join", timeout=10)
        monkeypatch.setenv("MINIMAX_NB_ROOM", base_url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate[0])
        song = Session(timeouts=HASTY).generate("Ding dong", reference)
        assert song.audio
        assert song.audio_url.startswith(f"{base_url}/files/")


def test_a_certificate_that_is_none_says_so(tmp_path: Path) -> None:
    (tmp_path / "room.pem").write_text("no certificate")
    with pytest.raises(InvalidOption, match="certificate cannot be used"):
        serve_room(tmp_path, RoomOptions("0.0.0.0", 0, certfile=str(tmp_path / "room.pem"), keyfile="x"))


def test_the_band_itself_plays_in_a_room(tmp_path: Path) -> None:
    with running_room(tmp_path / "teacher", "--band", "house", "--processes", "1") as room:
        key = room.join()
        song = room.submit(key).json()["id"]
        until(lambda: room.retrieve(key, song)["status"] == "completed", 60)
        assert room.retrieve(key, song)["timeline"]["lines"]
        began = time.monotonic()
    assert time.monotonic() - began < 10
