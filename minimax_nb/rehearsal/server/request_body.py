"""The body of a submit: read whole within a bound, and checked against the rows of `catalogue.py`."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ...catalogue import MODELS, REHEARSAL_OPTIONS, Model, from_fields
from .responses import Rejection

MOST_BODY_BYTES = 32_000_000
"""About 24 MB of audio in base64; the excerpt of a reference has 1 to 2 MB."""

_MOST_URL_CHARACTERS = 8192
_DATA_URI_FIELD = re.compile(rb'"reference_audio_url"\s*:\s*"data:', re.IGNORECASE)
_DATA_URI = re.compile(r"data:audio/[a-z0-9.+-]+(;[a-z0-9.+=-]+)*;base64,", re.IGNORECASE)

_Path = tuple[str, ...]
_REFERENCE = ("reference_audio_url",)

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
    """Collects a body as it arrives; the rest of one that is too large is dropped, so that the client reads the 413.

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
        body = _with_audio_apart(self.fields(content_type))
        _check(body)
        return body

    def fields(self, content_type: str) -> dict[str, Any]:
        """Return the JSON object of the body.

        Raises
        ------
        Rejection
            413 when it is too large, 400 when it is none.
        """
        if self.size > MOST_BODY_BYTES:
            raise Rejection(413, f"The request is too large. Expected at most {MOST_BODY_BYTES // 1_000_000} MB.")
        if not re.match(r"application/json\s*(;|$)", content_type):
            raise Rejection(400, "Body validation error! Expected Content-Type: application/json.")
        fields = _object(b"".join(self._chunks))
        self._chunks.clear()
        return fields


def audio_format(fields: Mapping[str, Any]) -> str:
    """Return what the song is to be: "mp3" or "wav"."""
    model = MODELS[fields["model"]]
    return str(from_fields(model, fields).get("format", model.formats[0]))


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
        raise rejected([_issue(_REFERENCE, "valid base64 after data:", "something else")]) from None
    return RequestBody({**fields, "reference_audio_url": head[0]}, audio)


def rejected(issues: list[Issue]) -> Rejection:
    """The rejection of a body in the provider's words, with a row for each field that is wrong."""
    return Rejection(400, "Invalid payload provided", issues)


def _required(path: _Path, expected: str) -> Issue:
    return _issue(path, expected, "undefined", message="Required")


def _unrecognized(path: _Path) -> Issue:
    name = ".".join(path)[:80]
    return _issue((name,), "nothing", "a field", code="unrecognized_keys", message=f"Unrecognized field {name!r}")


def _issue(path: _Path, expected: str, received: str, *, code: str = "invalid_type", message: str = "") -> Issue:
    return {
        "code": code,
        "expected": expected,
        "received": received,
        "path": list(path),
        "message": message or f"Expected {expected}, received {received}",
    }


def data_uri_rejected() -> Rejection:
    """The rejection of a service that takes links alone."""
    return rejected([_issue(_REFERENCE, "url", "data: URI", code="invalid_string", message="Invalid url")])


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
        raise rejected([_issue(("model",), "the name of a model", _received(name))])
    if name not in MODELS:
        raise Rejection(404, f"Model not found: {name[:80]!r}. The rehearsal service has {', '.join(MODELS)}.")
    issues = _issues(MODELS[name], body)
    if issues:
        raise rejected(issues[:20])


def _issues(model: Model, body: RequestBody) -> list[Issue]:
    options = {option.path: option.in_request() for option in (*REHEARSAL_OPTIONS.values(), *model.options.values())}
    given = _flat(body.fields, {path[0] for path in options if len(path) > 1})
    known = {("model",), *options, *([_REFERENCE] if model.reference else [])}
    issues = [_unrecognized(path) for path in given if path not in known]
    for path, option in options.items():
        if path not in given:
            issues += [_required(path, option.expected)] if option.required else []
        elif not option.accepts(given[path]):
            issues.append(_issue(path, option.expected, _received(given[path])))
    return issues + (_reference_issues(body) if model.reference else [])


def _reference_issues(body: RequestBody) -> list[Issue]:
    expected = "an http(s) URL, or data:audio/...;base64, with the audio"
    if _REFERENCE[0] not in body.fields:
        return [_required(_REFERENCE, expected)]
    value = body.fields[_REFERENCE[0]]
    if not _is_reference(value):
        return [_issue(_REFERENCE, expected, _received(value))]
    return [_issue(_REFERENCE, "audio after data:", "nothing")] if body.audio == b"" else []


def _flat(fields: Mapping[str, Any], groups: Collection[str]) -> dict[_Path, Any]:
    """The fields by their paths: those of `groups` one level down."""
    flat: dict[_Path, Any] = {}
    for name, value in fields.items():
        inside = value if name in groups and isinstance(value, dict) else None
        flat |= {(name,): value} if inside is None else {(name, inner): each for inner, each in inside.items()}
    return flat


def _is_reference(value: object) -> bool:
    """Whether a value is a link, or what is left of a base64 `data:` URI."""
    if not isinstance(value, str) or len(value) > _MOST_URL_CHARACTERS:
        return False
    if value[:5].lower() == "data:":
        return _DATA_URI.fullmatch(value) is not None
    try:
        url = urlsplit(value)
    except ValueError:
        return False
    return url.scheme in ("http", "https") and bool(url.hostname) and not re.search(r"\s", value)
