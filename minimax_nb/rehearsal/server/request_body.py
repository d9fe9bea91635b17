"""What a submit carries: read as it arrives, and checked as the provider checks it."""

from __future__ import annotations

import base64
import binascii
import json
import math
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .responses import Refusal

MOST_BODY = 80_000_000
MOST_AUDIO = 50_000_000
_MOST_TEXT = 1_000_000

# In valid JSON this stands nowhere but at the key itself: inside a text its quotes would be escaped.
_AUDIO_BEGINS = re.compile(rb'"reference_audio_url"\s*:\s*"(?i:data):[^",]{0,200};(?i:base64),')


class Upload:
    """A JSON body as it arrives: base64 audio goes to a file at once, the rest is kept.

    So a reference of 50 MB costs no more memory than one chunk of it.

    Parameters
    ----------
    folder : Path
        Where the audio is put.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._text = bytearray()
        self._held = b""
        self._size = 0
        self._audio_size = 0
        self._where = "head"
        self._padded = False
        self._broken = False
        self._file: Any = None
        self.audio: Path | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body. Whatever is wrong with them is said by `document`."""
        self._size += len(chunk)
        if self.too_large:
            return
        if self._where != "audio":
            self._text += chunk
        if self._where == "head":
            chunk = self._begin_audio()
        if self._where == "audio":
            self._take_audio(chunk)

    @property
    def too_large(self) -> bool:
        """Whether the body is larger than what is taken; the rest of it is read and dropped."""
        return self._size > MOST_BODY or len(self._text) > _MOST_TEXT

    def _begin_audio(self) -> bytes:
        found = _AUDIO_BEGINS.search(self._text)
        if found is None:
            return b""
        audio = bytes(self._text[found.end() :])
        del self._text[found.end() :]
        handle, name = tempfile.mkstemp(prefix="incoming-", dir=self._folder)
        self._file, self.audio = os.fdopen(handle, "wb"), Path(name)
        self._where = "audio"
        return audio

    def _take_audio(self, chunk: bytes) -> None:
        audio, quote, rest = chunk.partition(b'"')
        self._decode(audio)
        if quote:
            self._where = "tail"
            self._text += quote + rest

    def _decode(self, chunk: bytes) -> None:
        text = (self._held + chunk).replace(b"\\/", b"/")
        usable = len(text) - len(text) % 4
        if text.endswith(b"\\") and usable == len(text):
            usable -= 4
        self._held = text[usable:]
        # Padding ends base64: anything after it is not one text but two.
        self._broken = self._broken or (self._padded and usable > 0)
        if usable and not self._broken:
            self._padded = text[usable - 1 : usable] == b"="
            self._write(text[:usable])

    def _write(self, text: bytes) -> None:
        try:
            audio = base64.b64decode(text, validate=True)
        except binascii.Error:
            self._broken = True
            return
        self._audio_size += len(audio)
        if self._audio_size <= MOST_AUDIO:
            self._file.write(audio)

    def close(self) -> None:
        """Put the audio safely on disk."""
        if self._file and not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def discard(self) -> None:
        """Remove the audio, unless somebody has moved it away."""
        if self._file:
            self._file.close()
        if self.audio:
            self.audio.unlink(missing_ok=True)

    def document(self) -> dict[str, Any]:
        """Return the body; of a base64 reference, only what stands before the audio.

        Raises
        ------
        Refusal
            When the body is too large, no JSON object, or holds broken base64.
        """
        if self.too_large:
            raise Refusal(413, f"The request is too large. Expected at most {MOST_BODY // 1_000_000} MB.")
        try:
            document = json.loads(self._text.decode(), parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise Refusal(400, "Body validation error! Expected a JSON object. Received invalid JSON.") from None
        if not isinstance(document, dict):
            raise Refusal(400, f"Body validation error! Expected a JSON object. Received {_received(document)}.")
        self._check_audio()
        return document

    def _check_audio(self) -> None:
        if self.audio is None:
            return
        if self._broken or self._held:
            raise _invalid("reference_audio_url", "valid base64 after data:", "something else")
        if not 0 < self._audio_size <= MOST_AUDIO:
            size = f"{self._audio_size} bytes"
            raise _invalid("reference_audio_url", f"1 to {MOST_AUDIO} bytes of audio", size)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _received(value: object) -> str:
    """Say what a value is without quoting it."""
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    kinds = {int: "a number", float: "a number", list: "an array", dict: "an object"}
    return kinds[type(value)]


def _hint(name: str, expected: str, received: str) -> str:
    return f"{name}: Expected {expected}. Received {received}."


def _invalid(name: str, expected: str, received: str) -> Refusal:
    return Refusal(400, "Body validation error! " + _hint(name, expected, received))


@dataclass(frozen=True)
class Field:
    """What one field of a body must be: said in words, and as a check."""

    expected: str
    fits: Callable[[Any], bool]
    required: bool = False


def _text(least: int, most: int, *, required: bool = False) -> Field:
    return Field(
        f"a text of {least} to {most} characters",
        lambda value: isinstance(value, str) and least <= len(value) <= most,
        required,
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_seed(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32


def _is_reference(value: object) -> bool:
    """A link, or what `Upload` leaves of a base64 `data:` URI."""
    if not isinstance(value, str) or len(value) > 8192:
        return False
    if value[:5].lower() == "data:":
        return re.fullmatch(r"(?i)data:audio/[a-z0-9.+-]+(;[a-z0-9.+=-]+)*;base64,", value) is not None
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", value)


_SETTINGS: Mapping[str, tuple[object, ...]] = {
    "sample_rate": (16000, 24000, 32000, 44100),
    "bitrate": (32000, 64000, 128000, 256000),
    "format": ("mp3",),
}


def _is_setting(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    return all(
        name in _SETTINGS and not isinstance(chosen, bool | list | dict) and chosen in _SETTINGS[name]
        for name, chosen in value.items()
    )


_REFERENCE = Field("an http(s) URL, or data:audio/...;base64, with the audio", _is_reference, required=True)
_REHEARSAL = {
    "tempo": Field("a number (beats per minute)", _is_number),
    "key": _text(1, 20),
    "language": _text(2, 20),
    "seed": Field("a whole number from 0 to 4294967295", _is_seed),
}

MODELS: Mapping[str, Mapping[str, Field]] = {
    "minimax-music": {"prompt": _text(1, 600, required=True), "reference_audio_url": _REFERENCE, **_REHEARSAL},
    "minimax/music-cover": {
        "prompt": _text(10, 2000, required=True),
        "reference_audio_url": _REFERENCE,
        "lyrics": _text(10, 3000),
        "audio_setting": Field(
            "an object of sample_rate, bitrate and format as documented, the format mp3", _is_setting
        ),
        **_REHEARSAL,
    },
}


def check(document: Mapping[str, Any]) -> None:
    """Check a body against its model.

    Raises
    ------
    Refusal
        404 for an unknown model, 400 with a hint for each field that is wrong.
    """
    model = document.get("model")
    if not isinstance(model, str):
        raise _invalid("model", "the name of a model", _received(model))
    if model not in MODELS:
        raise Refusal(404, f"Model not found: {model[:80]!r}. Rehearsing knows {', '.join(MODELS)}.")
    fields = MODELS[model]
    wrong = [f"{name[:80]!r}: Unrecognized field." for name in document if name not in {"model", *fields}]
    for name, field in fields.items():
        if name not in document and field.required:
            wrong.append(_hint(name, field.expected, "nothing"))
        elif name in document and not field.fits(document[name]):
            wrong.append(_hint(name, field.expected, _received(document[name])))
    if wrong:
        raise Refusal(400, "Body validation error! " + " ".join(wrong[:20]))
