"""A link is tried before money is spent: reachable from here, audio, and long enough. No key goes along."""

from __future__ import annotations

import io
import ipaddress
import re
import socket
import time
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import requests

from ..api import transport
from ..api.connection import cause_of
from ..api.key import is_loopback
from ..errors import InvalidReference

FORMATS = ("WAV", "MP3")

_MOST_BYTES = 12 << 20
"""As much of a file is read as shows that it is long enough, and no more than this."""

_MOST_SECONDS = 60.0
_MOST_REDIRECTS = 5
_SHARE = (
    "Open the link in a private browser window: it must play or download the track without signing in. "
    'In Google Drive, set Share to "Anyone with the link".'
)


def check_link(
    url: str, *, longer_than: float = 15.0, formats: tuple[str, ...] = FORMATS, local: bool = False
) -> None:
    """Fetch as much of a link as it takes to know that a service can use it.

    Parameters
    ----------
    url : str
        ``https``; with `local` also ``http`` on this very computer.
    longer_than : float
        The model's rule, in seconds.
    formats : tuple of str
        What the model takes, by content.
    local : bool
        Whether the service itself runs on this computer, and so may be sent there.

    Raises
    ------
    InvalidReference
        When it is not reachable from here, no such audio, or too short.
    """
    with _Connections(url) as http:
        _judge(_Fetched(http, url, local), longer_than, formats)


def answers(url: str) -> bool:
    """Whether a link of our own making answers."""
    try:
        with _Connections(url) as http:
            return http.head(url, timeout=10).status_code == 200
    except requests.RequestException:
        return False


class _Connections(requests.Session):
    """They say nothing about the person, no netrc entry and no cookie, and follow nowhere by themselves."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.auth = transport.no_auth
        self.trust_env = not is_loopback(url)
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class _Fetched:
    """The bytes of a link, through redirects, as far as they are read."""

    def __init__(self, http: requests.Session, url: str, local: bool) -> None:
        self._http, self._url, self._local = http, url, local
        self.content_type = ""

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(_MOST_REDIRECTS + 1):
            check_address(self._url, local=self._local)
            with self._answer() as answer:
                if not answer.is_redirect:
                    yield from self._body(answer)
                    return
                self._url = _joined(self._url, answer.headers["Location"])
        raise InvalidReference("The link leads from one address to the next without end.", do=_SHARE)

    def _answer(self) -> requests.Response:
        try:
            return self._http.get(self._url, stream=True, timeout=(10, 20))
        except (requests.RequestException, ValueError) as error:
            cause = cause_of(error)
            raise _unreachable(cause.what, cause.do) from None

    def _body(self, answer: requests.Response) -> Iterator[bytes]:
        if answer.status_code != 200:
            raise _unreachable(f"the server responds with HTTP {answer.status_code}")
        self.content_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if self.content_type == "text/html":
            raise InvalidReference("The link leads to a web page, not to an audio file.", do=_SHARE)
        deadline = time.monotonic() + _MOST_SECONDS
        try:
            for block in transport.blocks(answer.raw):
                if time.monotonic() > deadline:
                    raise _unreachable("it is too slow")
                yield block
        except transport.Unreadable as error:
            raise _unreachable(transport.why(error)) from None


def _unreachable(why: str, do: str = "") -> InvalidReference:
    return InvalidReference(f"The link cannot be fetched from here: {why}.", do=do or _SHARE)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise InvalidReference("The link redirects to an invalid address.", do=_SHARE) from None


def check_address(url: str, *, local: bool) -> None:
    """Refuse an address that a service on the web could not reach, or should not be sent to.

    Raises
    ------
    InvalidReference
    """
    try:
        split = urlsplit(url)
        host, on_this_computer = split.hostname or "", is_loopback(url)
        port = split.port or 443
    except ValueError:
        raise InvalidReference("The link is not a complete address.") from None
    if on_this_computer and local and split.scheme in ("http", "https"):
        return
    if on_this_computer or _is_private(host, port):
        raise InvalidReference(
            "The link points into your own network, where the service cannot reach it.",
            do="Give the file itself, or a link that works from anywhere.",
        )
    if split.scheme != "https" or not host or split.username or split.password:
        raise InvalidReference(
            "A link to a reference must begin with https:// and hold no password.",
            do="Give the file itself, or an https link that anyone can open.",
        )


_OWN_NAME = re.compile(r"[a-z][a-z0-9-]*|.*\.(?:local|internal|lan|home\.arpa)", re.IGNORECASE)
"""Names that only a network of one's own knows."""


def _is_private(host: str, port: int) -> bool:
    """Whether a name leads to a private address; behind a proxy only the proxy can tell."""
    if _OWN_NAME.fullmatch(host):
        return True
    if "https" in getproxies() and not proxy_bypass(host):
        return False
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return False  # fetching it says so
    return any(not ipaddress.ip_address(str(address).partition("%")[0]).is_global for address in found)


def _judge(blocks: _Fetched, longer_than: float, formats: tuple[str, ...]) -> None:
    data, enough = bytearray(), 1 << 20
    for block in blocks:
        data += block
        if len(data) >= enough:
            if _measure(data, longer_than)[1] > longer_than:
                break
            enough *= 2
        if len(data) >= _MOST_BYTES:
            break
    kind, seconds = _measure(data, longer_than)
    if kind not in formats:
        what = (
            f"leads to a {kind} file"
            if kind
            else f"is not audio that can be read here ({blocks.content_type or '?'})"
        )
        raise InvalidReference(f"The link {what}.", do=f"The model takes {' and '.join(formats).lower()}.")
    if seconds <= longer_than and len(data) < _MOST_BYTES:
        raise InvalidReference(
            f"The track behind the link is {seconds:.1f} s long, and the model needs more than {longer_than:g} s.",
            do="Pick a longer one.",
        )


def _measure(data: bytearray, longer_than: float) -> tuple[str, float]:
    """The format of the beginning of a file, and its length in seconds as far as it matters."""
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            while sound.tell() <= longer_than * sound.samplerate and len(sound.read(1 << 16, dtype="float32")):
                pass
            kind = "WAV" if sound.format in ("WAV", "WAVEX", "RF64") else sound.format
            return kind, sound.tell() / sound.samplerate
    except (soundfile.LibsndfileError, ValueError, ZeroDivisionError):
        return "", 0.0
