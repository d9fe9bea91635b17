"""The audio of a finished song, fetched from wherever it is; knows no disk."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterator
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter

from ..errors import DownloadFailed
from . import transport
from .connection import cause_of
from .key import is_loopback
from .timeouts import Timeouts

MOST_AUDIO_BYTES = 500 << 20
_MOST_REDIRECTS = 5


def download(url: str, *, hide: Callable[[str], str], timeouts: Timeouts) -> Iterator[bytes]:
    """Yield the bytes of a finished song.

    The key is not sent: the audio is on another host.

    Parameters
    ----------
    url : str
    hide : callable
        Takes the key out of a text.
    timeouts : Timeouts

    Yields
    ------
    bytes
        As they arrive; the song is complete only when no error ended them.

    Raises
    ------
    DownloadFailed
    """
    deadline = time.monotonic() + timeouts.download
    size = 0
    try:
        with _open(url, hide, timeouts) as response:
            for block in transport.blocks(response.raw):
                size += len(block)
                if size > MOST_AUDIO_BYTES or time.monotonic() > deadline:
                    raise transport.Unreadable("it does not end")
                yield block
    except (requests.RequestException, OSError, ValueError, transport.Unreadable) as error:
        raise _failed(transport.why(error), cause_of(error).do) from None


def _open(url: str, hide: Callable[[str], str], timeouts: Timeouts) -> requests.Response:
    """Follow redirects to the audio; none of them may lead from the web to this computer."""
    local = _is_local(url)
    for _ in range(_MOST_REDIRECTS):
        if _is_local(url) and not local:
            raise DownloadFailed("The service gave a link to this computer.")
        response = _get(url, local, timeouts)
        if not response.is_redirect:
            if response.status_code != 200:
                response.close()
                raise _failed(f"HTTP {response.status_code}")
            return response
        response.close()
        url = _joined(url, hide(response.headers["Location"]))
    raise DownloadFailed("The service's link redirects without end.")


def _failed(why: str, do: str = "") -> DownloadFailed:
    what = f"The song is made, and its file could not be fetched: {why}."
    return DownloadFailed(what, do=f"{do} Then {DownloadFailed.do}" if do else None)


def _get(url: str, local: bool, timeouts: Timeouts) -> requests.Response:
    request = requests.PreparedRequest()
    request.prepare("GET", url, headers={"Accept-Encoding": "identity"}, auth=transport.no_auth, hooks={})
    settings = transport.environment_settings("http://localhost" if local else url)
    timeout = (timeouts.connect, timeouts.response)
    return _adapter(local, os.getpid()).send(request, stream=True, timeout=timeout, **settings)


@functools.cache
def _adapter(local: bool, process: int) -> HTTPAdapter:
    """Connections to where audio is, kept: a new one costs 24 ms of CPU. A fork has its own."""
    return HTTPAdapter(pool_connections=4, pool_maxsize=8)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location.encode("ascii").decode())
    except ValueError:
        raise DownloadFailed("The service gave a link that leads nowhere.") from None


def _is_local(url: str) -> bool:
    try:
        address = urlsplit(url)
        local = is_loopback(url)
    except ValueError:
        raise DownloadFailed("The service gave a link that is not valid.") from None
    if address.scheme not in ("http", "https") or not address.hostname:
        raise DownloadFailed(
            f"The service gave a link of a kind that is not fetched: {transport.bounded(url)[:40]!r}."
        )
    return local
