"""MPEG audio (mp3 and its elder layers), frame by frame: where the sound is, and how long it lasts. Decodes nothing.

The layout of frames is that of ISO/IEC 11172-3 and 13818-3, with the 2.5 extension; that of the Xing header is what
LAME writes.
"""

from __future__ import annotations

import functools
import itertools
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass

Buffer = bytes | mmap.mmap

# Bits 12 and 11 of a header, and 10 and 9.
_V25, _V2, _V1 = 0, 2, 3
_III, _II, _I = 1, 2, 3
_RATES = {_V1: (44100, 48000, 32000), _V2: (22050, 24000, 16000), _V25: (11025, 12000, 8000)}
_V1_KBITS = {
    _I: (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    _II: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    _III: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_V2_KBITS = {
    _I: (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    _II: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_V2_KBITS[_III] = _V2_KBITS[_II]

# A sync word, no reserved version or rate; a bit rate of 15 is none, one of 0 is free.
_SYNC = re.compile(rb"\xff[\xe2-\xe7\xf2-\xff][\x10-\xef]", re.DOTALL)
_FREE = re.compile(rb"\xff[\xe2-\xe7\xf2-\xff][\x00-\x0f]", re.DOTALL)
_MOST_FREE = 8192
_LONGEST_FRAME = 1441
_ENOUGH = 3
"""So many frames in a row are no accident."""

_STRIDE = 16 << 20
_TAG = re.compile(rb"TAG|ID3[\2-\4]|APETAGEX|LYRICSBEGIN")


@dataclass(frozen=True)
class Run:
    """Frames that follow each other without a gap, of one rate.

    Attributes
    ----------
    start, end : int
        In bytes.
    frames : int
    samples : int
        In each frame.
    rate : int
        In Hz.
    layer : int
        3 for mp3.
    """

    start: int
    end: int
    frames: int
    samples: int
    rate: int
    layer: int = 3

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.frames * self.samples / self.rate


@dataclass(frozen=True)
class Stream:
    """What is MPEG audio in a file.

    Attributes
    ----------
    runs : tuple of Run
        Without the frame that holds a Xing header.
    announced : float
        The length by the Xing header, in seconds; 0 without one.
    missing : float
        About how many seconds are damaged or missing between the first frame and the last.
    cut : bool
        Whether the last frame ends behind the end of the file.
    free : bool
        Whether it is of the free format, whose frames are as long as they like.
    header : Run or None
        The frame with the Xing header.
    counted : int
        The number of frames by that header.
    """

    runs: tuple[Run, ...]
    announced: float = 0.0
    missing: float = 0.0
    cut: bool = False
    free: bool = False
    header: Run | None = None
    counted: int = 0

    @property
    def seconds(self) -> float:
        """How long it lasts, as its frames say."""
        return sum(run.seconds for run in self.runs)


def find_frames(data: Buffer, start: int = 0) -> Stream | None:
    """Walk along the frames of MPEG audio, over whatever lies between them.

    Parameters
    ----------
    data : bytes or mmap
    start : int
        Where to begin, in bytes.

    Returns
    -------
    Stream or None
        None where there are no frames.
    """
    runs = list(_runs(data, start))
    if not runs:
        free = _free_run(data, start)
        return Stream((free,), free=True) if free else None
    header, counted, whole = _xing(data, runs[0])
    announced = (runs[0].frames if whole else counted) * runs[0].samples / runs[0].rate
    if header:
        first = runs[0]
        runs[0] = Run(header.end, first.end, first.frames - 1, first.samples, first.rate, first.layer)
    overlong = runs[-1].end > len(data)
    if overlong:
        runs[-1] = _without_last(data, runs[-1])
    gaps = sum(_damage(data, before, after) for before, after in itertools.pairwise(runs))
    kept = tuple(run for run in runs if run.frames)
    return Stream(kept, announced, gaps, overlong, header=header, counted=counted) if kept else None


def _runs(data: Buffer, at: int) -> Iterator[Run]:
    while found := _SYNC.search(data, at):
        run = _run(data, found.start())
        if run is None:
            at = found.start() + 1
        else:
            yield run
            at = run.end


def _run(data: Buffer, start: int) -> Run | None:
    """The frames from here on that have the rate of the first; its `end` may lie behind the end of the data."""
    version, layer, rate = data[start + 1] >> 3 & 3, data[start + 1] >> 1 & 3, data[start + 2] >> 2 & 3
    if version == 1 or layer == 0 or rate == 3:
        return None
    sizes, at, frames = _sizes(version, layer, rate), start, 0
    stride = start
    while at >= stride:
        _release(data)
        stride = at + _STRIDE
        while at < stride and (size := sizes.get(data[at : at + 3])):
            at += size
            frames += 1
    if frames < _ENOUGH and at < len(data):
        return None
    samples = 384 if layer == _I else 576 if layer == _III and version != _V1 else 1152
    return Run(start, at, frames, samples, _RATES[version][rate], 4 - layer) if frames >= 2 else None


@functools.cache
def _sizes(version: int, layer: int, rate: int) -> dict[bytes, int]:
    """How long a frame is, in bytes, by its first three."""
    kbits = (_V1_KBITS if version == _V1 else _V2_KBITS)[layer]
    slots = 72 if layer == _III and version != _V1 else 144
    sizes = {}
    for number, kbit in enumerate(kbits, 1):
        for spare in range(8):  # protection; padding and the private bit
            padding = spare >> 2
            bits = 1000 * kbit
            hertz = _RATES[version][rate]
            size = (12 * bits // hertz + padding) * 4 if layer == _I else slots * bits // hertz + padding
            second = 0xE0 | version << 3 | layer << 1 | (spare & 1)
            sizes[bytes((0xFF, second, number << 4 | rate << 2 | padding << 1 | (spare >> 1 & 1)))] = size
    return sizes


def _release(data: Buffer) -> None:
    """Give back the memory of what was walked over: what is mapped counts as used."""
    if isinstance(data, mmap.mmap) and hasattr(data, "madvise"):
        data.madvise(mmap.MADV_DONTNEED)


def _without_last(data: Buffer, run: Run) -> Run:
    """A run without its last frame, of which a part is missing."""
    head = data[run.start : run.start + 3]
    sizes, at = _sizes(head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 2 & 3), run.start
    while (after := at + sizes[data[at : at + 3]]) <= len(data):
        at = after
    return Run(run.start, at, run.frames - 1, run.samples, run.rate, run.layer)


def _xing(data: Buffer, run: Run) -> tuple[Run | None, int, bool]:
    """The frame with the Xing header, which holds no sound; the number of frames it counts; whether all are there."""
    head = data[run.start : run.start + 64]
    at = max(head.find(name) for name in (b"Xing", b"Info", b"VBRI"))
    if at < 0:
        return None, 0, False
    frame = Run(run.start, run.start + _size(head), 1, run.samples, run.rate, run.layer)
    vbri = head[at : at + 4] == b"VBRI"
    flags = 3 if vbri else head[at + 7]
    size, count = (at + 10, at + 14) if vbri else (at + 8 + 4 * (flags & 1), at + 8)
    there = run.end - run.start
    # Where it counts the bytes rightly, nothing is cut off, whatever number of frames it gives.
    whole = bool(flags & 2) and abs(_number(head, size) - there) < there // 50
    return frame, _number(head, count) if flags & 1 else 0, whole


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def _size(head: bytes) -> int:
    return _sizes(head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 2 & 3)[head[:3]]


def xing_header(data: Buffer, stream: Stream) -> bytes:
    """A frame that holds no sound and tells decoders how many frames follow.

    Parameters
    ----------
    data : bytes or mmap
    stream : Stream
        Of one rate.

    Returns
    -------
    bytes
    """
    head = data[stream.runs[0].start : stream.runs[0].start + 4]
    full, mono = head[1] >> 3 & 3 == _V1, head[3] >> 6 == 3
    # Without a checksum, and with the bit rate of the table in the middle, which leaves room.
    first = bytes((0xFF, head[1] | 1, 0x90 | head[2] & 0x0C, head[3]))
    side = (17 if mono else 32) if full else (9 if mono else 17)
    numbers = [3, sum(run.frames for run in stream.runs), sum(run.end - run.start for run in stream.runs)]
    content = first + bytes(side) + b"Xing" + b"".join(number.to_bytes(4, "big") for number in numbers)
    return content.ljust(_size(first), b"\0")


def _damage(data: Buffer, before: Run, after: Run) -> float:
    """About how many seconds a gap between frames has swallowed; a tag there has swallowed none."""
    size = before.end - before.start
    back = min(_LONGEST_FRAME, size)  # the last frame may be cut: a tag begins within it
    gap = data[before.end - back : after.start]
    tag = _TAG.search(gap)
    lost = (tag.start() if tag else len(gap)) - back
    return max(0, lost) * before.seconds / size


def _free_run(data: Buffer, start: int) -> Run | None:
    """Frames of the free format: the same header again and again, at one distance."""
    for found in _FREE.finditer(data, start, min(len(data), start + (1 << 20))):
        at = found.start()
        version, layer, rate = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3, data[at + 2] >> 2 & 3
        if version == 1 or layer != _III or rate == 3:
            continue
        size = data.find(data[at : at + 2], at + 24, at + _MOST_FREE) - at
        frames = _count_free(data, at, size) if size > 0 else 0
        if frames > _ENOUGH:
            return Run(at, len(data), frames, 1152 if version == _V1 else 576, _RATES[version][rate])
    return None


def _count_free(data: Buffer, at: int, size: int) -> int:
    head, frames = data[at : at + 2], 0
    while at < len(data):
        frames += 1
        after = data.find(head, at + size - 1, at + size + 3)
        if after < 0:
            break
        at = after
    return frames
