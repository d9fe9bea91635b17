"""Requests out, responses in: bounded in size and time, without the key in either, and the one retry rule.

**The retry rule**, all of it: repeat what never arrived (the connection was never made); wait as told on
429; repeat a GET without a response; never repeat a POST without a response. `Transport._insist` is its only
implementation.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlencode

import requests
import urllib3
from requests.adapters import HTTPAdapter

from .connection import cause_of
from .key import Key, is_loopback
from .responses import number_of
from .timeouts import Timeouts

_ATTEMPTS = 4
_MOST_RESPONSE_BYTES = 4 << 20
_MOST_MESSAGE = 300


@dataclass(frozen=True)
class Response:
    """An HTTP response as plain data: it holds on to no request, and so to no key.

    Attributes
    ----------
    status : int
    headers : mapping
        Their names in lower case.
    fields : mapping
        The JSON object of the body; empty when it is none.
    broken : str
        Why the body could not be read; empty when it could.
    """

    status: int
    headers: Mapping[str, str]
    fields: Mapping[str, Any]
    broken: str = ""


@dataclass(frozen=True)
class NoResponse:
    """No response at all.

    Attributes
    ----------
    why : str
    sent : bool
        Whether any of the request went out.
    complete : bool
        Whether all of it may have arrived.
    do : str
        What helps; empty where nothing particular does.
    """

    why: str
    sent: bool = True
    complete: bool = True
    do: str = ""


class RequestBody:
    """The JSON body of a submit, which knows how much of it went out.

    Parameters
    ----------
    fields : mapping
    on_sent : callable, optional
        Called when all of it has gone out, once for each attempt.
    """

    def __init__(self, fields: Mapping[str, Any], on_sent: Callable[[], object] | None = None) -> None:
        self._content = json.dumps(dict(fields)).encode()
        self._on_sent = on_sent
        self.started = False  # headers alone are no request: until then nothing was requested
        self.finished = False  # a body that is not complete cannot be acted upon

    def __len__(self) -> int:
        return len(self._content)

    def __iter__(self) -> Iterator[bytes]:
        self.started, self.finished = True, False
        yield self._content[:-1]
        self.finished = True
        yield self._content[-1:]
        if self._on_sent:
            # The song is being made now: nothing that goes wrong here may look like a lost response.
            with contextlib.suppress(Exception):
                self._on_sent()


class Unreadable(Exception):
    """A body that is not read to its end: too large, too slow, cut, or compressed in an unknown way."""


_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_HEADERS: Mapping[str, str] = MappingProxyType(
    {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "minimax_nb"}
)
_NO_RETRIES = urllib3.Retry(False, redirect=False)


class _Route(NamedTuple):
    """How requests that cost nothing get to the service: what `requests` works out for each, worked out once."""

    pool: urllib3.HTTPConnectionPool
    prefix: str


class Transport:
    """Requests to one base URL, with one key.

    Parameters
    ----------
    base_url : str
    key : Key or None
        Sent to `base_url` only: no redirect is followed.
    timeouts : Timeouts
    """

    def __init__(self, base_url: str, key: Key | None, timeouts: Timeouts) -> None:
        self.base_url = base_url
        self._key = key
        self._timeouts = timeouts
        self._adapter = HTTPAdapter(pool_connections=2, pool_maxsize=16)
        self._timeout = urllib3.Timeout(connect=timeouts.connect, read=timeouts.response)
        self._route: _Route | None = None

    def get(
        self, path: str, query: Mapping[str, Any], *, patience: float = 0, headers: Mapping[str, str] = _NO_HEADERS
    ) -> Response | NoResponse:
        """Ask for something that costs nothing.

        Parameters
        ----------
        path : str
        query : mapping
        patience : float
            For how many seconds the request may be repeated; 0 makes one attempt.
        headers : mapping
            Sent along, such as ``If-None-Match``.
        """
        return self._repeatable("GET", f"{path}?{urlencode(query)}" if query else path, patience, headers)

    def delete(self, path: str, *, patience: float = 0) -> Response | NoResponse:
        """Remove something: to do it twice does no harm."""
        return self._repeatable("DELETE", path, patience)

    def _repeatable(
        self, method: str, target: str, patience: float, headers: Mapping[str, str] = _NO_HEADERS
    ) -> Response | NoResponse:
        def send() -> urllib3.BaseHTTPResponse:
            return self._send(method, target, headers)

        def attempt() -> Response | NoResponse:
            return self._exchange(send, self._timeouts.response)

        return self._insist(attempt, repeatable=True, patience=patience) if patience else attempt()

    def _send(self, method: str, target: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        """Send a request without a body; a poll costs half of what it does through `requests` itself."""
        route = self._route = self._route or _route(self._adapter, self.base_url)
        headers = {**_HEADERS, **headers}
        return route.pool.urlopen(
            method,
            route.prefix + target,
            headers=self._key.sign(headers) if self._key else headers,
            timeout=self._timeout,
            retries=_NO_RETRIES,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )

    def post(self, path: str, body: RequestBody, headers: Mapping[str, str]) -> Response | NoResponse:
        """Ask for something that is paid for."""
        request = requests.PreparedRequest()
        headers = {**_HEADERS, **headers, "Content-Type": "application/json"}
        auth = self._key or no_auth
        request.prepare("POST", self.base_url + path, headers=headers, data=body, auth=auth, hooks={})
        timeout = (self._timeouts.connect, self._timeouts.submit)

        def attempt() -> Response | NoResponse:
            body.started = body.finished = False
            # A kept connection may have been closed at the other end without our knowing, which would make a
            # harmless failure look like a lost response: the one request that costs money gets a fresh one.
            with contextlib.closing(HTTPAdapter()) as adapter:

                def send() -> urllib3.BaseHTTPResponse:
                    settings = environment_settings(self.base_url)
                    return adapter.send(request, stream=True, timeout=timeout, **settings).raw

                return self._exchange(send, self._timeouts.submit, body)

        return self._insist(attempt, repeatable=False, patience=self._timeouts.submit)

    def hide(self, text: str) -> str:
        """Take the key out of a text from the network: a service may echo what it was sent."""
        return self._key.hide(text) if self._key else text

    def _exchange(
        self, send: Callable[[], urllib3.BaseHTTPResponse], seconds: float, body: RequestBody | None = None
    ) -> Response | NoResponse:
        try:
            response = send()
        except KeyboardInterrupt:
            # The frames below hold the header with the key, and some tracebacks show the variables of each frame.
            raise KeyboardInterrupt from None
        except Exception as error:  # whatever a response breaks in the libraries that read it, there is none
            self._route = None  # a proxy may be set by the time of the next request
            cause = cause_of(error)
            sent = (True, True) if body is None else (body.started, body.finished)
            return NoResponse(cause.what, *sent, cause.do)
        headers = {self.hide(name).lower(): self.hide(value) for name, value in response.headers.itermerged()}
        if response.status == 304:  # not modified: there is nothing to read
            response.release_conn()
            return Response(304, headers, {})
        try:
            fields = parsed(read_body(response, seconds), self.hide)
        except KeyboardInterrupt:
            raise KeyboardInterrupt from None
        except Exception as error:
            response.close()
            return Response(response.status, headers, {}, broken=why(error))
        finally:
            response.release_conn()
        return Response(response.status, headers, fields)

    def _insist(
        self, attempt: Callable[[], Response | NoResponse], *, repeatable: bool, patience: float
    ) -> Response | NoResponse:
        """The retry rule."""
        deadline = time.monotonic() + patience
        for number in range(_ATTEMPTS):
            outcome = attempt()
            if isinstance(outcome, Response) and not (outcome.broken and repeatable):
                again = outcome.status == 429
                told = retry_after(outcome.headers)
                pause = 2.0 if told is None else told
            else:
                again = repeatable or (isinstance(outcome, NoResponse) and not outcome.sent)
                pause = 0.5 * 2**number
            if not again or number == _ATTEMPTS - 1 or time.monotonic() + pause > deadline:
                break
            time.sleep(min(pause, self._timeouts.longest_pause))
        return outcome


def environment_settings(url: str) -> Mapping[str, Any]:
    """Proxies and certificates for a URL, as the environment says; nothing stands between us and this computer."""
    with requests.Session() as session:
        settings: Mapping[str, Any] = session.merge_environment_settings(url, {}, None, None, None)
    found = {name: settings[name] for name in ("proxies", "verify", "cert")}
    return {**found, "proxies": {}} if is_loopback(url) else found


def _route(adapter: HTTPAdapter, base_url: str) -> _Route:
    """The connections to a base URL, and what a path is put behind; through the proxy that the environment says."""
    request, settings = requests.PreparedRequest(), environment_settings(base_url)
    request.prepare("GET", base_url, headers={}, auth=no_auth, hooks={})
    pool: Any = adapter.get_connection_with_tls_context(request, **settings)
    adapter.cert_verify(pool, request.url, settings["verify"], settings["cert"])  # type: ignore[no-untyped-call]
    return _Route(pool, adapter.request_url(request, settings["proxies"]).rstrip("/"))


def no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Stand in for an auth object, so that no netrc entry is looked up."""
    return request


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read ``Retry-After``, in seconds, at most an hour; None where it is absent or makes no sense."""
    text = headers.get("retry-after")
    if text is None:
        return None
    try:
        return min(float(urllib3.Retry().parse_retry_after(text)), 3600.0)
    except (urllib3.exceptions.InvalidHeader, ValueError, TypeError, OverflowError):
        return None


def bounded(text: str) -> str:
    """A text from the network as one line of bounded length, without characters that move a cursor."""
    if not text:
        return text
    text = " ".join("".join(each if each.isprintable() else " " for each in text[:10_000]).split())
    return text if len(text) <= _MOST_MESSAGE else text[: _MOST_MESSAGE - 1] + "…"


def parsed(body: bytes, hide: Callable[[str], str]) -> Mapping[str, Any]:
    """The JSON object of a body, cleaned of the key; empty where it is none."""
    try:
        value = cleaned(json.loads(body), hide)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def cleaned(value: Any, hide: Callable[[str], str]) -> Any:
    """The same JSON, every text in it cleaned of the key."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, list):
        return [cleaned(part, hide) for part in value]
    if isinstance(value, dict):
        return {hide(name): cleaned(part, hide) for name, part in value.items()}
    return value


def read_body(response: urllib3.BaseHTTPResponse, seconds: float) -> bytes:
    """The whole body, within bounds of size and time.

    Raises
    ------
    Unreadable
    """
    received, size, deadline = [], 0, time.monotonic() + seconds
    for block in blocks(response):
        size += len(block)
        if size > _MOST_RESPONSE_BYTES:
            raise Unreadable("the response is too large")
        if time.monotonic() > deadline:
            raise Unreadable("the response does not end")
        received.append(block)
    return b"".join(received)


def blocks(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """The body, decompressed, piece by piece as it arrives: gateways compress without being asked.

    Raises
    ------
    Unreadable
        When it is cut, or compressed in a way that is not known here.
    """
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    encodings = {part.strip() for part in encoding.split(",")} - {"identity", ""}
    if not encodings <= set(response.CONTENT_DECODERS):
        raise Unreadable(f"the response is compressed in a way that is not known here: {bounded(encoding)[:40]}")
    # A block that is small when compressed is of bounded size when it is not.
    size = 1 << 12 if encodings else 1 << 16
    announced = number_of(response.headers.get("Content-Length"))
    while block := _block(response, size):
        yield block
        if not encodings and response.tell() == announced:
            return
    if announced is not None and response.tell() != announced:
        raise Unreadable(f"{response.tell()} of {announced:.0f} bytes arrived")


def _block(response: urllib3.BaseHTTPResponse, size: int) -> bytes:
    """What has arrived: to wait until a block is full would let a trickle escape every deadline."""
    # urllib3 before 2.1 has no read1.
    read = getattr(response, "read1", response.read)
    try:
        return read(size, decode_content=True) or b""
    except Exception as error:  # urllib3's own errors come through unwrapped here
        raise Unreadable(f"the connection broke ({type(error).__name__})") from None


def why(error: Exception) -> str:
    """Say what broke, without the request that the library's own text may quote."""
    if isinstance(error, Unreadable):
        return str(error)
    return cause_of(error).what
