"""What takes files that the page sends in chunks, whatever it looks like there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import traitlets

from .chunks import Inbox, Received, done, megabytes, remove
from .component import Component, message_of


class Receiver(Component):
    """Takes one file at a time, in chunks that it checks.

    Parameters
    ----------
    on_file : callable
        Called with the `Received` file once it is whole, in the thread of the message; what it raises is
        shown. The file is deleted when the next one has been handed over, or this is closed, or the kernel
        ends: take what you need.
    lock : threading.RLock
        Held while a chunk is written, and never while somebody is told.
    **state : object
        Its traits.

    Attributes
    ----------
    problem : str
        Cleared when the next file begins.
    note : str
        A line about the file that came last.
    """

    note = traitlets.Unicode("").tag(sync=True)

    def __init__(self, on_file: Callable[[Received], object], lock: threading.RLock, **state: object) -> None:
        self._on_file = on_file
        # Messages may arrive in any thread: see ipykernel's subshells.
        self._lock = lock
        self._folder: TemporaryDirectory[str] | None = None
        self._inbox = Inbox(self._make_folder)
        self._last: Received | None = None
        self._began = 0.0
        self._id = ""
        super().__init__(**state)

    def close(self) -> None:
        """Take it out of the page and delete what it received."""
        # ipywidgets also closes what was never quite made.
        if hasattr(self, "_inbox"):
            self._delete_everything()
        super().close()

    def _delete_everything(self) -> None:
        with self._lock:
            self._inbox.drop()
            if self._folder:
                self._folder.cleanup()
                self._folder = None

    def _make_folder(self) -> Path:
        if self._folder is None:
            # Deletes itself when the kernel ends.
            self._folder = TemporaryDirectory(prefix="minimax_nb-", ignore_cleanup_errors=True)
        return Path(self._folder.name)

    def _receive(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        with self._lock:
            result = self._inbox.receive(message, buffers)
        if message.get("type") == "begin":
            self._began, self.note = time.monotonic(), ""
        if message.get("type") == "begin" or result.problem:
            self.problem = result.problem
        for reply in result.replies:
            self.send(reply)
        if result.file is not None:
            self._hand_over(result.file, str(message["id"]))

    def _hand_over(self, file: Received, id: str) -> None:
        """Give the file to its taker: that may take a while."""
        self._id = id
        self.note = f"{file.name} · {megabytes(file.size)} in {time.monotonic() - self._began:.1f} s"
        try:
            self._take(file)
        except Exception as error:
            self.problem, self.note = message_of(error), ""
        # Its page learns that it arrived, whatever its taker thought of it.
        self.send(done(id))
        with self._lock:
            last, self._last = self._last, file
        if last is not None:
            remove(last.path)

    def _take(self, file: Received) -> None:
        self._on_file(file)
