"""The reference track: read, checked, cut to an excerpt, handed over as a link or as a file to send."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO
from urllib.parse import unquote_to_bytes, urlsplit

from . import audio
from .errors import InvalidReference, LibraryError

EXCERPT_SECONDS = 60.0
_SILENCE = 10 ** (-60 / 20)
"""Below −60 dBFS in its loudest moment a track counts as silent."""

_EXPORT = "Export it as mp3 or wav, in the program it comes from or with VLC or Audacity."

# What people have instead of wav and mp3, by the first bytes.
_FOREIGN: Mapping[str, Callable[[bytes], bool]] = MappingProxyType(
    {
        "an m4a or mp4 file": lambda head: head[4:8] == b"ftyp",
        "an aac file": lambda head: head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xF6 == 0xF0,
        "a wma file": lambda head: head.startswith(b"\x30\x26\xb2\x75"),
        "a webm or mkv file": lambda head: head.startswith(b"\x1a\x45\xdf\xa3"),
        "an amr file": lambda head: head.startswith(b"#!AMR"),
        "a midi file": lambda head: head.startswith(b"MThd"),
        "a zip archive": lambda head: head.startswith(b"PK\x03\x04"),
        "a pdf": lambda head: head.startswith(b"%PDF"),
        "a web page": lambda head: head.lstrip()[:5].lower() in (b"<!doc", b"<html"),
    }
)


@dataclass(frozen=True)
class Reference:
    """A reference that is ready to be handed over.

    Attributes
    ----------
    description : str
        A few words for the person: the name, and which part of it.
    uri : str
        The link, passed on untouched; empty for a file.
    path : pathlib.Path or None
        The checked mp3 in the library; None for a link.
    info : AudioInfo or None
        What was measured in the whole of the file that was given; None for a link.
    start, seconds : float
        Where in that file the mp3 begins and how long it is, in seconds.
    """

    description: str
    uri: str = ""
    path: Path | None = None
    info: audio.AudioInfo | None = field(default=None, compare=False, repr=False)
    start: float = 0.0
    seconds: float = 0.0

    def data_uri(self) -> str:
        """The mp3 itself as a link, for a request that carries it.

        Raises
        ------
        InvalidReference
            When it cannot be read, or there is none.
        """
        if self.path is None:
            raise InvalidReference("This reference is a link.")
        with _open(self.path) as file:
            return f"data:audio/mpeg;base64,{base64.b64encode(file.read()).decode()}"


def prepare(
    source: str | os.PathLike[str] | bytes | Reference,
    folder: Path,
    *,
    longer_than: float = 15.0,
    name: str = "bytes",
    start: float | None = None,
    seconds: float = EXCERPT_SECONDS,
) -> Reference:
    """Check a reference and, unless it is a link, put it into the library as mp3.

    Parameters
    ----------
    source : path, bytes, or str
        A wav or mp3 file, the bytes of one, a ``data:`` URI of one, or an ``http(s)`` URL, which is passed
        on without being opened; or what this function gave before.
    folder : pathlib.Path
        Where the mp3 goes, as ``<sha256>.mp3``. A file that already lies there is handed over as it is.
    longer_than : float
        The model's rule, in seconds.
    name : str
        What to call bytes, and a file whose own name says nothing.
    start : float, optional
        Where the excerpt begins, in seconds; else where the track is liveliest.
    seconds : float
        How long the excerpt is, at most.

    Raises
    ------
    InvalidReference
        When it is missing, empty, not wav or mp3 by content, cut off, too short or silent.
    LibraryError
        When the mp3 cannot be written.
    """
    if isinstance(source, Reference):
        if source.path:
            _open(source.path).close()
        return source
    if isinstance(source, str) and source.lower().startswith(("http://", "https://")):
        return _link(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return _keep(io.BytesIO(source), name, folder, longer_than, start, seconds)
    if isinstance(source, str) and source.lower().startswith("data:"):
        return _keep(io.BytesIO(_decode_data_uri(source)), "data: URI", folder, longer_than, start, seconds)
    if not isinstance(source, str | os.PathLike):
        raise InvalidReference(f"A reference is a path, bytes or a link, and this is a {type(source).__name__}.")
    path = Path(source).expanduser()
    with _open(path) as file:
        if path.parent == folder and path.suffix == ".mp3" and start is None:
            return _kept_before(file, path, name, longer_than)
        return _keep(file, path.name if name == "bytes" else name, folder, longer_than, start, seconds)


def fit_excerpt(
    start: float, end: float, *, duration: float, shortest: float, longest: float = EXCERPT_SECONDS
) -> tuple[float, float]:
    """Make an excerpt fit a track and the allowed lengths; its start is kept where that is possible.

    Parameters
    ----------
    start, end : float
        What is wanted, in seconds.
    duration : float
        Of the whole track, in seconds.
    shortest, longest : float
        How long an excerpt may be, in seconds. A track shorter than that is taken whole.

    Returns
    -------
    tuple of float
        Start and end, in seconds.

    Examples
    --------
    >>> fit_excerpt(90, 95, duration=100, shortest=15)
    (85, 100)
    """
    longest = min(longest, duration)
    shortest = min(shortest, longest)
    start = min(max(start, 0.0), duration - shortest)
    return start, min(max(end, start + shortest), start + longest, duration)


def _link(url: str) -> Reference:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host or any(character.isspace() for character in url):
        raise InvalidReference(f"{url!r} is not a complete link.")
    return Reference(description=url, uri=url)


def _decode_data_uri(uri: str) -> bytes:
    head, comma, body = uri.partition(",")
    if not comma:
        raise InvalidReference("This data: URI has no data in it.")
    try:
        return base64.b64decode(body, validate=True) if head.endswith(";base64") else unquote_to_bytes(body)
    except (binascii.Error, ValueError):
        raise InvalidReference("This data: URI is not valid base64.") from None


def _open(path: Path) -> BinaryIO:
    if path.is_dir():
        raise InvalidReference(f"{path} is a folder.")
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise InvalidReference(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:
        raise InvalidReference(f"{path} cannot be opened: {_why(error)}.") from None


def _why(error: Exception) -> str:
    """What the system says, without its number and the path once more."""
    return str(getattr(error, "strerror", None) or error)


def _kept_before(file: BinaryIO, path: Path, name: str, longer_than: float) -> Reference:
    description = f"from the library, {path.stem[:8]}" if name == "bytes" else name
    info = _check(file, description, longer_than)
    return Reference(description, path=path, info=info, seconds=info.duration)


def _keep(
    file: BinaryIO, name: str, folder: Path, longer_than: float, start: float | None, seconds: float
) -> Reference:
    info = _check(file, name, longer_than)
    seconds = min(info.duration, seconds)
    start = liveliest(info.envelope, seconds) if start is None else min(start, info.duration - seconds)
    file.seek(0)
    path = _store(file, folder, start, seconds)
    description = f"{name}, {_clock(info.duration)}" + _part(start, seconds, info.duration)
    return Reference(description, path=path, info=info, start=start, seconds=seconds)


def _part(start: float, seconds: float, duration: float) -> str:
    if seconds == duration:
        return ""
    if seconds == EXCERPT_SECONDS:
        return f", the minute from {_clock(start)}"
    return f", {_clock(start)} to {_clock(start + seconds)}"


def _check(file: BinaryIO, name: str, longer_than: float) -> audio.AudioInfo:
    head = file.read(16)
    if not head:
        raise InvalidReference(f"{name} is empty.")
    file.seek(0)
    try:
        info = audio.read_info(file)
    except audio.NotAudio:
        raise _unreadable(name, head) from None
    if info.format not in ("WAV", "MP3"):
        raise InvalidReference(f"{name} is a {info.format} file.", do=_EXPORT)
    if not info.complete:
        raise InvalidReference(
            f"{name} is cut off: only {info.duration:.0f} s of it can be read.", do="Copy or export it again."
        )
    if info.duration <= longer_than:
        raise InvalidReference(
            f"{name} is {info.duration:.1f} s long, and the model needs more than {longer_than:g} s.",
            do="Pick a longer one.",
        )
    if info.envelope.max() < _SILENCE:
        raise InvalidReference(f"{name} is silent.", do="Pick one with music and singing.")
    return info


def _unreadable(name: str, head: bytes) -> InvalidReference:
    for kind, there in _FOREIGN.items():
        if there(head):
            return InvalidReference(f"{name} is {kind}, which cannot be read here.", do=_EXPORT)
    return InvalidReference(f"{name} is not a wav or mp3 file, despite its file name.")


def liveliest(envelope: object, seconds: float) -> float:
    """Find where the liveliest stretch of a track begins.

    Lively is loud and moving: the sum of the level and of its changes.

    Parameters
    ----------
    envelope : array, shape (n,)
        `audio.AudioInfo.envelope`.
    seconds : float
        How long the stretch is.

    Returns
    -------
    float
        Its beginning, in seconds.
    """
    import numpy as np

    level = np.asarray(envelope, dtype=np.float64)
    span = round(seconds * audio.ENVELOPE_RATE)
    if span >= len(level):
        return 0.0
    motion = np.abs(np.diff(level, prepend=level[0]))
    total = np.concatenate([[0.0], np.cumsum(level + motion)])
    return float(np.argmax(total[span:] - total[:-span])) / audio.ENVELOPE_RATE


def _store(file: BinaryIO, folder: Path, start: float, seconds: float) -> Path:
    """Write the excerpt under the hash of its own bytes; the name appears only when the file is whole."""
    partial = folder / f".{os.getpid()}-{os.urandom(6).hex()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        audio.write_excerpt(file, partial, start=start, seconds=seconds)
        with partial.open("rb") as written:
            digest = hashlib.sha256()
            for block in iter(lambda: written.read(1 << 20), b""):
                digest.update(block)
        path = folder / f"{digest.hexdigest()}.mp3"
        try:
            os.replace(partial, path)
        except PermissionError:
            # Windows replaces no file that is just being sent; that one has the same name and so the same bytes.
            if not path.exists():
                raise
    except (OSError, RuntimeError) as error:
        raise LibraryError(f"The reference cannot be kept in {folder}: {_why(error)}.") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return path


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
