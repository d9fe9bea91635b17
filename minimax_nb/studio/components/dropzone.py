"""A place to drop a file, of any size, on every front end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import traitlets

from .chunks import Received
from .component import read
from .receiver import Receiver

PATIENCE = 600.0
"""How long a page may take to decode a file and to send it, in seconds."""


class DropZone(Receiver):
    """A drop zone: a file dropped, or chosen with mouse or keyboard, comes in chunks and is checked.

    Parameters
    ----------
    on_file : callable
        Called with the `Received` file; see `Receiver`.
    lock : threading.RLock
        Held while a chunk is written.
    accept : str
        File name endings, such as ``".wav,.mp3"``.
    hint : str
        The quiet line under the invitation.

    Attributes
    ----------
    drawn : bool
        Whether a page has drawn it, and what stands around it.
    """

    _esm = read("shared.js", "wav.js", "upload.js", "dropzone.js")

    accept = traitlets.Unicode("").tag(sync=True)
    hint = traitlets.Unicode("").tag(sync=True)
    drawn = traitlets.Bool(False)

    def __init__(
        self,
        on_file: Callable[[Received], object],
        lock: threading.RLock,
        *,
        accept: str = ".wav,.mp3",
        hint: str = "",
    ) -> None:
        self._decoded: Future[Received] | None = None
        super().__init__(on_file, lock, accept=accept, hint=hint)

    def forget(self) -> None:
        """Say no more of the file that came last."""
        if self.problem or self.note:
            self.problem = self.note = ""
        self.send({"type": "forget"})

    def decode(self) -> Path:
        """Have the page decode the file that it sent last; wait for it in a worker thread.

        Returns
        -------
        pathlib.Path
            The same sound as wav; move it away at once.

        Raises
        ------
        ValueError
            When the page cannot, in words for the person.
        """
        with self._lock:
            decoded = self._decoded = Future()
        self.send({"type": "decode", "id": self._id})
        try:
            return decoded.result(PATIENCE).path
        except TimeoutError:
            raise ValueError("The page has not decoded it in time.") from None

    def _receive(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        kind = message.get("type")
        if kind == "undecoded":
            self._give_up(str(message.get("why"))[:300])
        elif kind == "drawn":
            self.drawn = True
        elif kind in ("hello", "cancel") or (kind == "begin" and not message.get("decoded")):
            self._give_up("The page does not decode it any more.")
        super()._receive(message, buffers)
        if self.problem:
            self._give_up(self.problem)

    def _take(self, file: Received) -> None:
        decoded = self._awaited()
        if decoded is None:
            super()._take(file)
        else:
            self.note += " · decoded by this page"
            decoded.set_result(file)

    def _give_up(self, why: str) -> None:
        decoded = self._awaited()
        if decoded is not None:
            decoded.set_exception(ValueError(why))

    def _awaited(self) -> Future[Received] | None:
        """What somebody waits for; nobody does afterwards."""
        with self._lock:
            decoded, self._decoded = self._decoded, None
        return decoded
