"""Links that are up while their songs are being made. None outlives its songs, its deadline or this process."""

from __future__ import annotations

import atexit
import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from .host import Host

MOST_SECONDS = 900.0
"""For a song that never finishes."""

LEFT_SECONDS = 60.0
"""After the wait for a song has stopped: the service fetches its reference early."""


class SharedFile:
    """A file that a host shares now, for one song or for several requested with it.

    Attributes
    ----------
    url : str
        The link.
    """

    def __init__(self, host: Host, file: Path) -> None:
        self.url = ""
        self._key = host, file
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._until: dict[str, float] = {}
        self._timer: threading.Timer | None = None
        self._closed = False

    def add(self, request_id: str) -> bool:
        """Be up for one more song; False for a link that is gone."""
        with self._lock:
            if not (self.url or self._closed):
                host, file = self._key
                try:
                    self.url = self._stack.enter_context(host.share(file))
                finally:
                    if not self.url:
                        self._close()
            if not self._closed:
                self._until[request_id] = time.monotonic() + MOST_SECONDS
                self._schedule()
            return not self._closed

    def end(self, request_id: str, seconds: float = 0) -> None:
        """Be up for a song only for so long; the link goes with its last song."""
        with self._lock:
            if request_id in self._until and not self._closed:
                self._until[request_id] = min(self._until[request_id], time.monotonic() + seconds)
                self._schedule()

    def close(self) -> None:
        """Take the link away; whoever comes second waits until it is."""
        with self._lock:
            self._close()

    def _schedule(self) -> None:
        """Close it when its last song needs it no more, in a thread of its own: a storage may take its time."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(max(self._until.values()) - time.monotonic(), self._close_in_time)
        self._timer.daemon = True
        self._timer.start()

    def _close_in_time(self) -> None:
        with self._lock:
            if max(self._until.values()) <= time.monotonic():  # a song may have come since
                self._close()

    def _close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._process == os.getpid():  # a fork leaves its parent's link alone
            self._stack.close()
        if _shared.get(self._key) is self:
            del _shared[self._key]


_shared: dict[tuple[Host, Path], SharedFile] = {}


def share(host: Host, file: Path, request_id: str) -> SharedFile:
    """Share a file for a song; the same file is shared once, however many songs are requested with it.

    Raises
    ------
    MusicError
        When the host gives no link.
    """
    while True:
        shared = _shared.setdefault((host, file), SharedFile(host, file))
        if shared.add(request_id):
            return shared


def end(request_id: str) -> None:
    """The song of this request is made, or never will be: its link goes now."""
    for shared in list(_shared.values()):
        shared.end(request_id)


def leave(request_id: str) -> None:
    """The wait for the song has stopped: its link is closed soon."""
    for shared in list(_shared.values()):
        shared.end(request_id, LEFT_SECONDS)


def _close_all() -> None:
    for shared in list(_shared.values()):
        shared.close()


# What a storage needs to be reached is gone by the time of `atexit`: this is the moment before that.
getattr(threading, "_register_atexit", atexit.register)(_close_all)
