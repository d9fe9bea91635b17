"""One file over HTTP on loopback, under a path that cannot be guessed; everything else there is 404."""

from __future__ import annotations

import contextlib
import hmac
import os
import re
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any

_IDLE_SECONDS = 10
_BLOCK = 1 << 16


@contextmanager
def serve(file: Path) -> Iterator[str]:
    """Serve a file with GET and HEAD, also in ranges; its URL on this computer, for as long as the context lasts."""
    with _Server(file) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="minimax_nb file", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}{server.path}"
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, file: Path) -> None:
        self.file = file
        self.path = f"/{secrets.token_urlsafe(24)}/reference.mp3"
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # http.server's own looks this computer's name up, which may take seconds

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Gone is gone: who is still reading is cut off."""
        super().server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that goes away is nobody's business."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        if not hmac.compare_digest(self.path.encode(), self.server.path.encode()):
            self.send_error(404)
            return
        with self.server.file.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            span = _span(self.headers.get("Range", ""), size)
            self._send_head(span, size)
            if body and span:
                self._send(file, span)

    def _send_head(self, span: range | None, size: int) -> None:
        whole = span == range(size)
        self.send_response(416 if span is None else 200 if whole else 206)
        self.send_header("Content-Type", "audio/mpeg")
        self.send_header("Accept-Ranges", "bytes")
        if span is None:
            self.send_header("Content-Range", f"bytes */{size}")
        elif not whole:
            self.send_header("Content-Range", f"bytes {span.start}-{span.stop - 1}/{size}")
        self._end_head(len(span or ()))

    def _end_head(self, length: int) -> None:
        self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()

    def _send(self, file: Any, span: range) -> None:
        file.seek(span.start)
        left = len(span)
        while left and (block := file.read(min(_BLOCK, left))):
            self.wfile.write(block)
            left -= len(block)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Say no in one number: nothing about this computer."""
        self.send_response(code if code == 404 else 405 if code == 501 else 400, "No")
        self._end_head(0)

    def version_string(self) -> str:
        return "minimax_nb"

    def log_message(self, format: str, *args: Any) -> None:
        """Keep no record of who came."""


def _span(header: str, size: int) -> range | None:
    """The bytes that a Range header asks for; all of them where it makes no sense, None where there are none."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip())
    if not match or not any(match.groups()):
        return range(size)
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size) if int(last) else None
    stop = min(size, int(last) + 1) if last else size
    return range(int(first), stop) if int(first) < stop else None
