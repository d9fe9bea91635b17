"""The body of a submit: read whole within a bound, and checked against the rows of `models.py`."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ...catalogue import MODELS, REHEARSAL_OPTIONS, Model, Option
from .responses import Rejection

MOST_BODY_BYTES = 32_000_000
"""About 24 MB of audio in base64; the excerpt of a reference has 1 to 2 MB."""

_MOST_URL_CHARACTERS = 8192
_DATA_URI_FIELD = re.compile(rb'"reference_audio_url"\s*:\s*"data:', re.IGNORECASE)
_DATA_URI = re.compile(r"data:audio/[a-z0-9.+-]+(;[a-z0-9.+=-]+)*;base64,", re.IGNORECASE)

Issue = dict[str, object]


@dataclass(frozen=True)
class RequestBody:
    """A submit that its model takes.

    Attributes
    ----------
    fields : mapping
        The JSON object; of a `data:` URI, only what stands before the audio.
    audio : bytes or None
        The reference that was sent inside the body.
    """

    fields: Mapping[str, Any]
    audio: bytes | None = None


class BodyReader:
    """Collects a body as it arrives; the rest of one that is too large is dropped, so that the 413 is heard.

    Attributes
    ----------
    size : int
        Bytes that arrived.
    """

    def __init__(self) -> None:
        self.size = 0
        self._chunks: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.size += len(chunk)
        if self.size <= MOST_BODY_BYTES:
            self._chunks.append(chunk)

    def has_data_uri(self) -> bool:
        """Whether the reference is sent inside the body."""
        return any(_DATA_URI_FIELD.search(chunk) for chunk in self._chunks)

    def read(self, content_type: str) -> RequestBody:
        """Return the body, checked.

        Raises
        ------
        Rejection
            413 when it is too large, 404 for an unknown model, 400 for anything else, with a row for each field.
        """
        if self.size > MOST_BODY_BYTES:
            raise Rejection(413, f"The request is too large. Expected at most {MOST_BODY_BYTES // 1_000_000} MB.")
        if not re.match(r"application/json\s*(;|$)", content_type):
            raise Rejection(400, "Body validation error! Expected Content-Type: application/json.")
        fields = _object(b"".join(self._chunks))
        self._chunks.clear()
        body = _with_audio_apart(fields)
        _check(body)
        return body


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text.decode(), parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise Rejection(400, "Body validation error! Expected a JSON object. Received invalid JSON.") from None
    if not isinstance(found, dict):
        raise Rejection(400, f"Body validation error! Expected a JSON object. Received {_received(found)}.")
    return found


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _with_audio_apart(fields: dict[str, Any]) -> RequestBody:
    text = fields.get("reference_audio_url")
    head = _DATA_URI.match(text) if isinstance(text, str) else None
    if head is None or not isinstance(text, str):
        return RequestBody(fields)
    try:
        audio = base64.b64decode(text[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise rejected([_issue("reference_audio_url", "valid base64 after data:", "something else")]) from None
    return RequestBody({**fields, "reference_audio_url": head[0]}, audio)


def rejected(issues: list[Issue]) -> Rejection:
    """The rejection of a body in the provider's words, with a row for each field that is wrong."""
    return Rejection(400, "Invalid payload provided", issues)


def _issue(name: str, expected: str, received: str, *, code: str = "invalid_type", message: str = "") -> Issue:
    return {
        "code": code,
        "expected": expected,
        "received": received,
        "path": [name],
        "message": message or f"Expected {expected}, received {received}",
    }


def data_uri_rejected() -> Rejection:
    """The rejection of a service that takes links alone."""
    return rejected([_issue("reference_audio_url", "url", "data: URI", code="invalid_string", message="Invalid url")])


def _received(value: object) -> str:
    """Say what a value is without quoting it."""
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    kinds = {int: "a number", float: "a number", list: "an array", dict: "an object"}
    return kinds[type(value)]


def _check(body: RequestBody) -> None:
    name = body.fields.get("model")
    if not isinstance(name, str):
        raise rejected([_issue("model", "the name of a model", _received(name))])
    if name not in MODELS:
        raise Rejection(404, f"Model not found: {name[:80]!r}. The rehearsal service has {', '.join(MODELS)}.")
    issues = _issues(MODELS[name], body)
    if issues:
        raise rejected(issues[:20])


def _issues(model: Model, body: RequestBody) -> list[Issue]:
    checks = _checks(model)
    issues = [
        _issue(name[:80], "nothing", "a field", code="unrecognized_keys", message=f"Unrecognized field {name[:80]!r}")
        for name in body.fields
        if name not in {"model", *checks}
    ]
    for name, check in checks.items():
        if name in body.fields:
            if not check.accepts(body.fields[name]):
                issues.append(_issue(name, check.expected, _received(body.fields[name])))
        elif check.required:
            issues.append(_issue(name, check.expected, "undefined", message="Required"))
    if body.audio is not None and not body.audio:
        issues.append(_issue("reference_audio_url", "audio after data:", "nothing"))
    return issues


@dataclass(frozen=True)
class _Check:
    """What one field must be: in words, and as a test."""

    expected: str
    accepts: Callable[[Any], bool]
    required: bool = False


def _checks(model: Model) -> dict[str, _Check]:
    least, most = model.words_limit
    words = Option(model.words_field, str, least, most, required=model.words_field == "prompt")
    options = [words, *model.options.values(), *REHEARSAL_OPTIONS.values()]
    reference = _Check("an http(s) URL, or data:audio/...;base64, with the audio", _is_reference, required=True)
    return {"reference_audio_url": reference, **{option.field: _option_check(option) for option in options}}


def _option_check(option: Option) -> _Check:
    if option.kind is str:
        expected = f"a text of {option.least:g} to {option.most:g} characters"
        return _Check(expected, lambda value: isinstance(value, str) and _within(option, len(value)), option.required)
    if option.kind is dict:
        return _Check("an object of the documented settings", _is_setting, option.required)
    whole = "a whole number" if option.kind is int else "a number"
    expected = f"{whole} from {option.least:.10g} to {option.most:.10g}"
    return _Check(expected, lambda value: _is_number(option, value) and _within(option, value), option.required)


def _within(option: Option, size: float) -> bool:
    return option.least <= size <= option.most


def _is_number(option: Option, value: object) -> bool:
    return isinstance(value, option.kind) and not isinstance(value, bool)


def _is_reference(value: object) -> bool:
    """Whether a value is a link, or what is left of a base64 `data:` URI."""
    if not isinstance(value, str) or len(value) > _MOST_URL_CHARACTERS:
        return False
    if value[:5].lower() == "data:":
        return _DATA_URI.fullmatch(value) is not None
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
