"""The other side of a socket in the tests: a host that answers as it is told, a relay that cuts connections.

And the key hunt: a search for a key wherever a run has left something.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

Headers = dict[str, str]


@dataclass(frozen=True)
class Seen:
    """One request as it came in."""

    method: str
    path: str
    headers: Headers
    body: bytes

    @property
    def text(self) -> str:
        """Everything that was sent, as one text."""
        return f"{self.method} {self.path} {self.headers} {self.body[:100_000]!r}"


@dataclass(frozen=True)
class Answer:
    """What is answered: a body in one piece or in pieces, or, as `raw`, every byte of the connection."""

    body: bytes | Callable[[], Iterable[bytes]] = b"{}"
    status: int = 200
    headers: Headers = field(default_factory=dict)
    raw: bool = False


class Host(ThreadingHTTPServer):
    """A host that answers what `plan` says and keeps what it was sent.

    Parameters
    ----------
    plan : callable
        Takes a `Seen`, returns an `Answer`.
    """

    daemon_threads = True

    def __init__(self, plan: Callable[[Seen], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.plan = plan
        self.seen: list[Seen] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """Say nothing: the client went away."""


class _Handler(BaseHTTPRequestHandler):
    server: Host

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = Seen(self.command, self.path, dict(self.headers), body)
        self.server.seen.append(seen)
        answer = self.server.plan(seen)
        self.close_connection = True
        if not answer.raw:
            self._write_head(answer)
        for piece in [answer.body] if isinstance(answer.body, bytes) else answer.body():
            self.wfile.write(piece)
            self.wfile.flush()

    def _write_head(self, answer: Answer) -> None:
        lines = [f"HTTP/1.1 {answer.status} Whatever", "Connection: close"]
        headers = {"Content-Type": "application/json", **answer.headers}
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    do_GET = do_POST = _answer  # noqa: N815  (the names are the base class's)


@contextlib.contextmanager
def running_host(plan: Callable[[Seen], Answer]) -> Iterator[Host]:
    """Run a host in a thread of this process."""
    with Host(plan) as host:
        threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield host
        finally:
            host.shutdown()


class Cutter(socketserver.ThreadingTCPServer):
    """A relay to another port that breaks the next connection after so many bytes in one direction.

    Attributes
    ----------
    cut : tuple of (str, int) or None
        ``("request", n)`` or ``("response", n)``; taken by the next connection, the later ones are whole.
    lengths : list of (int, int)
        Of each connection that ended: bytes of request and of response that went through.
    heads : list of bytes
        How each request began: a connection that is kept carries several.
    """

    daemon_threads = True
    allow_reuse_address = True

    request_queue_size = 256  # a crowd comes at once

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.target = port
        self.cut: tuple[str, int] | None = None
        self.lengths: list[tuple[int, int]] = []
        self.heads: list[bytes] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """Say nothing: to break is what it is for."""


class _Relay(socketserver.BaseRequestHandler):
    server: Cutter

    def handle(self) -> None:
        (where, limit), self.server.cut = self.server.cut or ("", 0), None
        with socket.create_connection(("127.0.0.1", self.server.target)) as beyond:
            ends = (self.request, beyond)
            sent = [0, 0]
            back = threading.Thread(
                target=self._carry, args=(beyond, self.request, sent, 1, limit if where == "response" else None, ends)
            )
            back.start()
            self._carry(self.request, beyond, sent, 0, limit if where == "request" else None, ends)
            back.join()
        self.server.lengths.append((sent[0], sent[1]))

    def _carry(
        self,
        source: socket.socket,
        target: socket.socket,
        sent: list[int],
        which: int,
        limit: int | None,
        ends: tuple[socket.socket, socket.socket],
    ) -> None:
        with contextlib.suppress(OSError):
            while limit is None or sent[which] < limit:
                block = source.recv(1 << 14 if limit is None else min(1 << 14, limit - sent[which]))
                if not block:
                    break
                if block.startswith((b"GET ", b"POST ")):
                    self.server.heads.append(block[:100])
                target.sendall(block)
                sent[which] += len(block)
        for end in ends if limit is not None else (target,):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR if limit is not None else socket.SHUT_WR)


@contextlib.contextmanager
def running_cutter(port: int) -> Iterator[Cutter]:
    """Run a relay to `port` in threads of this process."""
    with Cutter(port) as cutter:
        threading.Thread(target=cutter.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield cutter
        finally:
            cutter.shutdown()


def forms_of(key: str) -> list[bytes]:
    """The ways in which a key may stand somewhere: plain, quoted for a URL, as base64."""
    forms = [key, quote(key, safe="")]
    # A text within a longer one has three base64 forms; what is the same whatever stands around it is enough.
    for shift in range(3):
        encoded = base64.b64encode(b"x" * shift + key.encode())
        forms.append(encoded[(4 if shift else 0) : -4].decode())
    return [form.encode() for form in dict.fromkeys(forms)]


def hunt(key: str, folders: Iterable[Path] = (), texts: Iterable[str] = ()) -> list[str]:
    """Say where a key stands, in any of its forms.

    Parameters
    ----------
    key : str
    folders : iterable of Path
        Every file below them is read; a rehearsal service's own record apart.
    texts : iterable of str
        Outputs, logs, messages, requests.

    Returns
    -------
    list of str
        The files and the beginnings of the texts.
    """
    forms = forms_of(key)
    files = [path for folder in folders for path in Path(folder).rglob("*") if path.name != "service.json"]
    found = [str(path) for path in files if any(form in _content(path) for form in forms)]
    return found + [text[:200] for text in texts if any(form in text.encode(errors="replace") for form in forms)]


def _content(path: Path) -> bytes:
    # Folders have none, and SQLite removes its side files as the last connection ends.
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return b""
