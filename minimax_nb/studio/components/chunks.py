"""A file that arrives in chunks: the kernel's side of an upload, which knows no widget.

The page sends, in this order, and the kernel answers::

    {"type": "hello"}                      a page was opened; nothing is under way in it
    {"type": "begin", id, name, size}      → ack
    {"type": "chunk", id, seq, n} + bytes  → ack; ``seq`` counts from 0, ``n`` is the number of bytes
    {"type": "end", id, crc}               → done, or stopped; ``crc`` is the CRC-32 of the whole file
    {"type": "ask", id}                    → where it stands, when the page has received nothing for a while
    {"type": "cancel", id}

    {"type": "ack", id, next}              chunk ``next`` is awaited; with ``again`` the page goes back to it
    {"type": "done", id}
    {"type": "stopped", id, why}           with ``again`` the page may begin once more by itself

Chunks are written in their order and never kept in memory. Whatever is not of this shape is left unanswered.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHUNK = 512 * 1024
"""Bytes of a chunk; Colab's connection breaks from about 1 MB on."""

LARGEST = 4 * 1024**3
"""The largest file that is taken, in bytes."""

_RESERVE = 64 * 1024**2
"""What is left free on the disk, in bytes."""

Message = Mapping[str, Any]
Reply = dict[str, Any]


@dataclass(frozen=True)
class Received:
    """A file that arrived whole.

    Attributes
    ----------
    path : pathlib.Path
        Where it lies: a temporary file, under a name of our own.
    name : str
        What it was called on the person's computer; for showing, never a path.
    size : int
        In bytes.
    """

    path: Path
    name: str
    size: int


@dataclass(frozen=True)
class Result:
    """What became of a message.

    Attributes
    ----------
    replies : tuple of dict
        What to answer the page.
    file : Received or None
        The file that is now whole. It is not `done` before its taker says so.
    problem : str
        Why an upload came to nothing, in words for the person.
    """

    replies: tuple[Reply, ...] = ()
    file: Received | None = None
    problem: str = ""


class UploadFailed(Exception):
    """An upload that cannot go on; the text says why, in words for the person."""


class Incoming:
    """One file on its way into the kernel.

    Parameters
    ----------
    id : str
    name : str
    size : int
        In bytes.
    folder : pathlib.Path
        Where the temporary file is made.
    """

    def __init__(self, id: str, name: str, size: int, folder: Path) -> None:
        self.id, self.name, self.size = id, name, size
        self.awaited = 0
        self._crc = 0
        self._gap_told = -1
        handle, path = tempfile.mkstemp(prefix="upload-", dir=folder)
        self.path = Path(path)
        # Unbuffered: a chunk is large, and what cannot be written is known at once.
        self._file = os.fdopen(handle, "wb", buffering=0)

    @property
    def chunks(self) -> int:
        """How many there are."""
        return -(-self.size // CHUNK)

    def ack(self, *, again: bool = False) -> Reply:
        """Say which chunk is awaited."""
        reply: Reply = {"type": "ack", "id": self.id, "next": self.awaited}
        return {**reply, "again": True} if again else reply

    def add(self, seq: int, n: int, data: memoryview) -> Reply | None:
        """Write a chunk when it is its turn.

        Returns
        -------
        dict or None
            The answer; None for what follows upon a gap that was already told.
        """
        if seq < self.awaited:
            return self.ack()
        if seq > self.awaited:
            told, self._gap_told = self._gap_told, self.awaited
            return None if told == self.awaited else self.ack(again=True)
        if seq >= self.chunks or not n == data.nbytes == min(CHUNK, self.size - seq * CHUNK):
            raise UploadFailed(_DAMAGED)
        self._write(data)
        self._crc = zlib.crc32(data, self._crc)
        self.awaited += 1
        return self.ack()

    def _write(self, data: memoryview) -> None:
        while data.nbytes:
            data = data[self._file.write(data) :]

    def finish(self, crc: int) -> Received | None:
        """Close the file; None when chunks are missing.

        Raises
        ------
        UploadFailed
            When it is not the file that was sent.
        """
        if self.awaited < self.chunks:
            return None
        self._file.close()
        if crc != self._crc:
            raise UploadFailed(_DAMAGED)
        return Received(self.path, self.name, self.size)

    def drop(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        remove(self.path)


_DAMAGED = "The file was damaged on its way here. Drop it once more."


class Inbox:
    """Takes one file at a time; a second one takes the place of the first.

    Parameters
    ----------
    folder : callable
        Gives the folder for temporary files; called when a file begins.
    largest : int
        The largest file that is taken, in bytes.
    """

    def __init__(self, folder: Callable[[], Path], largest: int = LARGEST) -> None:
        self.incoming: Incoming | None = None
        self._folder = folder
        self._largest = largest
        self._finished = ""

    def receive(self, message: Message, buffers: Sequence[Any] = ()) -> Result:
        """Act on a message of the page."""
        kind = message.get("type")
        if kind == "hello":
            return self._stop_for("The page was reloaded.", again=True)
        id = message.get("id")
        if not isinstance(id, str) or not re.fullmatch(r"[\w-]{1,64}", id, re.ASCII):
            return Result()
        try:
            if kind == "begin":
                return self._begin(id, message)
            if self.incoming is None or self.incoming.id != id:
                return self._answer_unknown(id, str(kind))
            return self._go_on(self.incoming, str(kind), message, buffers)
        except UploadFailed as error:
            return self._fail(id, str(error))
        except OSError as error:
            return self._fail(id, f"The file cannot be kept here: {error.strerror or error}.")

    def drop(self) -> None:
        """Forget the file under way."""
        if self.incoming:
            self.incoming.drop()
            self.incoming = None

    def _begin(self, id: str, message: Message) -> Result:
        if self.incoming and self.incoming.id == id:
            return Result((self.incoming.ack(again=True),))
        size, name = whole_number(message, "size"), shown_name(message.get("name"))
        if size is None:
            return Result()
        stopped = self._stop_for("Another file took its place.").replies
        folder = self._folder()
        self._check_room(size, folder)
        self.incoming = Incoming(id, name, size, folder)
        return Result((*stopped, self.incoming.ack()))

    def _check_room(self, size: int, folder: Path) -> None:
        if size == 0:
            raise UploadFailed("This file is empty. Pick another one.")
        if size > self._largest:
            raise UploadFailed(
                f"This file is too large: {megabytes(size)}, and the limit is {megabytes(self._largest)}."
            )
        if size + _RESERVE > shutil.disk_usage(folder).free:
            raise UploadFailed(f"There is no room for {megabytes(size)} on the kernel's disk. Pick a smaller file.")

    def _go_on(self, incoming: Incoming, kind: str, message: Message, buffers: Sequence[Any]) -> Result:
        if kind == "chunk":
            return self._chunk(incoming, message, buffers)
        if kind == "end":
            return self._end(incoming, message)
        if kind == "ask":
            return Result((incoming.ack(again=True),))
        if kind == "cancel":
            self.drop()
        return Result()

    def _chunk(self, incoming: Incoming, message: Message, buffers: Sequence[Any]) -> Result:
        seq, n = whole_number(message, "seq"), whole_number(message, "n")
        if seq is None or n is None or len(buffers) != 1:
            return Result()
        reply = incoming.add(seq, n, memoryview(buffers[0]).cast("B"))
        return Result((reply,) if reply else ())

    def _end(self, incoming: Incoming, message: Message) -> Result:
        crc = whole_number(message, "crc")
        file = incoming.finish(-1 if crc is None else crc)
        if file is None:
            return Result((incoming.ack(again=True),))
        self.incoming, self._finished = None, incoming.id
        return Result(file=file)

    def _answer_unknown(self, id: str, kind: str) -> Result:
        """Answer a page whose upload is not, or no longer, under way."""
        if kind == "cancel":
            return Result()
        if id == self._finished:
            return Result((done(id),))
        return Result((_stopped(id, "The upload was interrupted.", again=True),))

    def _stop_for(self, why: str, *, again: bool = False) -> Result:
        if self.incoming is None:
            return Result()
        id = self.incoming.id
        self.drop()
        return Result((_stopped(id, why, again=again),))

    def _fail(self, id: str, why: str) -> Result:
        self.drop()
        return Result((_stopped(id, why),), problem=why)


def done(id: str) -> Reply:
    """The answer that a file arrived and was taken."""
    return {"type": "done", "id": id}


def _stopped(id: str, why: str, *, again: bool = False) -> Reply:
    return {"type": "stopped", "id": id, "why": why, "again": again}


def whole_number(message: Message, name: str) -> int | None:
    """Read a count; None when it is none."""
    value = message.get(name)
    return value if type(value) is int and 0 <= value < 2**53 else None


def shown_name(value: object) -> str:
    """Make a name fit to be shown: no folders, no control characters, at most 120 characters."""
    text = value[:4096] if isinstance(value, str) else ""
    text = "".join(c for c in re.split(r"[/\\]", text)[-1] if c.isprintable()).strip()
    return text[:120] or "a file"


def megabytes(size: int) -> str:
    """A size as people say it."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def remove(path: Path) -> None:
    """Delete a file that may be gone or held open (on Windows); what stays goes with its folder."""
    with contextlib.suppress(OSError):
        path.unlink()
