"""A link is tried before money is spent; pages become the file behind them, or are rejected with advice."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from minimax_nb.errors import InvalidReference
from minimax_nb.hosts import links
from minimax_nb.hosts.links import check_link
from minimax_nb.hosts.pages import to_file_link
from tests.support.service import audio_bytes

MP3 = audio_bytes(20)
WAV = audio_bytes(20, kind="WAV")

Answer = tuple[int, dict[str, str], bytes]


class Web:
    """A web server on loopback that answers as it is told and remembers what it was sent."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.received: list[tuple[str, dict[str, str]]] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.received.append((self.path, dict(self.headers)))
                status, headers, body = web.answers.get(self.path, (404, {}, b"no"))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web()
    thread = Thread(target=web.server.serve_forever, args=(0.02,))
    thread.start()
    yield web
    web.server.shutdown()
    web.server.server_close()
    thread.join()


def refused(web: Web, path: str, **rules: Any) -> str:
    with pytest.raises(InvalidReference) as caught:
        check_link(web.url + path, local=True, **rules)
    assert "Nothing was spent." in str(caught.value)
    return str(caught.value)


BODIES = {"mp3": lambda: MP3, "wav": lambda: WAV, "long": lambda: audio_bytes(600)[: 7 << 20]}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("kind", ["audio/mpeg", "application/octet-stream", ""])
def test_audio_that_is_long_enough_is_taken_whatever_it_is_served_as(web: Web, body: str, kind: str) -> None:
    web.answers["/a"] = (200, {"Content-Type": kind}, BODIES[body]())
    check_link(f"{web.url}/a", local=True)


def test_no_more_is_read_than_shows_that_it_is_long_enough(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    blocks: Callable[..., Iterator[bytes]] = links.transport.blocks

    def counted(*given: Any) -> Iterator[bytes]:
        for block in blocks(*given):
            read.append(len(block))
            yield block

    monkeypatch.setattr(links.transport, "blocks", counted)
    web.answers["/a"] = (200, {}, audio_bytes(60, kind="WAV") + bytes(40 << 20))
    check_link(f"{web.url}/a", local=True)
    assert sum(read) < 3 << 20


def test_nothing_of_the_person_goes_along(web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    web.answers["/a"] = (302, {"Location": "/b", "Set-Cookie": "who=me"}, b"")
    web.answers["/b"] = (200, {}, MP3)
    check_link(f"{web.url}/a", local=True)
    assert [path for path, _ in web.received] == ["/a", "/b"]
    assert not any({"Authorization", "Cookie"} & set(headers) for _, headers in web.received)


def test_too_short_is_said_with_the_models_own_rule(web: Web) -> None:
    web.answers["/a"] = (200, {}, audio_bytes(10))
    assert "is 10.0 s long, and the model needs more than 15 s" in refused(web, "/a")
    check_link(f"{web.url}/a", longer_than=6, local=True)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((404, {}, b""), "cannot be fetched from here: the server responds with HTTP 404"),
        ((403, {}, b""), "without signing in"),
        ((200, {"Content-Type": "text/html; charset=utf-8"}, b"<!doctype html>"), "leads to a web page"),
        ((200, {"Content-Type": "image/png"}, b"\x89PNG" * 99), "is not audio that can be read here (image/png)"),
        ((200, {}, b""), "is not audio"),
        ((200, {"Content-Length": str(len(MP3))}, MP3[:9999]), "the connection broke"),
        ((302, {"Location": "/x"}, b""), "without end"),
        ((302, {"Location": "https://10.0.0.1/a.mp3"}, b""), "own network"),
        ((302, {"Location": "http://169.254.169.254/latest/meta-data"}, b""), "own network"),
        ((302, {"Location": "file:///etc/passwd"}, b""), "must begin with https"),
        ((302, {"Location": "https://[x"}, b""), "redirects to an invalid address"),
    ],
)
def test_what_is_wrong_with_a_link_is_said(web: Web, answer: Answer, says: str) -> None:
    web.answers["/x"] = answer
    assert says in refused(web, "/x")


def test_only_the_formats_of_the_model_are_taken(web: Web) -> None:
    web.answers["/a"] = (200, {}, audio_bytes(20, kind="FLAC"))
    assert "leads to a FLAC file" in refused(web, "/a")
    check_link(f"{web.url}/a", local=True, formats=("WAV", "MP3", "FLAC"))


def test_no_answer_is_said(web: Web) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(InvalidReference, match="cannot be fetched from here"):
        check_link(f"http://127.0.0.1:{port}/a.mp3", local=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.mp3",
        "https://localhost/a.mp3",
        "https://192.168.1.5/a.mp3",
        "https://[::1]/a.mp3",
        "https://[fd00::1]/a.mp3",
        "https://100.64.0.1/a.mp3",
        "https://2130706433/a.mp3",
    ],
)
def test_a_service_on_the_web_is_not_sent_into_this_network(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InvalidReference, match="own network"):
        check_link(url)


@pytest.mark.parametrize("url", ["http://93.184.215.14/a.mp3", "https://me:secret@93.184.215.14/a.mp3"])
def test_a_link_is_https_and_holds_no_password(url: str) -> None:
    with pytest.raises(InvalidReference, match="must begin with https") as caught:
        check_link(url)
    assert "secret" not in str(caught.value)


DRIVE = "https://drive.usercontent.google.com/download?id=1AbcDEF_ghiJKL-mnop&export=download&confirm=t"


@pytest.mark.parametrize(
    ("page", "file"),
    [
        ("https://drive.google.com/file/d/1AbcDEF_ghiJKL-mnop/view?usp=sharing", DRIVE),
        ("https://drive.google.com/file/d/1AbcDEF_ghiJKL-mnop/preview", DRIVE),
        ("https://drive.google.com/open?id=1AbcDEF_ghiJKL-mnop&usp=drive_copy", DRIVE),
        ("https://drive.google.com/uc?export=download&id=1AbcDEF_ghiJKL-mnop", DRIVE),
        (
            "https://drive.google.com/file/d/1AbcDEF_ghiJKL-mnop/view?usp=sharing&resourcekey=0-x",
            DRIVE + "&resourcekey=0-x",
        ),
        ("https://www.dropbox.com/s/abc/my%20song.mp3?dl=0", "https://www.dropbox.com/s/abc/my%20song.mp3?dl=1"),
        (
            "https://www.dropbox.com/scl/fi/abc/song.mp3?rlkey=k&st=s&dl=0",
            "https://www.dropbox.com/scl/fi/abc/song.mp3?rlkey=k&st=s&dl=1",
        ),
        ("https://dropbox.com/s/abc/song.mp3", "https://www.dropbox.com/s/abc/song.mp3?dl=1"),
        ("https://github.com/o/r/blob/main/a.mp3", "https://github.com/o/r/raw/main/a.mp3"),
        ("https://huggingface.co/o/r/blob/main/a.mp3", "https://huggingface.co/o/r/resolve/main/a.mp3"),
        (
            "https://huggingface.co/datasets/o/r/blob/main/a.mp3",
            "https://huggingface.co/datasets/o/r/resolve/main/a.mp3",
        ),
        ("https://example.org/a.mp3?dl=0", "https://example.org/a.mp3?dl=0"),
        ("https://notyoutube.com/a.mp3", "https://notyoutube.com/a.mp3"),
        (DRIVE, DRIVE),
    ],
)
def test_a_page_becomes_the_link_of_its_file(page: str, file: str) -> None:
    assert to_file_link(page) == file


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("https://www.youtube.com/watch?v=abc", "A YouTube page plays music in a browser and gives no file"),
        ("https://music.youtube.com/watch?v=abc", "yours to use"),
        ("https://youtu.be/abc", "YouTube"),
        ("https://open.spotify.com/track/abc", "A Spotify page"),
        ("https://soundcloud.com/a/b", "SoundCloud"),
        ("https://someone.bandcamp.com/track/x", "Bandcamp"),
        ("https://1drv.ms/u/s!abc", "A OneDrive link leads to a page"),
        ("https://school-my.sharepoint.com/:u:/g/x", "Download it there"),
        ("https://drive.google.com/drive/folders/1AbcDEF_ghiJKL-mnop", "Anyone with the link"),
        ("https://docs.google.com/document/d/1AbcDEF_ghiJKL-mnop/edit", "does not lead to a single audio file"),
        ("https://www.dropbox.com/sh/abc/x?dl=0", "Copy link on the track itself"),
        ("https://www.dropbox.com/scl/fo/abc/x?rlkey=k", "does not lead to a single file"),
    ],
)
def test_a_page_without_a_file_is_refused_with_what_to_do(page: str, says: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        to_file_link(page)
    assert says in str(caught.value)
    assert "Nothing was spent." in str(caught.value)
