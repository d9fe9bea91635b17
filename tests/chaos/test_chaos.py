"""No paid song is lost and none is paid twice: processes are killed, connections cut, and the service counts."""

from __future__ import annotations

import base64
import json
import logging
import os
import socket
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import nbformat
import pytest
from nbclient import NotebookClient

from minimax_nb import Session, Song, Status
from minimax_nb.api.client import Client
from minimax_nb.errors import MusicError, OutcomeUnknown, Spent
from tests.support import chaos
from tests.support.chaos import POINTS, PRICE, REFERENCE, Nursery, Person, Verdict
from tests.support.network import Answer, Seen, forms_of, hunt, running_host
from tests.support.service import HASTY, Running, guest, running_service

pytestmark = pytest.mark.chaos

SEED = 20_260_801


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Running]]:
    """Several services, so that cases with faults of their own run side by side."""
    with ExitStack() as stack:
        homes = [tmp_path_factory.mktemp("service") for _ in range(6)]
        yield [stack.enter_context(running_service(home, price=PRICE)) for home in homes]


@pytest.fixture
def service(services: list[Running]) -> Running:
    services[0].commit()
    return services[0]


@pytest.fixture(scope="module")
def nurseries(services: list[Running]) -> Iterator[list[Nursery]]:
    """One for each of the first two services."""
    if not hasattr(os, "fork"):
        pytest.skip("here are no forks to kill")
    with ExitStack() as stack:
        yield [stack.enter_context(Nursery(service.address.key)) for service in services[:2]]


@pytest.fixture
def nursery(nurseries: list[Nursery]) -> Nursery:
    return nurseries[0]


def test_every_named_point(services: list[Running], nurseries: list[Nursery], tmp_path: Path) -> None:
    total = chaos.kill_at_every_point(nurseries, services[:2], tmp_path, skips=[0])
    assert len(POINTS) >= 12
    assert total.requested == 2 * len(POINTS)
    assert total.charged > len(POINTS)
    assert not total.wrong


def test_twenty_processes_killed_at_random(services: list[Running], nurseries: list[Nursery], tmp_path: Path) -> None:
    total = chaos.kill_often(nurseries, services[:2], tmp_path, times=20, seed=SEED)
    assert total.requested == 40
    assert not total.wrong


def test_the_judge_sees_what_is_lost_paid_twice_and_untrue(service: Running, tmp_path: Path) -> None:
    person = Person(service, tmp_path / "home")
    tag = chaos.new_tag()
    for _ in range(2):
        person.session.submit(f"la la {tag}", REFERENCE)
    verdict = chaos.judge(service, person.home, [tag])
    assert (verdict.requested, verdict.charged, len(verdict.lost), len(verdict.twice)) == (1, 2, 2, 1)
    chaos.recover_all(person.session)
    assert list(chaos.judge(service, person.home, [tag]).wrong) == ["twice"]
    song = person.session.songs()[0]
    assert song.path is not None
    song.path.write_bytes(song.path.read_bytes()[:5000])
    assert len(chaos.judge(service, person.home, [tag]).lost) == 1

    def lie() -> None:
        raise MusicError("It was free.", spent=Spent.NO, song_id=song.id)

    def stray() -> None:
        raise KeyError("no error of the tree")

    person._try(tag, lie)
    person._try(tag, stray)
    assert list(person.verdict.wrong) == ["untrue", "strays"]


def test_a_service_that_dies_too_keeps_every_song(tmp_path: Path) -> None:
    with running_service(tmp_path / "service", seconds=0.3, price=PRICE) as service:
        person = Person(service, tmp_path / "home")
        person.ask()
        service.kill()
        person.ask()
        service.start()
        verdict = person.recover()
    assert verdict.charged == 1
    assert not verdict.wrong


@pytest.mark.timeout(400)
@pytest.mark.parametrize("times", [None, 1], ids=["for as long as the person tries", "once"])
def test_every_single_fault_at_every_call(services: list[Running], tmp_path: Path, times: int | None) -> None:
    def live(service: Running, case: tuple[str, str]) -> Verdict:
        rules = chaos.rules_for(*case, times=times)
        return chaos.live_through(service, tmp_path / "-".join(case), rules).verdict

    cases = chaos.every_case()
    total = chaos.in_parallel(services, cases, live)
    assert total.requested == len(cases) > 90
    assert total.charged > 50
    assert not total.wrong


def test_many_faults_at_random(services: list[Running], tmp_path: Path) -> None:
    def live(service: Running, number: int) -> Verdict:
        rules = chaos.rules_at_random(0.2, seed=SEED + number)
        return chaos.live_through(service, tmp_path / f"mixed{number}", rules, songs=4).verdict

    total = chaos.in_parallel(services, range(6), live)
    assert total.requested == 24
    assert not total.wrong


def test_a_service_slower_than_our_patience(service: Running, tmp_path: Path) -> None:
    """It answers after all, to nobody: the song is found in the logs."""
    person = Person(service, tmp_path / "home", timeouts=replace(HASTY, submit=0.3))
    service.commit({"fault": "slow", "call": "submit", "seconds": 1.5})
    person.ask()
    service.commit()
    assert [song.status for song in person.session.songs()] == [Status.COMPLETED]
    verdict = person.recover()
    assert verdict.charged == 1
    assert not verdict.wrong


@pytest.mark.parametrize("where", ["request", "response"])
def test_the_post_cut_at_thirty_bytes(service: Running, tmp_path: Path, where: str) -> None:
    verdict = chaos.cut_posts(service, tmp_path / "home", where, 30)
    assert verdict.requested == 31
    assert not verdict.wrong


def test_a_crowd_on_one_library(service: Running, nursery: Nursery, tmp_path: Path) -> None:
    """8 processes of 8 threads each; the benchmark has 25 in each."""
    verdict = chaos.crowd_together(nursery, service, tmp_path / "home", processes=8, threads=8)
    assert verdict.charged == 64
    assert not verdict.wrong


def test_what_a_killed_download_left_is_swept_away(service: Running, nursery: Nursery, tmp_path: Path) -> None:
    home = tmp_path / "home"
    chaos.kill_at(nursery, service, home, "half downloaded")
    assert not list(home.glob("songs/*.part")), "whoever fetches the song anew removes its half"
    left = home / "songs" / ".of-another-song-1-2.part"
    left.write_bytes(b"half")
    person = Person(service, home)
    person.ask()
    assert left.exists(), "it may still be written to"
    os.utime(left, (0, 0))
    person.ask()
    assert not left.exists()


def test_a_song_whose_file_is_here_needs_no_service(tmp_path: Path) -> None:
    """Killed between the rename and the journal, and the service gone for good."""
    with running_service(tmp_path / "service", price=PRICE) as service, Nursery(service.address.key) as own:
        home = tmp_path / "home"
        tags = [chaos.new_tag()]
        own.run("make_songs", service, home, tags=tags, point="renamed")
        key, base_url = service.address.key, service.address.base_url
        service.kill()
        (song,) = Session(api_key=key, base_url=base_url, home=home, timeouts=HASTY).recover()
        assert song.status is Status.COMPLETED
        assert chaos.judge(service, home, tags).wrong == {}
        service.start()


def test_a_no_that_was_charged_is_found_in_the_logs(service: Running, tmp_path: Path) -> None:
    """Something between us and the service rejects the request although the song was accepted."""
    port = int(service.address.base_url.rpartition(":")[2])

    def lie(seen: Seen) -> Answer:
        if seen.method == "POST":
            headers = {"X-Client-Request-Id": seen.headers["X-Client-Request-Id"]}
            assert service.ask("POST", seen.path, data=seen.body, headers=headers | JSON).status_code == 200
        return Answer(b'{"message": "blocked"}', 403)

    with running_host(lie) as liar:
        session = guest(service, tmp_path / "home", base_url=liar.url)
        with pytest.raises(MusicError):
            session.submit("la la", REFERENCE)
        (refused,) = session.songs()
        liar.plan = lambda seen: Answer(raw=True, body=forwarded(port, seen))
        found = session.recover(since="1h")
    ids = {job["id"] for job in service.jobs() if job["client_request_id"] == refused.request_id}
    assert len(ids) == 1
    assert ids <= {song.id for song in found if song.status is Status.COMPLETED}


JSON = {"Content-Type": "application/json"}


def forwarded(port: int, seen: Seen) -> bytes:
    head = "".join(f"{name}: {value}\r\n" for name, value in seen.headers.items() if name != "Connection")
    with socket.create_connection(("127.0.0.1", port)) as server, server.makefile("rb") as answer:
        server.sendall(f"{seen.method} {seen.path} HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode() + seen.body)
        return answer.read()


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_was_wrong_hides_no_song(service: Running, tmp_path: Path, hours: int) -> None:
    """The song was requested while the clock was off by hours, in either direction."""
    person = Person(service, tmp_path / "home", patience=0.1)
    service.commit({"fault": "drop_after", "call": "submit"}, {"fault": "bad_gateway", "call": "logs"})
    person.ask()
    service.commit()
    with closing(sqlite3.connect(person.home / "library.db")) as connection, connection:
        (created,) = connection.execute("SELECT created FROM songs").fetchone()
        moved = chaos.shifted(created, hours)
        connection.execute("UPDATE songs SET created = ?, status = 'unknown'", [moved])
    verdict = person.recover()
    assert verdict.charged == 1
    assert not verdict.wrong


def test_a_song_found_by_its_id_first_is_not_in_the_library_twice(service: Running, tmp_path: Path) -> None:
    person = Person(service, tmp_path / "home", patience=0.1)
    service.commit({"fault": "drop_after", "call": "submit"}, {"fault": "bad_gateway", "call": "logs"})
    person.ask()
    service.commit()
    (job,) = [job for job in service.jobs() if chaos.tag_of(job) in person.tags]
    session = person.session
    assert session.wait(job["id"]).status is Status.COMPLETED
    assert session.recover() == []
    assert sorted(song.status for song in session.songs()) == [Status.COMPLETED, Status.REFUSED]
    assert not person.recover().wrong


def test_an_id_that_nobody_knows_is_not_called_paid_for(service: Running, tmp_path: Path) -> None:
    session = guest(service, tmp_path / "home")
    with pytest.raises(MusicError) as caught:
        session.wait("no-such-song")
    assert caught.value.spent is Spent.NO
    assert session.songs() == []


# The key hunt


def test_the_key_stands_nowhere_after_a_mixed_run(
    services: list[Running],
    nursery: Nursery,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Faults, kills and redirects to another host, with every log in the process as talkative as it can be."""
    caplog.set_level(logging.DEBUG)
    service, key = services[0], services[0].address.key
    with running_host(lambda _: Answer(b"{}", 404)) as elsewhere:
        rules = [
            {"fault": "redirect", "rate": 0.2, "url": elsewhere.url + "/stolen"},
            *chaos.rules_at_random(0.3, seed=SEED),
        ]
        person = chaos.live_through(service, tmp_path / "faults", rules, songs=6)
        chaos.kill_at(nursery, service, tmp_path / "kills", "after the claim")
        requests = [seen.text for seen in elsewhere.seen]
    said = capfd.readouterr()
    texts = [*person.texts, *requests, said.out, said.err, caplog.text]
    assert person.texts
    assert caplog.text
    assert hunt(key, [tmp_path, service.home], texts) == []
    assert not person.verdict.wrong


def echoing(seen: Seen) -> Answer:
    """A service that throws back what it was sent, wherever it can."""
    echo = seen.headers.get("Authorization", "")
    answer = {
        "POST": {"id": f"id {echo}", "status": echo, "message": echo},
        "GET": {
            "id": echo,
            "status": "completed" if "completed" in seen.path else echo,
            "error": {"name": echo, "message": echo},
            "audio_file": {"url": f"ftp://{echo.split()[-1]}/x.mp3", "file_name": echo},
            "meta": {echo: echo},
            "message": [echo, {echo: [echo]}],
            "data": [{"inference_id": echo, "client_request_id": echo, "model": "minimax-music", "created": echo}],
            echo: echo,
        },
    }[seen.method]
    status = 200 if "generate" in seen.path else 400
    body = json.dumps(answer).encode()
    return Answer(body, status, {"x-inference-id": echo, "X-Echo": echo, "Retry-After": echo, "ETag": echo})


def test_a_service_that_echoes_the_key_teaches_it_to_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    key, texts = "sk-hostile-echo/0123+abcd==", []
    with running_host(echoing) as host:
        session = Session(api_key=key, base_url=host.url, home=tmp_path / "home", timeouts=HASTY)
        calls = [
            lambda: session.submit("la la", REFERENCE),
            lambda: session.retrieve("some-id"),
            lambda: session.retrieve("completed"),
            lambda: session.recover(since="1h", timeout=0.5),
            session.services.client(session.settings.service()).balance,
        ]
        for call in calls:
            try:
                texts.append(repr(call()))
            except MusicError as error:
                texts += [str(error), repr(error), chaos.full_traceback(error)]
    texts += [repr(song) + song._repr_html_() + song.error for song in session.songs()]
    said = capfd.readouterr()
    assert hunt(key, [tmp_path], [*texts, caplog.text, said.out, said.err]) == []
    assert any("…" in text for text in texts)


def test_a_redirect_of_the_download_that_quotes_the_key_is_not_shown(tmp_path: Path) -> None:
    """One that the service and its store have made up between them."""
    key = "sk-hostile-store-0123abcd"

    def plan(seen: Seen) -> Answer:
        if seen.path.startswith("/file"):
            return Answer(b"", 302, {"Location": f"gopher://{key}/"})
        link = f"http://{seen.headers['Host']}/file.mp3"
        return Answer(json.dumps({"status": "completed", "audio_file": {"url": link}}).encode())

    with running_host(plan) as host:
        session = Session(api_key=key, base_url=host.url, home=tmp_path / "home", timeouts=HASTY)
        with pytest.raises(MusicError) as caught:
            session.retrieve("some-id")
    assert hunt(key, [tmp_path], [str(caught.value), repr(caught.value)]) == []


NOTEBOOK = """
import logging
logging.basicConfig(level=logging.DEBUG)
from minimax_nb import Session
session = Session()
song = session.generate("la la notebook", {reference!r})
display(song)
print(song, session.settings, vars(session))
---
%xmode Verbose
session.retrieve("no-such-song")
---
session.services.client(session.settings.service())._hide
---
session.recover()
session.songs()
"""


@pytest.mark.kernel
def test_a_saved_notebook_has_no_key_in_it(service: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIML_API_KEY", service.address.key)
    monkeypatch.setenv("MINIMAX_NB_BASE_URL", service.address.base_url)
    reference = tmp_path / "reference.mp3"
    reference.write_bytes(REFERENCE)
    cells = [
        nbformat.v4.new_code_cell(part.strip()) for part in NOTEBOOK.format(reference=str(reference)).split("---")
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=60, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}).execute()
    nbformat.write(notebook, tmp_path / "saved.ipynb")
    text = (tmp_path / "saved.ipynb").read_text(encoding="utf-8")
    assert "NotFound" in text
    assert "completed" in text or "<audio" in text
    assert hunt(service.address.key, [tmp_path]) == []


def test_the_hunt_finds_what_it_is_to_find(tmp_path: Path) -> None:
    key = "sk/secret+key=0123"
    for before in range(4):
        text = "y" * before + key + "z"
        assert hunt(key, [], [base64.b64encode(text.encode()).decode()])
    (tmp_path / "file.bin").write_bytes(b"\x00\xff" + quote(key, safe="").encode())
    assert hunt(key, [tmp_path]) == [str(tmp_path / "file.bin")]
    assert len(forms_of(key)) == 5
    assert hunt(key, [], ["nothing here", key[-4:]]) == []


def test_a_refusal_in_the_logs_is_not_the_song_that_was_sent_again(
    service: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told to wait, sent again, answer lost: the logs show the refusal first, and the song minutes later."""
    real, shown = Client.logs, []

    def logs(self: Client, *period: object) -> Iterator[object]:
        entries = list(real(self, *period))  # type: ignore[arg-type]
        mine = [entry for entry in entries if entry.request_id == person.session.songs()[0].request_id]
        shown.append(len(mine))
        late = [] if len(shown) < 3 else mine
        yield from late
        yield from (replace(entry, id="never-made", succeeded=False) for entry in mine)

    monkeypatch.setattr(Client, "logs", logs)
    person = Person(service, tmp_path / "home", patience=0.1)
    service.commit({"fault": "drop_after", "call": "submit"})
    person.ask()
    service.commit()
    verdict = person.recover()
    assert len(shown) >= 3
    assert verdict.charged == 1
    assert not verdict.wrong


def test_an_unclear_answer_never_leads_to_a_second_post(service: Running, tmp_path: Path) -> None:
    for fault in (
        "drop_before",
        "drop_after",
        "bad_gateway",
        "bad_gateway_after",
        "html_ok",
        "empty_body",
        "redirect",
    ):
        service.commit({"fault": fault, "call": "submit"})
        person = Person(service, tmp_path / fault, patience=0.1)
        with pytest.raises(OutcomeUnknown):
            person.session.submit("la la", REFERENCE)
        assert service.fired() == [1]
        person.session.recover(timeout=0.1)
        assert service.fired() == [1]
    service.commit()


def test_a_song_that_fails_after_it_was_made_is_free(service: Running, tmp_path: Path) -> None:
    """Its download broke off, and then the service takes it back."""
    person = Person(service, tmp_path / "home")
    service.commit({"fault": "truncated_audio", "call": "download"})
    person.ask()
    assert [song.status for song in person.session.songs()] == [Status.DOWNLOADING]
    service.commit({"fault": "error_status", "call": "retrieve"})
    assert person.session.recover() == []
    service.commit()
    (song,) = person.session.songs()
    assert (song.status, song.spent) == (Status.FAILED, Spent.NO)
    assert person.recover().charged == 0
    assert not person.verdict.wrong


def test_a_worker_whose_time_is_over_frees_nobody_elses_song(tmp_path: Path) -> None:
    journal = Session(home=tmp_path / "home").journal
    song = journal.add(Song("a", Status.DOWNLOADING, datetime.now(UTC)))
    assert journal.claim(song, -1)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(journal.claim, song, 600).result()
        journal.release(song)
        assert not journal.claim(song, 600)
        pool.submit(journal.release, song).result()
    assert journal.claim(song, 600)
