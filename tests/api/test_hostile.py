"""Answers from hell: bounded, escaped, refused, and always an error of the tree that loses nothing."""

from __future__ import annotations

import contextlib
import copy
import gzip
import json
import os
import pickle
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from minimax_nb import Session, Song, Status
from minimax_nb.api.key import Key, is_loopback
from minimax_nb.api.timeouts import Timeouts
from minimax_nb.errors import DownloadFailed, InvalidKey, LibraryError, MusicError, OutcomeUnknown, Spent
from minimax_nb.hosts.file_server import serve
from minimax_nb.settings import key_from_environment
from tests.support import chaos
from tests.support.network import Answer, Host, Seen, hunt, running_host
from tests.support.service import HASTY, audio_bytes, guest, running_service

KEY = "sk-hostile-0123456789-wxyz"
LINK = ""
"""A link to a reference, as long as the tests of this module run."""

ELSEWHERE = "https://files.invalid/song.mp3"
SONG = audio_bytes(2)
DEEP = b'{"id":' * 100_000
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>"
ANSI = "\x1b[2J\x1b]0;owned\x07\r\n\u202e\x00 red"


@pytest.fixture(scope="module", autouse=True)
def link(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    global LINK
    track = tmp_path_factory.mktemp("reference") / "track.mp3"
    track.write_bytes(audio_bytes(16))
    with serve(track) as LINK:
        yield


def session_at(host: Host, home: Path, timeouts: Timeouts = HASTY) -> Session:
    return Session(api_key=KEY, base_url=host.url, home=home, timeouts=timeouts)


def said(**fields: Any) -> Answer:
    return Answer(json.dumps(fields).encode())


def endless() -> Iterator[bytes]:
    while True:
        yield b" " * (1 << 16)


def trickle() -> Iterator[bytes]:
    while True:
        yield b" "
        time.sleep(0.02)


def large() -> Iterator[bytes]:
    yield b'{"message": "'
    for _ in range(1600):
        yield b"x" * (1 << 16)


ODD = [None, True, -1, 10**400, 1.5, "", [], {}, [[]], {"url": []}, "x" * 10_000, MARKUP, ANSI, "\ud800"]

ANSWERS: dict[str, Answer] = {
    "endless": Answer(endless),
    "trickle": Answer(trickle),
    "100 MB": Answer(large),
    "said to be 100 GB": Answer(b"{}", headers={"Content-Length": str(10**11)}),
    "said to be less than nothing": Answer(b"{}", headers={"Content-Length": "-5"}),
    "a length of 5000 digits": Answer(b"{}", headers={"Content-Length": "9" * 5000}),
    "a length that is a superscript": Answer(b"{}", headers={"Content-Length": "\xb2"}),
    "two lengths": Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}}", raw=True),
    "broken chunks": Answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", raw=True),
    "bomb": Answer(gzip.compress(b" " * 50_000_000), headers={"Content-Encoding": "gzip"}),
    "compressed for nothing": Answer(b"{}", headers={"Content-Encoding": "zstd, br"}),
    "deep": Answer(DEEP),
    "deep and whole": Answer(b'{"a":' * 900 + b"1" + b"}" * 900),
    "no JSON": Answer(b"\xff\xfe\x00"),
    "a number of 5000 digits": Answer(b'{"id": ' + b"9" * 5000 + b"}"),
    "NaN": Answer(b'{"id": NaN, "status": Infinity}'),
    "a list": Answer(b"[1, 2]"),
    "nothing": Answer(b""),
    "no HTTP": Answer(b"\x00\x01\x02 hello\r\n\r\n", raw=True),
    "a status of 5 digits": Answer(b"HTTP/1.1 99999 What\r\n\r\n{}", raw=True),
    "headers without end": Answer(
        lambda: (b"HTTP/1.1 200 OK\r\n", *[b"X-A: " + b"a" * 60_000 + b"\r\n"] * 200), raw=True
    ),
    "markup": Answer(json.dumps({"message": MARKUP}).encode(), 400),
    "long words": Answer(json.dumps({"message": "x" * 10_000}).encode(), 400),
    "cursor": Answer(json.dumps({"message": ANSI * 100, "id": ANSI}).encode(), 500),
    "half a character": Answer(b'{"message": "\\ud800", "id": "\\ud800", "status": "\\udfff"}', 418),
    "pause of a year": Answer(b'{"message": "wait"}', 429, {"Retry-After": "31536000"}),
    "pause of no sense": Answer(b'{"message": "wait"}', 429, {"Retry-After": "Mon, 99 Foo 99999 25:61:61 GMT"}),
    "pause of a negative": Answer(b'{"message": "wait"}', 429, {"Retry-After": "-1e999"}),
    "redirect to nowhere": Answer(b"", 302, {"Location": "http://["}),
    "redirect to itself": Answer(b"", 307, {"Location": "/v2/generate/audio"}),
}
for number, odd in enumerate(ODD):
    ANSWERS[f"odd fields {number}"] = said(
        id=odd,
        status=odd,
        audio_file=odd,
        error=odd,
        meta=odd,
        message=odd,
        data=odd,
        pagination=odd,
        current_balance=odd,
    )
    ANSWERS[f"odd file {number}"] = said(
        id="x", status="completed", audio_file={"url": odd, "file_name": odd, "file_size": odd, "content_type": odd}
    )
    ANSWERS[f"odd failure {number}"] = said(id="x", status="error", error={"name": odd, "message": odd})
    ANSWERS[f"odd row {number}"] = said(
        data=[odd, dict.fromkeys(("inference_id", "client_request_id", "created", "cost", "status", "model"), odd)],
        pagination={"has_more": odd},
    )

CALLS: dict[str, Callable[[Session], object]] = {
    "submit": lambda session: session.submit("la la", LINK),
    "retrieve": lambda session: session.retrieve("some-id"),
    "recover": lambda session: session.recover(since="1h", timeout=0.3),
    "balance": lambda session: session.services.client(session.settings.service()).balance(),
    "price": lambda session: session.services.client(session.settings.service()).price("minimax-music"),
}


IMPATIENT = replace(HASTY, submit=0.4, response=0.4, download=1.0, fresh=0.0)
"""What never ends is given up soon."""


def check_shown(text: str) -> None:
    assert len(text) < 1500
    assert text.isprintable(), repr(text)


@pytest.mark.parametrize("name", ANSWERS)
def test_any_answer_to_any_call(name: str, tmp_path: Path) -> None:
    with running_host(lambda _: ANSWERS[name]) as host:
        session = session_at(host, tmp_path, IMPATIENT)
        for call in CALLS.values():
            try:
                call(session)
            except MusicError as error:
                check_shown(str(error))
        posts = [seen for seen in host.seen if seen.method == "POST"]
        assert len(posts) == 1 or "pause" in name
        for song in session.songs():
            check_shown(song.error)
            assert "<script" not in song._repr_html_()
            assert "<img" not in song._repr_html_()
            assert song.status is not Status.COMPLETED
    assert hunt(KEY, [tmp_path]) == []
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".db", ".db-wal", ".db-shm"}


def made(link: str, **extras: Any) -> Callable[[Seen], Answer]:
    """A plan: every song is made, and lies at `link`."""
    return lambda seen: (
        said(id="x:1", status="completed", audio_file={"url": link, **extras}) if "/v2" in seen.path else Answer(SONG)
    )


@pytest.mark.parametrize(
    "link",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x.mp3",
        "data:audio/mpeg;base64,AAAA",
        "/etc/passwd",
        "http://[",
        "http://127.0.0.1:99999/",
        "http://" + "a" * 64 + ".example/",
        "http://\u2100.example/",
        "http:///x",
        "javascript:alert(1)",
        "x" * 5000,
    ],
)
def test_a_link_of_another_kind_is_not_followed(link: str, tmp_path: Path) -> None:
    with running_host(made(link)) as host:
        session = session_at(host, tmp_path)
        with pytest.raises(DownloadFailed) as caught:
            session.retrieve("x:1")
    check_shown(str(caught.value))
    assert [song.status for song in session.songs()] == [Status.DOWNLOADING]


@pytest.mark.parametrize(
    "location", ["http://[", "ftp://127.0.0.1/", "//", "http://" + "a" * 64 + ".example/", "", "\xff"]
)
def test_a_download_redirected_to_nonsense_fails(location: str, tmp_path: Path) -> None:
    def plan(seen: Seen) -> Answer:
        return Answer(b"", 302, {"Location": location}) if seen.path == "/a" else made(f"{host.url}/a")(seen)

    with running_host(plan) as host, pytest.raises(DownloadFailed) as caught:
        session_at(host, tmp_path).retrieve("x:1")
    check_shown(str(caught.value))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_download_is_followed_to_another_host_without_the_key(status: int, tmp_path: Path) -> None:
    with running_host(lambda _: Answer(SONG)) as store, running_host(lambda _: Answer()) as host:
        onward = Answer(b"", status, {"Location": f"{store.url}/there.mp3"})
        plan = made(f"{host.url}/here.mp3")
        host.plan = lambda seen: onward if seen.path == "/here.mp3" else plan(seen)
        song = session_at(host, tmp_path).retrieve("x:1")
        assert song.status is Status.COMPLETED
        assert song.audio == SONG
        (seen,) = store.seen
        here = next(each for each in host.seen if each.path == "/here.mp3")
    for each in (seen, here):
        assert "Authorization" not in each.headers
        assert hunt(KEY, [], [each.text]) == []


def test_a_download_that_leads_in_circles_ends(tmp_path: Path) -> None:
    with running_host(lambda _: Answer()) as host:
        plan = made(f"{host.url}/loop")
        host.plan = lambda seen: Answer(b"", 302, {"Location": "/loop"}) if seen.path == "/loop" else plan(seen)
        with pytest.raises(DownloadFailed, match="without end"):
            session_at(host, tmp_path).retrieve("x:1")
        assert len(host.seen) < 10


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_call_is_redirected_to_another_host(status: int, tmp_path: Path) -> None:
    with running_host(lambda _: said(id="x", status="queued")) as other:
        away = Answer(b"", status, {"Location": f"{other.url}/v2/generate/audio"})
        with running_host(lambda _: away) as host:
            for call in CALLS.values():
                with pytest.raises(MusicError):
                    call(session_at(host, tmp_path))
            assert len(host.seen) >= len(CALLS)
        assert other.seen == []


BODIES: dict[str, Answer] = {
    "endless": Answer(endless),
    "trickle": Answer(trickle),
    "bomb": Answer(gzip.compress(b" " * 50_000_000), headers={"Content-Encoding": "gzip"}),
    "no sound": Answer(b"<html>Sign in to this network</html>"),
    "half": Answer(SONG[: len(SONG) // 2], headers={"Content-Length": str(len(SONG))}),
    "nothing": Answer(b""),
    "a picture": Answer(b"\x89PNG\r\n\x1a\n" + b"\x00" * 100),
}


@pytest.mark.parametrize("name", BODIES)
def test_what_is_no_song_is_not_kept(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minimax_nb.api.download.MOST_AUDIO_BYTES", 1 << 20)
    with running_host(lambda _: Answer()) as host:
        plan = made(f"{host.url}/file")
        host.plan = lambda seen: BODIES[name] if seen.path == "/file" else plan(seen)
        session = session_at(host, tmp_path, IMPATIENT)
        with pytest.raises(DownloadFailed, match="is paid for"):
            session.retrieve("x:1")
    assert list((tmp_path / "songs").iterdir()) == []


def test_a_wav_that_claims_the_moon_is_bounded(tmp_path: Path) -> None:
    """A header that would have a decoder reserve hundreds of gigabytes for its first block."""
    head = b"RIFF\xff\xff\xff\x7fWAVEfmt \x10\x00\x00\x00\x01\x00" + (1024).to_bytes(2, "little")
    head += (2**31 - 1).to_bytes(4, "little") + (2**31 - 1).to_bytes(4, "little") + b"\x00\x08\x10\x00"
    body = head + b"data\xff\xff\xff\x7f" + bytes(100_000)
    with running_host(lambda _: Answer()) as host:
        plan = made(f"{host.url}/file")
        host.plan = lambda seen: Answer(body) if seen.path == "/file" else plan(seen)
        began, duration = time.monotonic(), 0.0
        with contextlib.suppress(DownloadFailed):
            duration = session_at(host, tmp_path).retrieve("x:1").duration or 0.0
    assert duration < 1
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "name", ["../../../escaped.mp3", "/etc/escaped.mp3", "..\\escaped.mp3", "a\x00b.mp3", MARKUP]
)
@pytest.mark.parametrize(
    "generation_id", ["../../escaped", "a/b'\"--", "x\u00e9\u4e2d:1", "x" * 500, "%2e%2e%2f", "?a=1&b#c"]
)
def test_neither_a_file_name_nor_an_id_becomes_a_path(name: str, generation_id: str, tmp_path: Path) -> None:
    home = tmp_path / "deep" / "er" / "home"
    with running_host(lambda _: Answer()) as host:
        plan = made(f"{host.url}/file", file_name=name)
        host.plan = lambda seen: said(id=generation_id, status="queued") if seen.method == "POST" else plan(seen)
        session = session_at(host, home)
        song = session.wait(session.submit("la la", LINK), timeout=20)
        assert song.id == generation_id
    assert song.path is not None
    assert song.path.parent == home / "songs"
    assert re.fullmatch(r"minimax_nb-[0-9a-f]{32}\.mp3", song.path.name)
    assert [path.parent.name for path in tmp_path.rglob("*.mp3")] == ["songs"]


@pytest.mark.parametrize("generation_id", ["a\nb", "a\r\nX-Evil: 1", "\x1b[2J", "x" * 501, "", " \u2028"])
def test_an_id_that_is_none_leaves_the_outcome_open(generation_id: str, tmp_path: Path) -> None:
    with running_host(lambda _: said(id=generation_id, status="queued")) as host:
        session = session_at(host, tmp_path)
        with pytest.raises(OutcomeUnknown) as caught:
            session.submit("la la", LINK)
    check_shown(str(caught.value))
    assert [song.status for song in session.songs()] == [Status.UNKNOWN]


def test_logs_that_always_have_more_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minimax_nb.api.client._MOST_LOG_ROWS", 2000)
    row = {"inference_id": "x", "model": "minimax-music", "status": "failed"}
    with running_host(lambda _: said(data=[row], pagination={"has_more": True})) as host:
        assert session_at(host, tmp_path).recover(since="1h") == []
        assert len(host.seen) == 20


def test_an_absurd_pause_is_not_slept(tmp_path: Path) -> None:
    limit = Answer(b'{"message": "slow"}', 429, {"Retry-After": "99999999999"})
    with running_host(lambda _: limit) as host:
        with pytest.raises(MusicError) as caught:
            session_at(host, tmp_path).submit("la la", LINK)
        assert len(host.seen) == 1
    assert caught.value.retry_after == 3600


def test_two_songs_with_one_id_are_an_error_that_says_so(tmp_path: Path) -> None:
    with running_host(lambda _: said(id="the-same", status="queued")) as host:
        session = session_at(host, tmp_path)
        session.submit("la la", LINK)
        with pytest.raises(LibraryError, match="the-same") as caught:
            session.submit("la la", LINK)
    assert caught.value.spent is not Spent.NO
    assert "Do not request the song again" in str(caught.value)


# What is around us


def test_a_netrc_does_not_replace_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\ndefault login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with running_host(lambda _: Answer(SONG)) as store, running_host(made(f"{store.url}/a")) as host:
        assert session_at(host, tmp_path / "home").retrieve("x:1").status is Status.COMPLETED
        assert {seen.headers.get("Authorization") for seen in host.seen} == {f"Bearer {KEY}"}
        assert [seen.headers.get("Authorization") for seen in store.seen] == [None]


def test_no_proxy_stands_between_us_and_this_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_host(lambda _: Answer()) as proxy, running_host(lambda _: Answer()) as host:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        host.plan = made(f"{host.url}/file")
        assert session_at(host, tmp_path).retrieve("x:1").status is Status.COMPLETED
        assert proxy.seen == []


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1", True),
        ("http://localhost:80", True),
        ("http://localhost.", True),
        ("http://[::1]", True),
        ("http://[::ffff:127.0.0.1]", True),
        ("http://127.1", True),
        ("http://2130706433", True),
        ("http://0x7f000001", True),
        ("http://0.0.0.0", True),
        ("http://example.org", False),
        ("http://127.0.0.1.example.org", False),
        ("http://127.0.0.1 .example.org", False),
        ("http://128.0.0.1", False),
        ("http://", False),
    ],
)
def test_this_very_computer_is_known_by_all_its_names(url: str, here: bool) -> None:
    assert is_loopback(url) is here


def test_a_link_from_the_web_does_not_lead_to_this_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one case that needs a host that is not on loopback: its first answer is given here in its place."""
    from minimax_nb.api import download

    real = download._get

    def get(url: str, local: bool, timeouts: Timeouts) -> Any:
        return real(f"{away.url}/away" if "files.invalid" in url else url, local, timeouts)

    monkeypatch.setattr(download, "_get", get)
    with (
        running_host(lambda _: Answer(SONG)) as store,
        running_host(lambda _: Answer(b"", 302, {"Location": f"{store.url}/x.mp3"})) as away,
        running_host(made(ELSEWHERE)) as host,
    ):
        with pytest.raises(DownloadFailed, match="to this computer"):
            session_at(host, tmp_path).retrieve("x:1")
        assert store.seen == []


# A computer that fails


FULL = """
import resource, signal, sys
from minimax_nb import Session
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
session = Session(home=sys.argv[1])
song = session.submit("la la", sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    session.retrieve(song)
except Exception as error:
    print(type(error).__name__, error.spent.value, error.song_id, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(session.recover()[0].status.value)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs a limit for the size of files")
@pytest.mark.parametrize("most", [200_000, 100])
def test_a_full_disk_loses_nothing(most: int, tmp_path: Path) -> None:
    """200,000 bytes are too few for the song, 100 also for the journal."""
    long = audio_bytes(5, kind="WAV")
    with running_host(lambda _: Answer()) as host:
        plan = made(f"{host.url}/file.mp3?Signature=s")
        host.plan = lambda seen: Answer(long) if seen.path.startswith("/file") else plan(seen)
        environment = {**os.environ, "AIML_API_KEY": KEY, "MINIMAX_NB_BASE_URL": host.url}
        environment["PYTHONPATH"] = str(Path(__file__).parents[2])
        done = subprocess.run(
            [sys.executable, "-c", FULL, str(tmp_path), str(most), LINK],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    error, status = done.stdout.splitlines()
    assert error.startswith("LibraryError yes x:1 ")
    assert "x:1" in error.split(" ", 3)[3]
    assert "recover()" in error
    assert "Do not request the song again" in error
    assert most < 200_000 or f"{host.url}/file.mp3?Signature=s" in error
    assert status == "completed"
    assert len([seen for seen in host.seen if seen.method == "POST"]) == 1


def test_a_locked_journal_spends_nothing_or_says_where_the_song_is(tmp_path: Path) -> None:
    with running_host(made("https://files.invalid/x")) as host:
        session = session_at(host, tmp_path)
        song = session.submit("la la", LINK)
        locker = sqlite3.connect(tmp_path / "library.db", isolation_level=None)
        locker.execute("BEGIN IMMEDIATE")
        fresh = session_at(host, tmp_path, replace(HASTY, database=0.1))
        posts = len(host.seen)
        with pytest.raises(LibraryError, match="Nothing was spent"):
            fresh.submit("la la", LINK)
        assert len(host.seen) == posts
        locker.execute("COMMIT")
        fresh.songs()
        locker.execute("BEGIN IMMEDIATE")
        with pytest.raises(LibraryError, match=r"x:1.*is paid for.*recover\(\)") as caught:
            fresh.retrieve(song)
        assert caught.value.song_id == "x:1"
        locker.close()


def test_a_journal_locked_while_the_song_is_sent_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is here and cannot be written: it is shown, and a fresh kernel finds the song in the logs."""
    with running_service(tmp_path / "service", price=chaos.PRICE) as service:
        home, tag = tmp_path / "home", chaos.new_tag()
        session = guest(service, home, timeouts=replace(HASTY, database=0.1))
        session.songs()
        locker = sqlite3.connect(home / "library.db", isolation_level=None, check_same_thread=False)
        real = session.journal.add

        def add(song: Song, **named: Any) -> Song:
            added = real(song, **named)
            locker.execute("BEGIN IMMEDIATE")
            return added

        monkeypatch.setattr(session.journal, "add", add)
        with pytest.raises(LibraryError, match="Do not request the song again") as caught:
            session.submit(f"la la {tag}", chaos.REFERENCE)
        assert caught.value.spent is Spent.YES
        assert caught.value.song_id in str(caught.value)
        locker.close()
        with chaos.Nursery(service.address.key) as nursery:
            # This process lives, so that the row is still its own: its lease is over here.
            with sqlite3.connect(home / "library.db") as connection:
                connection.execute("UPDATE songs SET deadline = 1")
            assert nursery.run("recover_songs", service, home) == [0]
        assert chaos.judge(service, home, [tag]).wrong == {}


@pytest.mark.skipif(os.name == "nt", reason="a file in the way is another error there")
def test_a_folder_that_cannot_be_written_shows_id_and_link(tmp_path: Path) -> None:
    with running_host(lambda _: Answer()) as host:
        host.plan = made(f"{host.url}/file.mp3")
        session = session_at(host, tmp_path)
        song = session.submit("la la", LINK)
        (tmp_path / "songs").write_text("in the way")
        with pytest.raises(LibraryError, match=f"{host.url}/file.mp3") as caught:
            session.retrieve(song)
        assert (caught.value.song_id, caught.value.spent) == ("x:1", Spent.YES)
        assert "x:1" in str(caught.value)
        (tmp_path / "songs").unlink()
        assert [song.status for song in session.recover()] == [Status.COMPLETED]


# The key


MALFORMED = [
    "sk-two words-0123456789",
    "sk-tab\tin-it-0123456789",
    "sk-\u00e9\u00e8-0123456789",
    "x" * 600,
    "sk-null\x00-0123456789",
]


def shows(text: str, secret: str) -> bool:
    """Whether more than the last 4 characters of a key can be read."""
    return any(secret[start : start + 8] in text for start in range(len(secret) - 11)) or secret[-5:] in text


@pytest.mark.parametrize("secret", MALFORMED)
def test_a_malformed_key_is_in_no_traceback(secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Callable[[], object]] = [lambda: Session(api_key=secret), lambda: Key(secret)]
    if "\x00" not in secret:
        monkeypatch.setenv("AIML_API_KEY", secret)
        calls += [key_from_environment, lambda: Session(home=tmp_path).submit("la", LINK)]
    for call in calls:
        with pytest.raises(InvalidKey) as caught:
            call()
        assert not shows(chaos.full_traceback(caught.value), secret)
        assert not shows(f"{caught.value}{caught.value!r}{vars(caught.value)}", secret)


def test_a_key_shows_its_last_characters_at_most() -> None:
    key = Key(KEY)
    holders = [key, copy.copy(key), copy.deepcopy(key), Session(api_key=KEY), Session(api_key=KEY).settings]
    for holder in holders:
        for text in (repr(holder), str(holder), repr(vars(holder)), f"{holder}", json.dumps(holder, default=repr)):
            assert not shows(text, KEY)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError) as caught:
            pickle.dumps(key, protocol)
        assert not shows(chaos.full_traceback(caught.value), KEY)
    assert not shows(repr([key, {"key": key}, vars(Session(api_key=KEY).at(Session(api_key=KEY).settings))]), KEY)


def test_no_error_of_a_call_shows_the_key_in_its_frames(tmp_path: Path) -> None:
    with running_host(lambda _: Answer(b"", 500)) as host:
        session = session_at(host, tmp_path, IMPATIENT)
        for call in CALLS.values():
            with pytest.raises(MusicError) as caught:
                call(session)
            assert not shows(chaos.full_traceback(caught.value), KEY)


INTERRUPTED = """
import os, signal, sys, threading, traceback
from minimax_nb import Session
session = Session(home=sys.argv[1])
threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    session.submit("la la", sys.argv[2])
except KeyboardInterrupt as error:
    print("".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))
print(session.songs()[0].status.value)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no interrupt for a single process")
def test_an_interrupt_while_sending_shows_no_key_and_keeps_the_song(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment = {**os.environ, "AIML_API_KEY": KEY, "MINIMAX_NB_BASE_URL": url}
        environment["PYTHONPATH"] = str(Path(__file__).parents[2])
        done = subprocess.run(
            [sys.executable, "-c", INTERRUPTED, str(tmp_path), LINK],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
        )
    assert "KeyboardInterrupt" in done.stdout, done.stderr
    assert done.stdout.splitlines()[-1] == "unknown"
    assert not shows(done.stdout + done.stderr, KEY)
    assert hunt(KEY, [tmp_path]) == []
