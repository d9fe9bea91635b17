"""Links that are up while their songs are being made. None outlives its song, its deadline or this process."""

from __future__ import annotations

import atexit
import os
import threading
from contextlib import ExitStack
from pathlib import Path

from .host import Host

MOST_SECONDS = 900.0
"""For a song that nobody waits for, and that is never heard of again."""

LEFT_SECONDS = 60.0
"""For a song that nobody waits for any more: it goes its way, and the service fetches its reference early."""


class SharedFile:
    """A file that a host shares now, from the moment it is made until `close`.

    Attributes
    ----------
    url : str
        The link.
    """

    def __init__(self, host: Host, file: Path) -> None:
        self._process = os.getpid()
        self._closing = threading.Lock()
        self._timer: threading.Timer | None = None
        self._stack = ExitStack()
        self.url = self._stack.enter_context(host.share(file))

    def keep_for(self, request_id: str) -> None:
        """Stay up until the song of this request is made, or for `MOST_SECONDS` at most."""
        _open[request_id] = self
        self.close_in(MOST_SECONDS)

    def close_in(self, seconds: float) -> None:
        """Close it after a while, in a thread of its own: a storage may take its time."""
        timer, before = threading.Timer(seconds, self.close), self._timer
        timer.daemon = True
        self._timer = timer
        if before is not None:
            before.cancel()
        timer.start()

    def close(self) -> None:
        """Take the link away; whoever comes second waits until it is. A fork leaves its parent's alone."""
        if self._process != os.getpid():
            return
        if self._timer is not None:
            self._timer.cancel()
        with self._closing:
            self._stack.close()
        for request_id in [name for name, shared in list(_open.items()) if shared is self]:
            _open.pop(request_id, None)


_open: dict[str, SharedFile] = {}


def end(request_id: str) -> None:
    """The song of this request is made, or never will be: its link goes now."""
    shared = _open.get(request_id)
    if shared is not None:
        shared.close_in(0)


def leave(request_id: str) -> None:
    """Nobody waits for the song any more: its link goes soon."""
    shared = _open.get(request_id)
    if shared is not None:
        shared.close_in(LEFT_SECONDS)


def _end_all() -> None:
    for shared in list(_open.values()):
        shared.close()


# What a storage needs to be reached is gone by the time of `atexit`: this is the moment before that.
getattr(threading, "_register_atexit", atexit.register)(_end_all)
