"""What goes over the wire and comes back: bodies streamed out, answers read with bounds, and no key in either."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from .responses import number_of

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
_MOST_ANSWER_BYTES = 4 << 20
_MOST_MESSAGE = 300


@dataclass(frozen=True)
class Answer:
    """An HTTP answer as plain data: it holds on to no request, and so to no key.

    `fields` is the JSON object of the body; empty when it is none.
    """

    status: int
    headers: Mapping[str, str]
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Silence:
    """No usable answer.

    `sent` tells whether any of the request went out, `whole` whether all of it may have arrived.
    """

    why: str
    sent: bool = True
    whole: bool = True


class JsonBody:
    """The JSON body of a submit, streamed with known length: a file inside it is never in memory whole.

    Parameters
    ----------
    fields : mapping
        Everything but the file.
    file_field : str
        The field that carries the file as a ``data:`` URI.
    file : pathlib.Path or None
        An mp3; None sends `fields` alone.
    on_sent : callable, optional
        Called when all of it has gone out, once for each attempt.
    """

    _BLOCK = 3 * (1 << 14)  # a multiple of 3, so that the base64 blocks join without padding between them

    def __init__(
        self,
        fields: Mapping[str, Any],
        file_field: str = "",
        file: Path | None = None,
        on_sent: Callable[[], object] | None = None,
    ) -> None:
        text = json.dumps(dict(fields))
        self._file = file
        self._on_sent = on_sent
        self._head, self._tail = text.encode(), b""
        if file is not None:
            self._head = f'{text[:-1]}, "{file_field}": "data:audio/mpeg;base64,'.encode()
            self._tail = b'"}'
        size = file.stat().st_size if file else 0
        self._length = len(self._head) + 4 * ((size + 2) // 3) + len(self._tail)
        self.started = False  # headers alone are no request: until then nothing was asked
        self.finished = False  # a body that is not whole cannot be acted upon

    @property
    def has_file(self) -> bool:
        """Whether a file travels inside."""
        return self._file is not None

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        self.started = True
        # The last block is held back until everything else went out: `finished` means all of it may be there.
        previous = self._head
        for block in self._rest():
            yield previous
            previous = block
        self.finished = True
        yield previous
        if self._on_sent:
            # The song is being asked for: nothing that goes wrong here may look like a lost answer.
            with contextlib.suppress(Exception):
                self._on_sent()

    def _rest(self) -> Iterator[bytes]:
        if self._file is not None:
            with self._file.open("rb") as file:
                for block in iter(lambda: file.read(self._BLOCK), b""):
                    yield base64.b64encode(block)
            yield self._tail


class Unreadable(Exception):
    """A body that is not read to its end: too large, too slow, or packed."""


def no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Stand in for an auth object, so that no netrc entry is looked up."""
    return request


def bounded(text: str) -> str:
    """A text from the network as one line of bounded length, without characters that move a cursor."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text[:10_000]).split())
    return text if len(text) <= _MOST_MESSAGE else text[: _MOST_MESSAGE - 1] + "…"


def parsed(body: bytes, hide: Callable[[str], str]) -> Mapping[str, Any]:
    """Read a body as a JSON object, every text in it cleaned of the key."""
    try:
        value = without(json.loads(body), hide)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def without(value: Any, hide: Callable[[str], str]) -> Any:
    """The same JSON or headers, every text in it cleaned of the key."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, list):
        return [without(part, hide) for part in value]
    if isinstance(value, Mapping):
        return {hide(name): without(part, hide) for name, part in value.items()}
    return value


def read_body(response: requests.Response, seconds: float) -> bytes:
    """Read a whole body, within bounds of size and time."""
    parts, size, deadline = [], 0, time.monotonic() + seconds
    for block in blocks(response):
        size += len(block)
        if size > _MOST_ANSWER_BYTES:
            raise Unreadable("the answer is too large")
        if time.monotonic() > deadline:
            raise Unreadable("the answer does not end")
        parts.append(block)
    return b"".join(parts)


def blocks(response: requests.Response) -> Iterator[bytes]:
    """The body as it comes over the wire; a packed one, which nobody asked for, is not unpacked."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Unreadable("the answer is packed")
    announced = number_of(response.headers.get("Content-Length"))
    size = 0
    while block := _block(response):
        size += len(block)
        yield block
    if announced is not None and size != announced:
        raise Unreadable(f"{size} of {announced:.0f} bytes arrived")


def _block(response: requests.Response) -> bytes:
    """What has arrived, at most 64 KB: to wait until a block is full would let a trickle escape every deadline."""
    # urllib3 before 2.1 has no read1.
    read = getattr(response.raw, "read1", response.raw.read)
    try:
        return read(1 << 16, decode_content=False) or b""
    except Exception as error:  # urllib3's own errors come through unwrapped here
        raise Unreadable(f"the connection broke ({type(error).__name__})") from None


def why(error: Exception) -> str:
    """Say what broke, without the request that the library's own text may quote."""
    if isinstance(error, Unreadable):
        return str(error)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "the secure connection was not accepted"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not let it through"
    return "the connection failed or was cut"
