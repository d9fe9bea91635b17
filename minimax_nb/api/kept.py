"""A connection that is kept for requests without a body. Knows no key and no JSON.

urllib3 makes it, through a proxy and with certificates checked, and carries its first request. The ones after that
are plain text on the same socket: a poll that is written and read here takes a quarter of the CPU. Whatever leaves
doubt about where a response ends closes the connection.
"""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import urllib3
from urllib3.util.connection import is_connection_dropped

MOST_RESPONSE_BYTES = 4 << 20
_MOST_HEAD_BYTES = 1 << 16
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_END_OF_LINE = re.compile(rb"\r?\n")
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: |$)")
_NO_RETRIES = urllib3.Retry(False, redirect=False)


class Unreadable(Exception):
    """A body that is not read to its end: too large, too slow, cut, or compressed in an unknown way."""


class Head(NamedTuple):
    """How a response begins; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]


class KeptConnection:
    """One connection to one service, used by one thread at a time.

    Parameters
    ----------
    pool : urllib3.HTTPConnectionPool
        Of its own.
    prefix : str
        What a path is put behind.
    host : str
        As the header says it.
    """

    def __init__(self, pool: urllib3.HTTPConnectionPool, prefix: str, host: str) -> None:
        self._pool, self._prefix, self._host = pool, prefix, host
        self._connection: Any = None

    @property
    def is_open(self) -> bool:
        """Whether a request can be written to it at once."""
        # A proxy that is not tunnelled through is sent whole addresses, and headers of its own.
        direct = self._prefix[:1] in ("", "/")
        return direct and self._connection is not None and not is_connection_dropped(self._connection)

    def open(
        self, method: str, target: str, headers: Mapping[str, str], timeout: urllib3.Timeout
    ) -> urllib3.BaseHTTPResponse:
        """Connect and send a request as urllib3 does."""
        response = self._pool.urlopen(
            method,
            self._prefix + target,
            headers=headers,
            timeout=timeout,
            retries=_NO_RETRIES,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )
        self._connection = response.connection
        return response

    def get(self, target: str, headers: Mapping[str, str], seconds: float) -> tuple[Head, Callable[[], bytes]]:
        """Send a request on the open connection.

        Parameters
        ----------
        target : str
        headers : mapping
        seconds : float
            How long nothing may arrive, and how long all of it may take.

        Returns
        -------
        Head
        callable
            Reads the body, as it was sent; raises `Unreadable`.
        """
        try:
            stream = self._send(target, headers, seconds)
            head = _read_head(stream)
            while 100 <= head.status < 200:
                head = _read_head(stream)
        except TimeoutError:
            self.close()
            raise urllib3.exceptions.ReadTimeoutError(self._pool, "", "") from None
        except BaseException:
            self.close()
            raise
        return head, lambda: self._read(head, stream)

    def _send(self, target: str, headers: Mapping[str, str], seconds: float) -> _Stream:
        socket = self._connection.sock
        socket.settimeout(seconds)
        lines = [f"GET {self._prefix}{target} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        socket.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        return _Stream(socket, seconds)

    def _read(self, head: Head, stream: _Stream) -> bytes:
        kept = False
        try:
            body, kept = _read_body(head, stream)
        except OSError as error:
            raise Unreadable(f"the connection broke ({type(error).__name__})") from None
        finally:
            if stream.left or not kept or "close" in head.headers.get("connection", "").lower():
                self.close()
        return body

    def close(self) -> None:
        """Close it; the next request needs another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class _Stream:
    """What arrives at a socket, within bounds of size and time."""

    def __init__(self, socket: Any, seconds: float) -> None:
        self.left = b""
        self._socket = socket
        self._deadline = time.monotonic() + seconds

    def more(self) -> bool:
        """Wait for more; False at its end."""
        if time.monotonic() > self._deadline:
            raise Unreadable("the response does not end")
        if len(self.left) > MOST_RESPONSE_BYTES:
            raise Unreadable("the response is too large")
        received: bytes = self._socket.recv(1 << 16)
        self.left += received
        return bool(received)

    def until(self, end: re.Pattern[bytes]) -> bytes:
        while not (found := end.search(self.left)):
            if len(self.left) > _MOST_HEAD_BYTES:
                raise Unreadable("a header of the response is too large")
            if not self.more():
                raise http.client.IncompleteRead(b"")
        before, self.left = self.left[: found.start()], self.left[found.end() :]
        return before

    def exactly(self, size: int) -> bytes:
        if size > MOST_RESPONSE_BYTES:
            raise Unreadable("the response is too large")
        while len(self.left) < size:
            if not self.more():
                raise Unreadable(f"{len(self.left)} of {size} bytes arrived")
        body, self.left = self.left[:size], self.left[size:]
        return body


def _read_head(stream: _Stream) -> Head:
    text = re.sub(r"\r?\n[ \t]+", " ", stream.until(_END_OF_HEAD).decode("latin-1"))
    first, *lines = re.split(r"\r?\n", text)
    status = _STATUS.match(first)
    if status is None:
        raise http.client.BadStatusLine("")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name, value = name.lower(), value.strip()
        if not colon or not name or name != name.strip():
            raise http.client.BadStatusLine("")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if status[1] == "0":
        headers["connection"] = "close"
    return Head(int(status[2]), headers)


def _read_body(head: Head, stream: _Stream) -> tuple[bytes, bool]:
    """The body, and whether the next response can follow it."""
    coding, size = head.headers.get("transfer-encoding"), head.headers.get("content-length")
    if head.status in (204, 304):
        return b"", True
    if coding is not None:
        if coding.lower() != "chunked":
            raise Unreadable("the response is packed in a way that is not known here")
        return _read_chunks(stream), size is None
    if size is not None:
        if not re.fullmatch("[0-9]{1,15}", size):
            raise Unreadable("the response has a size that is none")
        return stream.exactly(int(size)), True
    while stream.more():
        pass
    body, stream.left = stream.left, b""
    return body, False


def _read_chunks(stream: _Stream) -> bytes:
    body = b""
    try:
        while size := _size_of_chunk(stream):
            body += stream.exactly(size)
            if len(body) > MOST_RESPONSE_BYTES:
                raise Unreadable("the response is too large")
            if stream.until(_END_OF_LINE):
                raise Unreadable("the response is cut into pieces that do not fit")
        while stream.until(_END_OF_LINE):
            pass
    except http.client.IncompleteRead:
        raise Unreadable("the response is cut off") from None
    return body


def _size_of_chunk(stream: _Stream) -> int:
    line = stream.until(_END_OF_LINE).partition(b";")[0].strip()
    if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", line):
        raise Unreadable("the response is cut into pieces that do not fit")
    return int(line, 16)
