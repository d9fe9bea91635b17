"""Some parts of a file as a file of their own: without tags, junk, and headers that lie."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO


class View(io.RawIOBase):
    """Some parts of a file, one behind the other, as a file of their own.

    Parameters
    ----------
    source : path or bytes
    ranges : sequence of (int, int)
        Where each begins and ends, in bytes.
    head : bytes
        What stands before them.
    """

    def __init__(self, source: Path | bytes, ranges: Sequence[tuple[int, int]], head: bytes = b"") -> None:
        self._file: BinaryIO = source.open("rb") if isinstance(source, Path) else io.BytesIO(source)
        self._head, self._ranges, self._at = head, ranges, 0
        self.size = len(head) + sum(end - start for start, end in ranges)

    def readable(self) -> bool:  # noqa: D102
        return True

    def seekable(self) -> bool:  # noqa: D102
        return True

    def tell(self) -> int:  # noqa: D102
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:  # noqa: D102
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read from one part at a time."""
        left, at = memoryview(buffer).cast("B"), self._at
        if at < len(self._head):
            found = self._head[at : at + len(left)]
            left[: len(found)] = found
            self._at += len(found)
            return len(found)
        at -= len(self._head)
        for start, end in self._ranges:
            if at < end - start:
                self._file.seek(start + at)
                count = self._file.readinto(left[: end - start - at])  # type: ignore[attr-defined]
                self._at += count
                return int(count)
            at -= end - start
        return 0

    def close(self) -> None:  # noqa: D102
        self._file.close()
        super().close()
