"""The file of a finished song, judged without decoding it where its own structure tells enough."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .kinds import Kind, NotAudio, identify
from .mpeg import Buffer
from .recording import read_info

_SPARED = 1.0
"""So many seconds fewer than a header announces are no loss: encoders and headers differ by a few frames."""


@dataclass(frozen=True)
class SongFile:
    """What the file of a finished song is.

    Attributes
    ----------
    format : str
        By content, such as ``"MP3"``; empty when it is not known.
    suffix : str
        The ending that belongs to it, such as ``".mp3"``; empty when it is not known.
    seconds : float or None
        How long it lasts; None when that cannot be judged here.
    complete : bool or None
        Whether all of it is there; None when that cannot be judged here.
    """

    format: str = ""
    suffix: str = ""
    seconds: float | None = None
    complete: bool | None = None


def check_song(path: Path) -> SongFile:
    """Judge the file of a finished song: what it is, how long it lasts, whether it is whole.

    An mp3 or a wav is not decoded for that: 1 MB takes less than 1 ms.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    SongFile
        With None in place of what cannot be judged.

    Raises
    ------
    NotAudio
        When it is surely something else, such as a web page, or audio of no length.
    OSError
        When it cannot be read.

    Examples
    --------
    >>> check_song(Path("song.part"))
    SongFile(format='MP3', suffix='.mp3', seconds=61.36, complete=True)
    """
    if not path.stat().st_size:
        raise NotAudio("empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            kind = identify(data)
        except NotAudio as error:
            if error.known:
                raise
            return SongFile()
        judge = _JUDGES.get(kind.demuxer)
        seconds, complete = judge(data, kind) if judge else _decoded(path)
    if seconds == 0:
        raise NotAudio("audio of no length")
    return SongFile(kind.name, kind.suffix, seconds, complete)


def _mp3(_data: Buffer, kind: Kind) -> tuple[float | None, bool | None]:
    stream = kind.stream
    if stream is None or stream.free:
        return None, None
    if stream.announced:
        return stream.seconds, stream.seconds + _SPARED >= stream.announced
    return stream.seconds, not stream.cut


def _wav(data: Buffer, kind: Kind) -> tuple[float | None, bool | None]:
    second, there, announced = 0, 0, 0
    for name, at, size in _chunks(data, kind.start + 12):
        if name == b"fmt ":
            second = int.from_bytes(data[at + 8 : at + 12], "little")
        if name == b"data":
            announced = size if 0 < size < 0x7FFFFFFF else 0  # else the size was not known when it was written
            there = min(size, len(data) - at) if announced else len(data) - at
            break
    return (there / second, not announced or there == announced) if second else (None, None)


def _chunks(data: Buffer, at: int) -> Iterator[tuple[bytes, int, int]]:
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], at + 8, size
        at += 8 + size + (size & 1)


def _decoded(path: Path) -> tuple[float | None, bool | None]:
    try:
        info = read_info(path)
        return info.duration, info.complete
    except NotAudio:
        return None, None


_JUDGES: dict[str, Callable[[Buffer, Kind], tuple[float | None, bool | None]]] = {"mp3": _mp3, "wav": _wav}
