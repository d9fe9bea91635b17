"""HTTP and nothing else: submit, retrieve, download, logs, balance and price of the AI/ML API.

**The retry rule**, all of it: repeat what never arrived (the connection was never made); wait as told on
429; repeat an unanswered GET; never repeat an unanswered POST. `_Persistence` is its only implementation.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from . import audio
from .answers import (
    LOGS_SPAN,
    LogEntry,
    Look,
    fixed_price,
    header_of,
    is_id,
    number_of,
    read_log_entry,
    read_look,
    retry_after,
    timestamp,
)
from .errors import (
    DownloadFailed,
    LibraryError,
    NoCredits,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    ServiceError,
    Spent,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from .keys import Key
from .library import sync_folder
from .urls import checked_base_url, is_loopback

SUBMIT_SECONDS = 180.0
"""How long a submit may wait for its answer; the provider's own example took 4.5 to 7 s."""

MOST_SUBMIT_SECONDS = 3 * SUBMIT_SECONDS
"""When a submit has surely ended: waiting as told, sending, and waiting for the answer."""

MOST_DOWNLOAD_SECONDS = 900.0
"""When a download has surely ended."""

_CLOCKS_DIFFER = timedelta(hours=1)

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 30.0
_MOST_ANSWER_BYTES = 4 << 20
_MOST_AUDIO_BYTES = 500 << 20
_MOST_MESSAGE = 300
_MOST_LOG_ROWS = 50_000
_MOST_REDIRECTS = 5
_REDIRECTED = "redirected to "

_CLASSES: Mapping[int, type[ServiceError]] = {
    400: Refused,
    401: Unauthorized,
    403: NoCredits,
    404: NotFound,
    429: RateLimited,
}


@dataclass(frozen=True)
class _Answer:
    """An HTTP answer as plain data: it holds on to no request, and so to no key.

    `fields` is the JSON object of the body; empty when it is none.
    """

    status: int
    headers: Mapping[str, str]
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class _Silence:
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
    """

    _BLOCK = 3 * (1 << 14)  # a multiple of 3, so that the base64 blocks join without padding between them

    def __init__(self, fields: Mapping[str, Any], file_field: str = "", file: Path | None = None) -> None:
        text = json.dumps(dict(fields))
        self._file = file
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

    def _rest(self) -> Iterator[bytes]:
        if self._file is not None:
            with self._file.open("rb") as file:
                for block in iter(lambda: file.read(self._BLOCK), b""):
                    yield base64.b64encode(block)
            yield self._tail


class _Persistence:
    """The retry rule: decides after each attempt whether there is another one, and sleeps before it."""

    attempts = 4

    def __init__(self, *, repeatable: bool, patience: float) -> None:
        self._repeatable = repeatable
        self._deadline = time.monotonic() + patience
        self._left = self.attempts

    def again(self, outcome: _Answer | _Silence) -> bool:
        """Whether to try once more; returns after the pause that belongs to it."""
        self._left -= 1
        if isinstance(outcome, _Silence):
            worth_it = self._repeatable or not outcome.sent
            pause = 0.5 * 2 ** (self.attempts - 1 - self._left)
        else:
            worth_it = outcome.status == 429
            told = retry_after(outcome.headers)
            pause = 2.0 if told is None else told
        if not worth_it or not self._left or time.monotonic() + pause > self._deadline:
            return False
        time.sleep(pause)
        return True


class Client:
    """The calls of the AI/ML API at one base URL, with one key.

    Parameters
    ----------
    base_url : str
        https, or http on loopback.
    key : Key or None
        Sent to `base_url` only.

    Raises
    ------
    InvalidInput
        When `base_url` is not one.
    """

    def __init__(self, base_url: str, key: Key | None) -> None:
        self.base_url = checked_base_url(base_url)
        self.key = key
        self._local = is_loopback(self.base_url)
        self._http = self._connections()

    def _connections(self) -> requests.Session:
        http = requests.Session()
        http.auth = self.key or _no_auth
        http.headers.update({"Accept": "application/json", "Accept-Encoding": "identity"})
        # A proxy from the environment would capture calls to this very machine.
        http.trust_env = not self._local
        adapter = requests.adapters.HTTPAdapter(pool_connections=4, pool_maxsize=16)
        http.mount("http://", adapter)
        http.mount("https://", adapter)
        return http

    def submit(self, body: JsonBody, request_id: str) -> Look:
        """Step 1: ask for a song. Credits are spent here, and only here.

        Parameters
        ----------
        body : JsonBody
        request_id : str
            Sent as ``X-Client-Request-Id``, by which a lost answer is found again in the logs.

        Raises
        ------
        ServiceError
            The service said no; nothing was charged.
        Unreachable
            The request never arrived.
        OutcomeUnknown
            It may have arrived, and no usable answer came back.
        """
        # A kept connection may have been closed at the other end without our knowing, which would make a
        # harmless failure look like a lost answer: the one call that costs money gets a fresh one.
        with self._connections() as http:

            def attempt() -> _Answer | _Silence:
                headers = {"Content-Type": "application/json", "X-Client-Request-Id": request_id}
                return self._exchange(
                    http, "POST", "/v2/generate/audio", body=body, headers=headers, seconds=SUBMIT_SECONDS
                )

            outcome = self._insist(attempt, repeatable=False, patience=SUBMIT_SECONDS)
        if isinstance(outcome, _Silence):
            if outcome.whole:
                raise OutcomeUnknown(f"The answer got lost ({outcome.why}).", song_id=request_id)
            raise Unreachable(f"{self._host} cannot be reached ({outcome.why}).")
        if 400 <= outcome.status < 500:
            raise self._refusal(outcome)
        fields = outcome.fields
        if outcome.status >= 300 or not is_id(fields.get("id")):
            raise OutcomeUnknown(
                f"The service gave no usable answer (HTTP {outcome.status}: {self._message(outcome)}).",
                song_id=request_id,
            )
        return self._look(outcome, fields["id"])

    def retrieve(self, generation_id: str, *, patience: float = 0) -> Look:
        """Step 2: one free look.

        Parameters
        ----------
        generation_id : str
        patience : float
            For how many seconds the look may be repeated; 0 makes one attempt.

        Raises
        ------
        ServiceError, Unreachable
            With ``.retry_after`` where the service says so.
        """
        answer = self._get("/v2/generate/audio", {"generation_id": generation_id}, patience=patience)
        return self._look(answer, generation_id)

    def logs(self, start: datetime, end: datetime) -> Iterator[LogEntry]:
        """Read the usage logs of this key, newest first, page by page.

        Parameters
        ----------
        start, end : datetime.datetime
            Widened by an hour at both ends, as clocks differ, and cut to the 92 days the service takes.

        Raises
        ------
        ServiceError, Unreachable
        """
        end = end + _CLOCKS_DIFFER
        start = max(start - _CLOCKS_DIFFER, end - LOGS_SPAN)
        for offset in range(0, _MOST_LOG_ROWS, 100):
            query = {"start": timestamp(start), "end": timestamp(end), "limit": 100, "offset": offset}
            fields = self._get("/v2/logs", query, patience=20).fields
            rows = fields.get("data")
            rows = rows if isinstance(rows, list) else []
            yield from (entry for row in rows if (entry := read_log_entry(row)))
            pages = fields.get("pagination")
            if not rows or not isinstance(pages, dict) or pages.get("has_more") is not True:
                return

    def balance(self) -> float | None:
        """The money left on this key, in US dollars; None where the service does not say.

        Raises
        ------
        ServiceError, Unreachable
        """
        return number_of(self._get("/v2/billing", {}, patience=10).fields.get("current_balance"))

    def price(self, model: str) -> float | None:
        """The price of one song, in US dollars; None where it is not a fixed one.

        Raises
        ------
        ServiceError, Unreachable
        """
        answer = self._get("/v1/models", {"id": model, "include": "pricing"}, patience=10)
        return fixed_price(answer.fields.get("data"), model)

    def download(self, url: str, destination: Path, *, file_size: int | None = None) -> float:
        """Fetch a finished song: streamed to a temporary file, checked, renamed.

        The key is not sent: the audio lies on another host.

        Parameters
        ----------
        url : str
        destination : pathlib.Path
            Appears only when the song is whole.
        file_size : int or None
            What the service says it should be, in bytes.

        Returns
        -------
        float
            The length of the song, in seconds.

        Raises
        ------
        DownloadFailed
            When it does not arrive whole or is no sound.
        LibraryError
            When it cannot be written.
        """
        partial = destination.with_name(f".{destination.stem}-{os.getpid()}-{os.urandom(4).hex()}.part")
        try:
            destination.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                _stream(url, file.write, file_size)
                file.flush()
                os.fsync(file.fileno())
            duration = _length_of_song(partial)
            os.replace(partial, destination)
            sync_folder(destination.parent)
        except OSError as error:
            raise LibraryError(
                f"The song cannot be written to {destination.parent}: {error.strerror or error}. "
                f"It can be fetched for a while from {url}.",
                spent=Spent.YES,
            ) from None
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
        return duration

    def _get(self, path: str, query: Mapping[str, Any], *, patience: float) -> _Answer:
        def attempt() -> _Answer | _Silence:
            return self._exchange(self._http, "GET", path, query=query, seconds=_ANSWER_SECONDS)

        outcome = self._insist(attempt, repeatable=True, patience=patience) if patience else attempt()
        if isinstance(outcome, _Silence):
            raise Unreachable(f"No answer from {self._host} ({outcome.why}).")
        if outcome.status != 200 or not outcome.fields:
            raise self._refusal(outcome)
        return outcome

    @staticmethod
    def _insist(
        attempt: Callable[[], _Answer | _Silence], *, repeatable: bool, patience: float
    ) -> _Answer | _Silence:
        persistence = _Persistence(repeatable=repeatable, patience=patience)
        outcome = attempt()
        while persistence.again(outcome):
            outcome = attempt()
        return outcome

    def _exchange(
        self,
        http: requests.Session,
        method: str,
        path: str,
        *,
        seconds: float,
        query: Mapping[str, Any] | None = None,
        body: JsonBody | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Answer | _Silence:
        """One request, one outcome. No redirect is followed: the key stays with this host."""
        if body is not None:
            body.started = body.finished = False
        try:
            response = http.request(
                method,
                self.base_url + path,
                params=query,
                data=body,
                headers=headers,
                timeout=(_CONNECT_SECONDS, seconds),
                allow_redirects=False,
                stream=True,
            )
            with response:
                fields = _parsed(_read(response, seconds), self._hide)
                return _Answer(response.status_code, _without(response.headers, self._hide), fields)
        except (requests.RequestException, OSError, _Unreadable) as error:
            return _Silence(_why(error)) if body is None else _Silence(_why(error), body.started, body.finished)

    @property
    def _host(self) -> str:
        return urlsplit(self.base_url).netloc

    def _look(self, answer: _Answer, generation_id: str) -> Look:
        fields = answer.fields
        look = read_look(fields, generation_id)
        cost = number_of(header_of(answer.headers, "x-aimlapi-usd-spent"))
        return replace(look, cost_usd=cost, error=_bounded(look.error), surprise=_bounded(look.surprise))

    def _refusal(self, answer: _Answer) -> ServiceError:
        error_class = _CLASSES.get(answer.status, Refused if 400 <= answer.status < 500 else Unavailable)
        error = error_class(
            f"The service says no (HTTP {answer.status}): {self._message(answer)}",
            retry_after=retry_after(answer.headers),
        )
        error.http_status = answer.status
        return error

    def _message(self, answer: _Answer) -> str:
        message = answer.fields.get("message")
        if isinstance(message, list):
            message = "; ".join(str(part) for part in message[:5])
        return _bounded(message if isinstance(message, str) else "no explanation.")

    def _hide(self, text: str) -> str:
        """Take the key out of a text from the network: a service may echo what it was sent."""
        return self.key.hide(text) if self.key else text


class _Unreadable(Exception):
    """A body that is not read to its end: too large, too slow, or packed."""


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Stand in for an auth object, so that no netrc entry is looked up."""
    return request


def _bounded(text: str) -> str:
    """A text from the network as one line of bounded length, without characters that move a cursor."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text[:10_000]).split())
    return text if len(text) <= _MOST_MESSAGE else text[: _MOST_MESSAGE - 1] + "…"


def _parsed(body: bytes, hide: Callable[[str], str]) -> Mapping[str, Any]:
    try:
        parsed = _without(json.loads(body), hide)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _without(value: Any, hide: Callable[[str], str]) -> Any:
    """The same JSON or headers, every text in it cleaned of the key."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, list):
        return [_without(part, hide) for part in value]
    if isinstance(value, Mapping):
        return {hide(name): _without(part, hide) for name, part in value.items()}
    return value


def _read(response: requests.Response, seconds: float) -> bytes:
    blocks, size, deadline = [], 0, time.monotonic() + seconds
    for block in _blocks(response):
        size += len(block)
        if size > _MOST_ANSWER_BYTES:
            raise _Unreadable("the answer is too large")
        if time.monotonic() > deadline:
            raise _Unreadable("the answer does not end")
        blocks.append(block)
    return b"".join(blocks)


def _blocks(response: requests.Response) -> Iterator[bytes]:
    """The body as it comes over the wire; a packed one, which nobody asked for, is not unpacked."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise _Unreadable("the answer is packed")
    announced = response.headers.get("Content-Length", "")
    size = 0
    try:
        for block in response.raw.stream(1 << 16, decode_content=False):
            size += len(block)
            yield block
    except Exception as error:  # urllib3's own errors come through unwrapped here
        raise _Unreadable(f"the connection broke ({type(error).__name__})") from None
    if announced.isdigit() and size != int(announced):
        raise _Unreadable(f"{size} of {announced} bytes arrived")


def _stream(url: str, write: Callable[[bytes], object], file_size: int | None) -> None:
    """Fetch one URL, through redirects; none of them may lead from the web to this very computer."""
    local = _is_local_link(url)
    http = _file_connections(local, os.getpid())
    for _ in range(_MOST_REDIRECTS):
        if _is_local_link(url) and not local:
            raise DownloadFailed("The service gave a link that leads to this very computer.")
        why = _fetch(http, url, write, file_size)
        if not why:
            return
        if not why.startswith(_REDIRECTED):
            raise DownloadFailed(f"The song is made, and its file could not be fetched: {why}.")
        url = urljoin(url, why.removeprefix(_REDIRECTED))
    raise DownloadFailed("The service's link leads from one to the next without end.")


@functools.cache
def _file_connections(local: bool, process: int) -> requests.Session:
    """Connections to where audio lies, kept: a new one costs 24 ms of CPU. A fork has its own."""
    http = requests.Session()
    http.auth = _no_auth
    http.trust_env = not local
    http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return http


def _is_local_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
        local = is_loopback(url)
    except ValueError:
        raise DownloadFailed("The service gave a link that is none.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DownloadFailed(f"The service gave a link of a kind that is not fetched: {_bounded(url)[:40]!r}.")
    return local


def _fetch(http: requests.Session, url: str, write: Callable[[bytes], object], file_size: int | None) -> str:
    """Stream one URL; return nothing, or what went wrong in words, or where it redirects to."""
    deadline = time.monotonic() + MOST_DOWNLOAD_SECONDS
    try:
        response = http.get(
            url,
            stream=True,
            timeout=(_CONNECT_SECONDS, _ANSWER_SECONDS),
            headers={"Accept-Encoding": "identity"},
            allow_redirects=False,
        )
        with response:
            if response.is_redirect:
                return _REDIRECTED + response.headers["Location"]
            if response.status_code != 200:
                return f"HTTP {response.status_code}"
            size = 0
            for block in _blocks(response):
                size += len(block)
                if size > _MOST_AUDIO_BYTES or time.monotonic() > deadline:
                    return "it does not end"
                write(block)
    except (requests.RequestException, _Unreadable) as error:
        return _why(error)
    return f"{size} of {file_size} bytes arrived" if file_size and size != file_size else ""


def _length_of_song(path: Path) -> float:
    try:
        seconds, complete = audio.seconds_of(path)
    except audio.NotSound:
        raise DownloadFailed("What the service sent is no sound.") from None
    if not complete or seconds <= 0:
        raise DownloadFailed("What the service sent is cut off.")
    return seconds


def _why(error: Exception) -> str:
    """Say what broke, without the request that the library's own text may quote."""
    if isinstance(error, _Unreadable):
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
