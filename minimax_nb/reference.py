"""The reference track: read, checked, cut to an excerpt, handed over as a link or as a file to send."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import io
import os
import re
import stat
import unicodedata
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

from . import audio
from .errors import InvalidReference, LibraryError
from .lyrics import unquoted

if TYPE_CHECKING:
    import numpy as np

EXCERPT_SECONDS = 60.0
"""How long an excerpt is, at most."""

_SPARE_SECONDS = 0.5
"""What is sent is longer than the model's rule by so much: decoders cut a little off an mp3."""

_SILENCE = 10 ** (-80 / 20)
"""Below −80 dBFS in its loudest moment a track counts as silent."""

_OTHER_LINK = re.compile(r"[a-z][a-z0-9+.-]+://|(?:spotify|blob|magnet|about|javascript|mailto):", re.IGNORECASE)
_MARKDOWN_LINK = re.compile(r"\[[^\]]*\]\((https?://[^\s)]+)\)", re.IGNORECASE)
_NO_SCHEME = re.compile(r"(?://)?(?:[a-z0-9-]+\.)+[a-z]{2,}/", re.IGNORECASE)
_ON_WINDOWS = re.compile(r"/?[a-z]:[\\/]|\\\\", re.IGNORECASE)

_HOW_TO_LINK = "Download the track and give the file, or give an https link to it that anyone can open."
_SWAPPED = "This reads like lyrics: they come first, and the reference second."
_LONGEST_NAME, _LONGEST_FILE_NAME = 80, 255
_MOST_MADE = 64
_RAW = "Raw samples say neither their rate nor their channels: import them in Audacity and export them as wav."


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
    remarks : tuple of str
        What is wrong with the file although it can be used, and what was done to it, in plain sentences.
    """

    description: str
    uri: str = ""
    path: Path | None = None
    info: audio.AudioInfo | None = field(default=None, compare=False, repr=False)
    start: float = 0.0
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()

    def data_uri(self) -> str:
        """The mp3 itself as a link, for a request that carries it.

        Raises
        ------
        InvalidReference
            When it cannot be read, or there is none.
        """
        if self.path is None:
            raise InvalidReference("This reference is a link.")
        _check_file(self.path)
        return f"data:audio/mpeg;base64,{base64.b64encode(self.path.read_bytes()).decode()}"


def prepare(
    source: str | os.PathLike[str] | bytes | Reference,
    folder: Path,
    *,
    longer_than: float = 15.0,
    name: str = "",
    start: float | None = None,
    seconds: float = EXCERPT_SECONDS,
    on_progress: audio.OnProgress | None = None,
) -> Reference:
    """Check a reference and, unless it is a link, put it into the library as mp3.

    Parameters
    ----------
    source : path, bytes, or str
        A file that a player plays, the bytes of one, a ``data:`` or ``file:`` URI of one, or an ``http(s)``
        URL, which is passed on without being opened; or what this function gave before.
    folder : pathlib.Path
        Where the mp3 goes, as ``<sha256>.mp3``. A file that already lies there is handed over as it is.
    longer_than : float
        The model's rule, in seconds.
    name : str, optional
        What to call bytes, and a file whose own name says nothing.
    start : float, optional
        Where the excerpt begins, in seconds; else where the track is liveliest.
    seconds : float
        How long the excerpt is, at most.
    on_progress : callable, optional
        Called now and then with the share that is read, 0 to 1.

    Returns
    -------
    Reference

    Raises
    ------
    InvalidReference
        When it is missing, empty, not audio by its content, too short or silent.
    LibraryError
        When the mp3 cannot be written.

    Examples
    --------
    >>> prepare("demo.m4a", Path("references")).description
    'demo.m4a, 3:20, the minute from 1:04'
    """
    if isinstance(source, Reference):
        if source.path:
            _check_file(source.path)
        return source
    given = locate(source)
    if isinstance(given, str):
        return _link(given)
    if isinstance(given, Path):
        _check_file(given)
        if given.parent == folder and given.suffix == ".mp3" and start is None:
            return _kept_before(given, name or f"from the library, {given.stem[:8]}", longer_than)
    name = name or (_short(given.name) if isinstance(given, Path) else "bytes" if source is given else "data: URI")
    recipe = (_digest(given, name), folder, longer_than, start, seconds)
    made = _made.get(recipe)
    if made is None or not (made.path and made.path.exists()):
        recording = _read(given, name, longer_than, start, seconds, on_progress)
        made = _made[recipe] = _sent(recording, folder, longer_than)
        if len(_made) > _MOST_MADE:
            _made.pop(next(iter(_made)), None)
    assert made.info is not None
    duration = made.info.duration
    return replace(made, description=f"{name}, {_clock(duration)}{_part(made.start, made.seconds, duration)}")


_Recipe = tuple[bytes, Path, float, float | None, float]
_made: dict[_Recipe, Reference] = {}
"""What this process has prepared, by what was given and wanted: the same is not read and encoded again."""


def _digest(source: Path | bytes, name: str) -> bytes:
    try:
        with open(source, "rb") if isinstance(source, Path) else io.BytesIO(source) as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise InvalidReference(f"{name} cannot be read: {_why(error)}.") from None


def _sent(recording: audio.Recording, folder: Path, longer_than: float) -> Reference:
    samples, done = audio.polish(recording.samples)
    path, info = _store(samples, folder, longer_than + _SPARE_SECONDS), recording.info
    remarks = (*info.remarks, *done)
    return Reference("", path=path, info=info, start=recording.start, seconds=recording.seconds, remarks=remarks)


def locate(source: object) -> str | Path | bytes:
    """Say what a person gave as a reference.

    Parameters
    ----------
    source : path, bytes, or str
        As for `prepare`; quotes and whitespace around a path or a link are no part of it.

    Returns
    -------
    str, pathlib.Path or bytes
        A link, where a file should be, or the content of one.

    Raises
    ------
    InvalidReference
        When it is none of them.
    """
    from urllib.request import url2pathname  # it loads HTTP, which nothing else here needs

    if isinstance(source, bytes | bytearray | memoryview):
        return source if isinstance(source, bytes) else bytes(source)
    if not isinstance(source, str | os.PathLike):
        raise InvalidReference(f"A reference is a path, bytes or a link, and this is a {type(source).__name__}.")
    text = os.fsdecode(source)
    bare = unquoted(text)
    if found := _MARKDOWN_LINK.fullmatch(bare):
        bare = found[1]
    if not bare:
        raise InvalidReference("There is no reference.")
    scheme = bare.partition(":")[0].lower()
    if scheme in ("http", "https") and isinstance(source, str):
        return bare
    if scheme == "data" and isinstance(source, str):
        return _decode_data_uri(bare)
    other = _OTHER_LINK.match(bare)
    if other and scheme != "file" and isinstance(source, str):
        raise InvalidReference(f"A link that begins with {other[0]} is not fetched.", do=_HOW_TO_LINK)
    if scheme == "file" and isinstance(source, str):
        bare = url2pathname(urlsplit(bare).path)
    return _find(text, bare)


def _find(text: str, bare: str) -> Path:
    """The path as it was given; where nothing is there, without quotes and with the other form of its accents."""
    # A terminal puts "\\" before a space, and a web page a space that does not break.
    typed = re.sub(r"\\(.)", r"\1", bare).replace("\N{NO-BREAK SPACE}", " ")
    forms = [text, bare, *(unicodedata.normalize(form, bare) for form in ("NFC", "NFD")), typed]
    for form in forms:
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            path = Path(form).expanduser()
            if path.exists():
                return path
    try:
        return Path(bare).expanduser()
    except RuntimeError:
        user = bare.partition("/")[0]
        raise InvalidReference(f"There is no user {user[1:]!r} here, whose folder {user} would be.") from None


def _short(name: str) -> str:
    """A name that fits into a line."""
    line = " ".join(name.encode(errors="replace").decode().split())
    return line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 12]}…{line[-11:]}"


def _link(url: str) -> Reference:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host or any(character.isspace() for character in url):
        raise InvalidReference(f"{url!r} is not a complete link.", do=_HOW_TO_LINK)
    return Reference(description=url, uri=url)


def _decode_data_uri(uri: str) -> bytes:
    head, comma, body = uri.partition(",")
    if not comma:
        raise InvalidReference("This data: URI has no data in it.")
    try:
        return base64.b64decode(body, validate=True) if head.endswith(";base64") else unquote_to_bytes(body)
    except (binascii.Error, ValueError):
        raise InvalidReference("This data: URI is not valid base64.") from None


def _check_file(path: Path) -> None:
    name = _short(str(path))
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            path.open("rb").close()
    except FileNotFoundError:
        raise InvalidReference(f"There is no file {name}.", do=_instead_of_path(path)) from None
    except (OSError, ValueError) as error:
        raise InvalidReference(f"{name} cannot be opened: {_why(error)}.", do=_instead_of_path(path)) from None
    if not stat.S_ISREG(mode):
        raise InvalidReference(f"{name} is {'a folder' if stat.S_ISDIR(mode) else 'a device or a pipe, not a file'}.")


def _instead_of_path(path: Path) -> str | None:
    """What to do where somebody gave the words, a link or a path of another computer in place of a path."""
    if "\n" in str(path) or len(path.name) > _LONGEST_FILE_NAME:
        return _SWAPPED
    if os.name != "nt" and _ON_WINDOWS.match(str(path)):
        return "That is a path of a Windows computer, and this runs on another one: upload the file here first."
    if _NO_SCHEME.match(str(path)):
        return "If it is a link, give all of it, from https:// on."
    return None


def _why(error: Exception) -> str:
    """What the system says, without its number and the path once more."""
    return str(getattr(error, "strerror", None) or error)


def _kept_before(path: Path, name: str, longer_than: float) -> Reference:
    info = _decoded(path, name, seconds=0).info
    _check(info, name, longer_than)
    return Reference(name, path=path, info=info, seconds=info.duration, remarks=info.remarks)


def _read(
    source: Path | bytes,
    name: str,
    longer_than: float,
    start: float | None,
    seconds: float,
    on_progress: audio.OnProgress | None,
) -> audio.Recording:
    recording = _decoded(source, name, start=start, seconds=seconds, on_progress=on_progress)
    info = recording.info
    _check(info, name, longer_than)
    if start is None:
        return audio.trim(recording, longer_than + _SPARE_SECONDS)
    if start + seconds > info.duration + 0.05:  # less of it is left than was requested
        start = max(0.0, info.duration - seconds)
        return _decoded(source, name, start=start, seconds=seconds)
    return recording


def _decoded(source: Path | bytes, name: str, **options: Any) -> audio.Recording:
    try:
        return audio.read(source, **options)
    except audio.NotAudio as error:
        do = _RAW if name.lower().endswith((".raw", ".pcm")) and not error.known else error.do
        problem = InvalidReference(f"{name} is {error.what}.", do=do or None)
        problem.lacking = error.lacking
        raise problem from None
    except OSError as error:
        raise InvalidReference(f"{name} cannot be read: {_why(error)}.") from None


def _check(info: audio.AudioInfo, name: str, longer_than: float) -> None:
    if info.duration <= longer_than and not info.complete:
        raise InvalidReference(
            f"{name} is cut off: {info.duration:.1f} s are there{info.lack}. "
            f"The model needs more than {longer_than:g} s.",
            do="Copy or export it again.",
        )
    if info.duration <= longer_than < info.duration + info.missing:
        raise InvalidReference(
            f"{name} is damaged: only {info.duration:.1f} s of it can be played. "
            f"The model needs more than {longer_than:g} s.",
            do="Copy or export it again.",
        )
    if info.duration <= longer_than:
        raise InvalidReference(
            f"{name} is {info.duration:.1f} s long, and the model needs more than {longer_than:g} s.",
            do="Pick a longer one.",
        )
    if info.envelope.max() < _SILENCE:
        raise InvalidReference(f"{name} is silent.", do="Pick one with music and singing.")


def _part(start: float, seconds: float, duration: float) -> str:
    if seconds + 1 > duration:
        return ""
    if seconds == EXCERPT_SECONDS:
        return f", the minute from {_clock(start)}"
    return f", {_clock(start)} to {_clock(start + seconds)}"


def _store(samples: np.ndarray, folder: Path, shortest: float) -> Path:
    """Write the excerpt under the hash of its own bytes; the name appears only when the file is whole."""
    partial = folder / f".{os.getpid()}-{os.urandom(6).hex()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        audio.write_mp3(samples, partial, shortest=shortest)
        path = folder / f"{hashlib.sha256(partial.read_bytes()).hexdigest()}.mp3"
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
