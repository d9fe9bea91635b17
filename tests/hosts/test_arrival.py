"""A reference arrives: a file on this computer reaches a service that takes links, and nothing stays behind."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from minimax_nb import Session, Status
from minimax_nb.errors import GenerationFailed, InvalidReference, MusicError, Refused, Spent, Unreachable
from minimax_nb.hosts import open_links, tunnel
from minimax_nb.hosts.choice import choose
from minimax_nb.hosts.file_server import serve
from tests.support import ROOT
from tests.support.network import Answer, Seen, running_host
from tests.support.service import HASTY, Running, audio_bytes, running_service
from tests.support.storage import Storage, storage  # noqa: F401  (a fixture)
from tests.support.tunnel import StandIn, eventually, put_on_path

LYRICS = "Side by side\n\nWe always win"
REFERENCE = audio_bytes(20)
NO_DATA = {"fault": "data_refused", "call": "submit"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_service(tmp_path_factory.mktemp("service"), price=0.035, seconds=0.5) as running:
        yield running


@pytest.fixture
def service(shared: Running) -> Running:
    """A service that takes links only."""
    shared.commit(NO_DATA)
    return shared


@pytest.fixture
def cloudflared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    return put_on_path(tmp_path / "bin", monkeypatch)


@pytest.fixture
def session(service: Running, tmp_path: Path) -> Iterator[Callable[..., Session]]:
    def made(reference_host: Any = None) -> Session:
        address = service.address
        home = tmp_path / "library"
        return Session(address.key, address.base_url, home, reference_host=reference_host, timeouts=HASTY)

    yield made
    open_links._close_all()


def jobs(service: Running, session: Session) -> list[dict[str, Any]]:
    mine = {song.request_id for song in session.songs()}
    return [job for job in service.jobs() if job["client_request_id"] in mine]


def nothing_is_open() -> bool:
    ours = [
        thread.name for thread in threading.enumerate() if thread.name in ("minimax_nb file", "minimax_nb tunnel")
    ]
    return not ours and not open_links._shared


def test_through_the_tunnel(session: Callable[..., Session], cloudflared: StandIn) -> None:
    song = session("tunnel").generate(LYRICS, REFERENCE)
    assert song.status is Status.COMPLETED
    assert cloudflared.ran == 1
    assert eventually(lambda: nothing_is_open() and not cloudflared.processes)


def test_through_s3(session: Callable[..., Session], storage: Storage, service: Running) -> None:  # noqa: F811
    maker = session("s3://songs/references")
    song = maker.generate(LYRICS, REFERENCE)
    assert song.status is Status.COMPLETED
    assert eventually(lambda: nothing_is_open() and not storage.objects)
    (job,) = jobs(service, maker)
    signature = job["body"]["reference_audio_url"].partition("?")[2]
    assert "Signature" in signature
    for path in (file for file in maker.journal.home.rglob("*") if file.is_file()):
        assert signature.encode() not in path.read_bytes(), path
        assert b"the-secret-of-this-test" not in path.read_bytes(), path
    assert signature not in repr(song) + str(vars(maker))


def test_through_a_function(session: Callable[..., Session], tmp_path: Path) -> None:
    uploaded = tmp_path / "uploaded.mp3"
    uploaded.touch()
    with serve(uploaded) as url:

        def upload(path: Path) -> str:
            uploaded.write_bytes(path.read_bytes())
            return url

        assert session(upload).generate(LYRICS, REFERENCE).status is Status.COMPLETED
    assert nothing_is_open()


def test_refused_inside_a_request_it_says_which_ways_there_are(
    session: Callable[..., Session], service: Running, cloudflared: StandIn
) -> None:
    maker = session()
    with pytest.raises(Refused) as caught:
        maker.submit(LYRICS, REFERENCE)
    assert "Nothing was spent." in str(caught.value)
    assert "Give a link to the track" in str(caught.value)
    assert 'Session(reference_host="tunnel")' in str(caught.value)
    assert 'Session(reference_host="s3://bucket/folder")' in str(caught.value)
    assert not jobs(service, maker)
    assert not cloudflared.ran  # it never starts unasked
    maker.host = choose("tunnel")
    assert maker.generate(LYRICS, REFERENCE).status is Status.COMPLETED


@pytest.mark.parametrize("behaviour", ["never", "refused", "unreachable", "dies"])
def test_nothing_is_asked_for_without_a_link_that_works(
    behaviour: str, session: Callable[..., Session], service: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnel, "START_SECONDS", 1.5)
    monkeypatch.setattr(tunnel, "REACH_SECONDS", 1.5)
    cloudflared = put_on_path(tmp_path / "bin", monkeypatch, behaviour)
    maker, before = session("tunnel"), len(service.jobs())
    with pytest.raises(Unreachable, match="Nothing was spent"):
        maker.submit(LYRICS, REFERENCE)
    assert len(service.jobs()) == before
    assert not maker.songs()
    assert nothing_is_open()
    assert not cloudflared.processes


def test_a_tunnel_that_dies_before_the_service_came_costs_nothing(
    session: Callable[..., Session], service: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloudflared = put_on_path(tmp_path / "bin", monkeypatch, "two")
    maker = session("tunnel")
    song = maker.submit(LYRICS, REFERENCE)
    with pytest.raises(GenerationFailed, match="reference URL could not be fetched") as caught:
        maker.wait(song)
    assert caught.value.spent is Spent.NO
    assert [job["cost_usd"] for job in jobs(service, maker)] == [0.0]
    assert eventually(lambda: nothing_is_open() and not cloudflared.processes)


def test_killed_in_the_middle_the_song_ends_and_nothing_is_left(
    session: Callable[..., Session], cloudflared: StandIn
) -> None:
    maker = session("tunnel")
    song = maker.submit(LYRICS, REFERENCE)
    for process in cloudflared.processes:
        process.kill()
    # Whether the service came before that is left to chance; the song comes to an end either way.
    with contextlib.suppress(GenerationFailed):
        maker.wait(song)
    (song,) = maker.songs()
    assert (song.status, song.spent) in ((Status.COMPLETED, Spent.YES), (Status.FAILED, Spent.NO))
    assert eventually(nothing_is_open)


def test_the_link_is_up_from_submit_until_the_song_is_made(
    session: Callable[..., Session], service: Running, cloudflared: StandIn
) -> None:
    maker = session("tunnel")
    song = maker.submit(LYRICS, REFERENCE)
    (job,) = jobs(service, maker)
    url = job["body"]["reference_audio_url"]
    assert requests.head(url, timeout=10).status_code == 200
    maker.wait(song)
    assert eventually(nothing_is_open)
    with pytest.raises(requests.ConnectionError):
        requests.head(url, timeout=10)


def test_who_stops_waiting_leaves_it_up_for_a_moment(
    session: Callable[..., Session], shared: Running, cloudflared: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_links, "LEFT_SECONDS", 0.3)
    maker = session("tunnel")
    song = maker.submit(LYRICS, REFERENCE)
    for _ in maker.track([song]):
        break
    assert cloudflared.processes
    assert eventually(lambda: nothing_is_open() and not cloudflared.processes)


def test_twenty_songs_at_once_open_one_tunnel(session: Callable[..., Session], cloudflared: StandIn) -> None:
    maker = session("tunnel")
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(maker.submit(LYRICS, REFERENCE))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cloudflared.ran == 1
    songs = maker.wait(found)
    assert [song.status for song in songs] == [Status.COMPLETED] * 20
    assert eventually(lambda: nothing_is_open() and not cloudflared.processes)


LEFT = """
import os, sys
from minimax_nb import Session
Session(sys.argv[1], sys.argv[2], sys.argv[3], reference_host="s3://songs/x").submit("la la la", sys.argv[4])
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_recover_deletes_what_a_killed_kernel_left(
    session: Callable[..., Session],
    service: Running,
    storage: Storage,  # noqa: F811
    tmp_path: Path,
) -> None:
    track = tmp_path / "track.mp3"
    track.write_bytes(REFERENCE)
    maker, address = session(), service.address
    subprocess.run(
        [sys.executable, "-c", LEFT, address.key, address.base_url, str(tmp_path / "library"), str(track)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=60,
    )
    assert len(storage.objects) == 1
    (song,) = maker.recover()
    assert song.status is Status.COMPLETED
    assert not storage.objects
    assert not list(maker.journal.home.rglob("*.shared.json"))


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ("https://youtu.be/abc", "YouTube"),
        ("https://files.invalid/a.mp3", "cannot be fetched from here"),
        ("{served}x", "HTTP 404"),
    ],
)
def test_a_link_that_does_not_work_is_said_before_anything_is_asked(
    link: str, says: str, session: Callable[..., Session], service: Running, tmp_path: Path
) -> None:
    maker, before = session(), len(service.jobs())
    track = tmp_path / "track.mp3"
    track.write_bytes(REFERENCE)
    with serve(track) as served, pytest.raises(InvalidReference, match="Nothing was spent") as caught:
        maker.submit(LYRICS, link.format(served=served))
    assert says in str(caught.value)
    assert len(service.jobs()) == before
    assert not maker.songs()


def test_a_link_that_works_is_sent_as_it_is(
    session: Callable[..., Session], service: Running, tmp_path: Path
) -> None:
    track = tmp_path / "track.mp3"
    track.write_bytes(REFERENCE)
    maker = session()
    with serve(track) as served:
        song = maker.generate(LYRICS, served)
    assert song.status is Status.COMPLETED
    assert [job["body"]["reference_audio_url"] for job in jobs(service, maker)] == [served]


def test_what_was_chosen_is_remembered_and_shown(session: Callable[..., Session]) -> None:
    maker = session("tunnel")
    assert maker.host.name == "a temporary public address"
    assert maker.at(maker.settings).host is maker.host
    assert session().host.name == ""
    with pytest.raises(MusicError, match="tunnel"):
        session("carrier pigeon")


def test_a_signature_that_the_service_repeats_is_not_written_down(
    storage: Storage,  # noqa: F811
    tmp_path: Path,
) -> None:
    def plan(seen: Seen) -> Answer:
        link = json.loads(seen.body)["reference_audio_url"]
        assert "Signature=" in link
        return Answer(json.dumps({"message": f"Cannot read {link} as audio."}).encode(), 400)

    with running_host(plan) as host:
        maker = Session("sk-0123456789", host.url, tmp_path / "library", reference_host="s3://songs", timeouts=HASTY)
        with pytest.raises(Refused, match="Cannot read http") as caught:
            maker.submit(LYRICS, REFERENCE)
    assert "Signature" not in str(caught.value) + repr(maker.songs())
    assert eventually(lambda: not storage.objects)
