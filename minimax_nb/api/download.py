"""The audio of a finished song: fetched from wherever it lies, checked, and only then in the library."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests

from .. import audio
from ..errors import DownloadFailed, LibraryError, Spent
from ..library.storage import sweep, sync_folder
from . import transport as wire
from .addresses import is_loopback

MOST_DOWNLOAD_SECONDS = 900.0
"""When a download has surely ended."""

_MOST_AUDIO_BYTES = 500 << 20
_MOST_REDIRECTS = 5
_REDIRECTED = "redirected to "


def fetch_song(url: str, destination: Path, *, file_size: int | None, hide: Callable[[str], str]) -> float:
    """Fetch a finished song: streamed to a temporary file, checked, renamed.

    The key is not sent: the audio lies on another host.

    Parameters
    ----------
    url : str
    destination : pathlib.Path
        Appears only when the song is whole.
    file_size : int or None
        What the service says it should be, in bytes.
    hide : callable
        Takes the key out of a text.

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
        sweep(destination.parent)
        with partial.open("wb") as file:
            _stream(url, file.write, file_size, hide)
            file.flush()
            os.fsync(file.fileno())
        duration = length_of_song(partial)
        os.replace(partial, destination)
        sync_folder(destination.parent)
    except OSError as error:
        raise LibraryError(
            f"The song cannot be written to {destination.parent}: {error.strerror or error}. "
            f"It can be fetched for a while from {url}.",
            spent=Spent.YES,
            do="Make room or make the folder writable; then recover() fetches it. Do not ask for the song again.",
        ) from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return duration


def _stream(url: str, write: Callable[[bytes], object], file_size: int | None, hide: Callable[[str], str]) -> None:
    """Fetch one URL, through redirects; none of them may lead from the web to this very computer."""
    local = _is_local_link(url)
    http = _connections(local, os.getpid())
    for _ in range(_MOST_REDIRECTS):
        if _is_local_link(url) and not local:
            raise DownloadFailed("The service gave a link that leads to this very computer.")
        why = _fetch(http, url, write, file_size)
        if not why:
            return
        if not why.startswith(_REDIRECTED):
            raise DownloadFailed(f"The song is made, and its file could not be fetched: {why}.")
        url = _joined(url, hide(why.removeprefix(_REDIRECTED)))
    raise DownloadFailed("The service's link leads from one to the next without end.")


@functools.cache
def _connections(local: bool, process: int) -> requests.Session:
    """Connections to where audio lies, kept: a new one costs 24 ms of CPU. A fork has its own."""
    http = requests.Session()
    http.auth = wire.no_auth
    http.trust_env = not local
    http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return http


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise DownloadFailed("The service gave a link that leads nowhere.") from None


def _is_local_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
        local = is_loopback(url)
    except ValueError:
        raise DownloadFailed("The service gave a link that is none.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DownloadFailed(f"The service gave a link of a kind that is not fetched: {wire.bounded(url)[:40]!r}.")
    return local


def _fetch(http: requests.Session, url: str, write: Callable[[bytes], object], file_size: int | None) -> str:
    """Stream one URL; return nothing, or what went wrong in words, or where it redirects to."""
    deadline = time.monotonic() + MOST_DOWNLOAD_SECONDS
    try:
        response = http.get(
            url,
            stream=True,
            timeout=(wire.CONNECT_SECONDS, wire.ANSWER_SECONDS),
            headers={"Accept-Encoding": "identity"},
            allow_redirects=False,
        )
        with response:
            if response.is_redirect:
                return _REDIRECTED + response.headers["Location"]
            if response.status_code != 200:
                return f"HTTP {response.status_code}"
            size = 0
            for block in wire.blocks(response):
                size += len(block)
                if size > _MOST_AUDIO_BYTES or time.monotonic() > deadline:
                    return "it does not end"
                write(block)
    except (requests.RequestException, ValueError, wire.Unreadable) as error:
        return wire.why(error)
    return f"{size} of {file_size} bytes arrived" if file_size and size != file_size else ""


def length_of_song(path: Path) -> float:
    """Decode a finished song and measure it, in seconds.

    Raises
    ------
    DownloadFailed
        When it is cut off or no sound.
    """
    try:
        seconds, complete = audio.seconds_of(path)
    except audio.NotAudio:
        raise DownloadFailed("The downloaded file is not valid audio.") from None
    if not complete or seconds <= 0:
        raise DownloadFailed("The downloaded file is cut off.")
    return seconds
