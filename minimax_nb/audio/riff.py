"""Wav files, chunk by chunk: where the samples are, whatever the sizes in the headers say. Decodes nothing.

RIFF and its 64-bit forms RF64 and BW64 (EBU Tech 3306, ITU-R BS.2088).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .mpeg import Buffer

_STREAMED = 0x7FFF0000
"""From here on a size is none: programs that write into a pipe do not know it."""

_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9 _]{3}|id3 |\xa9...")
_EXTENSIBLE = 0xFFFE


class _Chunk(NamedTuple):
    name: bytes
    at: int
    size: int


@dataclass(frozen=True)
class Wave:
    """What is in a wav file.

    Attributes
    ----------
    format : bytes
        The content of its ``fmt`` chunk.
    ranges : tuple of (int, int)
        Where samples begin and end, in bytes.
    announced : int
        How many bytes of samples there should be; 0 when the file does not say.
    """

    format: bytes
    ranges: tuple[tuple[int, int], ...]
    announced: int

    @property
    def codec(self) -> int:
        """The format tag: 1 for whole numbers, 3 for floating point, 0x55 for mp3, ..."""
        tag = self._number(0, 2)
        return self._number(24, 26) if tag == _EXTENSIBLE else tag

    @property
    def channels(self) -> int:
        """How many channels there are."""
        return self._number(2, 4)

    @property
    def rate(self) -> int:
        """Samples a second."""
        return self._number(4, 8)

    @property
    def bytes_per_second(self) -> int:
        """What a second takes."""
        return self._number(8, 12)

    @property
    def speakers(self) -> int:
        """The channel mask; 0 when it says nothing."""
        return self._number(20, 24) if self._number(0, 2) == _EXTENSIBLE else 0

    @property
    def size(self) -> int:
        """How many bytes of samples there are."""
        return sum(end - start for start, end in self.ranges)

    def header(self) -> bytes:
        """A header that fits what is there."""
        sizes = [
            min(size, 0xFFFFFFFF).to_bytes(4, "little") for size in (self.size, self.size + len(self.format) + 20)
        ]
        layout = len(self.format).to_bytes(4, "little") + self.format
        return b"RIFF" + sizes[1] + b"WAVEfmt " + layout + b"data" + sizes[0]

    def _number(self, start: int, end: int) -> int:
        return int.from_bytes(self.format[start:end], "little")


def find_samples(data: Buffer, start: int = 0) -> Wave | None:
    """Walk along the chunks of a wav file.

    Parameters
    ----------
    data : bytes or mmap
    start : int
        Where ``RIFF`` stands, in bytes.

    Returns
    -------
    Wave or None
        None where it has no layout or no samples, and where its numbers are big-endian.
    """
    layout, ranges, announced, long_size = b"", [], 0, 0
    if data[start : start + 4] == b"RIFX":
        return None
    for chunk in _chunks(data, start + 12):
        if chunk.name == b"ds64":
            long_size = int.from_bytes(data[chunk.at + 8 : chunk.at + 16], "little")
        elif chunk.name == b"fmt " and not layout:
            # Up to 40 bytes are of use, and odd numbers of them confuse readers.
            layout = data[chunk.at : chunk.at + min(chunk.size + chunk.size % 2, 1024)]
        elif chunk.name == b"data":
            size = long_size if chunk.size == 0xFFFFFFFF and long_size else chunk.size
            announced += size if 0 < size < _STREAMED or long_size else 0
            ranges.append(_extent(data, chunk._replace(size=size)))
            if ranges[-1][1] == len(data):
                break
    return Wave(layout, tuple(ranges), announced) if len(layout) >= 16 and ranges else None


def _extent(data: Buffer, chunk: _Chunk) -> tuple[int, int]:
    """Where samples end: as announced, or with the file where that is not so or can hardly be meant."""
    end = chunk.at + chunk.size
    stale = len(data) - end > chunk.size // 4 and not _follows(data, end)
    return chunk.at, len(data) if stale else min(end, len(data))


def _follows(data: Buffer, at: int) -> bool:
    """Whether another chunk begins here, or a byte further on."""
    return any(
        _NAME.match(data[here : here + 4])
        and int.from_bytes(data[here + 4 : here + 8], "little") <= len(data) - here - 8
        for here in (at, at + 1)
    )


def _chunks(data: Buffer, at: int) -> Iterator[_Chunk]:
    before = _Chunk(b"", at, 0)
    while at + 8 <= len(data):
        chunk = _Chunk(data[at : at + 4], at + 8, int.from_bytes(data[at + 4 : at + 8], "little"))
        if not _NAME.match(chunk.name):
            # Lost, as the size before was wrong; behind samples there is nothing to search for.
            at = data.find(b"data", before.at) if before.name != b"data" else -1
            if at < 0:
                return
            continue
        yield chunk
        before = chunk
        after = chunk.at + chunk.size
        # An odd chunk is followed by a byte of padding, which some programs leave out.
        at = after + (chunk.size & 1 and not _NAME.match(data[after : after + 4])) if after < len(data) else chunk.at
