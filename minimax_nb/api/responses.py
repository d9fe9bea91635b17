"""What the service's responses mean: plain data in, plain data out.

Whatever the contract does not list is named as a surprise and never taken for a success.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..audio.timeline import Timeline, read_timeline
from ..song import QueuePlace, Status

LOGS_PATIENCE = timedelta(minutes=30)
"""How long an entry in the provider's logs may take to appear; "not there yet" is not "not charged"."""

LOGS_SPAN = timedelta(days=92)
"""How far back the logs go, and how much one request may cover."""

CREDITS_PER_USD = 2_000_000

_NO_REASON = "no reason given"
_MOST_ROWS = 5

_MAKES_AUDIO = "audio-generations/submit"  # how the type of such a model ends


@dataclass(frozen=True)
class Generation:
    """What the service says of one generation.

    Attributes
    ----------
    id : str
    status : Status
        `queued`, `generating`, `downloading` (made) or `failed`.
    audio_url : str
        Where the audio is, once made.
    file_size : int or None
        In bytes, where the service says it.
    cost_usd : float or None
    error : str
        Why it failed.
    surprise : str
        What the response has that the contract does not know; the song counts as pending.
    timeline : Timeline or None
        When what is sung, where the service says it: the rehearsal service does.
    place : QueuePlace or None
        Where it stands in the queue; the rehearsal service says that, too.
    """

    id: str
    status: Status
    audio_url: str = ""
    file_size: int | None = None
    cost_usd: float | None = None
    error: str = ""
    surprise: str = ""
    timeline: Timeline | None = None
    place: QueuePlace | None = None


@dataclass(frozen=True)
class LogEntry:
    """One row of the provider's usage logs; `model` is ``source/alias``."""

    id: str
    request_id: str
    model: str
    created: datetime
    succeeded: bool
    cost_usd: float | None


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of a request; each part may be empty."""

    path: str
    message: str = ""
    expected: str = ""
    received: str = ""

    def text(self, names: Mapping[str, str]) -> str:
        """In words, the field under the name that a person knows it by."""
        values = [f"{word} {value}" for word, value in (("expected", self.expected), ("received", self.received))]
        detail = ", ".join(text for text in values if not text.endswith(" "))
        said = f"{self.message} ({detail})" if self.message and detail else self.message or detail
        return ": ".join(part for part in (names.get(self.path, self.path), said) if part)


@dataclass(frozen=True)
class Problem:
    """Why the service rejected something.

    Attributes
    ----------
    message : str
    kind : str
        The provider's own code for it, such as ``err_unverified_card``.
    fields : tuple of FieldError
        Which fields of the request are wrong.
    """

    message: str = ""
    kind: str = ""
    fields: tuple[FieldError, ...] = ()

    def text(self, names: Mapping[str, str] | None = None) -> str:
        """All of it as one text, fields under the names that a person knows them by."""
        message = self.message if not self.fields else self.message.rstrip(".!")
        details = "; ".join(field.text(names or {}) for field in self.fields)
        text = ": ".join(part for part in (message, details) if part) or _NO_REASON
        # A service may repeat the link that it was sent: what stands after the question mark can be a signature.
        return re.sub(r"(https?://[^\s?]+)\?\S+", r"\1?…", text)


def read_problem(fields: Mapping[str, Any]) -> Problem:
    """Read an error in any of the shapes in which it comes.

    ``message`` at the top or within ``error``; rows in ``error.data``, ``error.detail`` or ``detail``, each
    with ``path`` or ``loc``; one object with a ``kind``; a plain text; a list of any of these.
    """
    error = fields.get("error")
    inner: Mapping[str, Any] = error if isinstance(error, dict) else {}
    found = [fields.get("message"), inner.get("data"), inner.get("detail"), fields.get("detail")]
    rows = tuple(row for source in [*found, error] for row in _read_rows(source))[:_MOST_ROWS]
    texts = [*_texts(fields.get("message")), *_texts(inner.get("message")), *_texts(error)]
    texts += [*_texts(inner.get("detail")), *_texts(fields.get("detail"))]
    data = inner.get("data")
    kinds = [data.get("kind") if isinstance(data, dict) else None, inner.get("kind"), fields.get("kind")]
    kind = next((each for each in kinds if isinstance(each, str)), "")
    return Problem("; ".join(dict.fromkeys(texts)), kind, rows)


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values[:_MOST_ROWS] if isinstance(each, str) and each.strip()]


def _read_rows(value: object) -> Iterator[FieldError]:
    for row in value if isinstance(value, list) else []:
        if isinstance(row, dict):
            path = row.get("path", row.get("loc"))
            parts = [
                str(part) for part in (path if isinstance(path, list) else [path]) if isinstance(part, str | int)
            ]
            message, expected, received = (row.get(name) for name in ("message", "expected", "received"))
            message = message if isinstance(message, str) else row.get("msg")
            said = [each if isinstance(each, str) else "" for each in (message, expected, received)]
            if parts or any(said):
                yield FieldError(".".join(parts[1:] if parts[:1] == ["body"] and parts[1:] else parts), *said)


def read_generation(fields: Mapping[str, Any], generation_id: str) -> Generation:
    """Read the body of a submit or retrieve; whatever the contract does not know counts as pending."""
    name = fields.get("status")
    name = name.lower() if isinstance(name, str) else ""
    if name == "error":
        return Generation(generation_id, Status.FAILED, error=_failure(fields.get("error")))
    if name == "completed":
        return _read_completed(fields, generation_id)
    known = name in ("generating", "active", "processing", "queued", "waiting")
    status = Status.QUEUED if name in ("queued", "waiting", "") else Status.GENERATING
    surprise = "" if known else f"an unknown status {name[:40]!r}"
    return Generation(generation_id, status, surprise=surprise, place=_read_place(fields.get("queue")))


def _read_place(queue: object) -> QueuePlace | None:
    ahead, seconds = (queue.get(name) if isinstance(queue, dict) else None for name in ("ahead", "seconds"))
    if isinstance(ahead, bool) or not isinstance(ahead, int) or ahead < 0:
        return None
    return QueuePlace(ahead, min(number_of(seconds) or 0.0, 86400.0))


def _read_completed(fields: Mapping[str, Any], generation_id: str) -> Generation:
    file = fields.get("audio_file")
    file = file if isinstance(file, dict) else {}
    url, size = file.get("url"), file.get("file_size")
    if not isinstance(url, str) or not _is_link(url):
        return Generation(generation_id, Status.GENERATING, surprise="a completed song without a link to it")
    return Generation(
        generation_id,
        Status.DOWNLOADING,
        audio_url=url,
        file_size=size if _is_count(size) else None,
        timeline=read_timeline(fields.get("timeline")),
    )


def _failure(error: object) -> str:
    problem = read_problem({"error": error})
    name = error.get("name") if isinstance(error, dict) else None
    text = problem.text()
    return f"{name}: {text}" if isinstance(name, str) and name and text != _NO_REASON else text


def read_id(headers: Mapping[str, str], fields: Mapping[str, Any]) -> str:
    """The id of a generation: in the body, or else in the header that every response carries; empty if nowhere."""
    candidates = [fields.get("id"), fields.get("generation_id")]
    # The last header may be half of one, when the connection broke within it.
    if [*headers][-1:] != ["x-inference-id"]:
        candidates.append(headers.get("x-inference-id"))
    return next((each for each in candidates if isinstance(each, str) and is_id(each)), "")


def read_cost(headers: Mapping[str, str], fields: Mapping[str, Any]) -> float | None:
    """What a response says was spent, in US dollars: in its headers, else in its body, else as credits."""
    meta = fields.get("meta")
    usage = meta.get("usage") if isinstance(meta, dict) else None
    usage = usage if isinstance(usage, dict) else {}
    for dollars in (headers.get("x-aimlapi-usd-spent"), usage.get("usd_spent")):
        if number_of(dollars) is not None:
            return number_of(dollars)
    for credits_used in (headers.get("x-aimlapi-credits-used"), usage.get("credits_used")):
        number = number_of(credits_used)
        if number is not None:
            return number / CREDITS_PER_USD
    return None


def read_log_entry(row: object) -> LogEntry | None:
    """Read one row of the logs; None where it names no generation."""
    if not isinstance(row, dict) or not is_id(row.get("inference_id")):
        return None
    cost = row.get("cost")
    return LogEntry(
        id=row["inference_id"],
        request_id=str(row.get("client_request_id") or ""),
        model=str(row.get("model") or ""),
        created=_moment(row.get("created")),
        succeeded=row.get("status") == "succeeded",
        cost_usd=number_of(cost.get("usd")) if isinstance(cost, dict) else None,
    )


def _moment(created: object) -> datetime:
    """A moment of the logs, in UTC; now, where it makes no sense."""
    try:
        moment = datetime.fromisoformat(created.replace("Z", "+00:00")) if isinstance(created, str) else None
        if moment is not None:
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    return datetime.now(UTC)


def rows_of_model(rows: object, model: str) -> list[Mapping[str, Any]]:
    """The rows of the model list that are about this model, matched by id and aliases; ids repeat there."""
    found: list[Mapping[str, Any]] = []
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict):
            aliases = row.get("aliases")
            if model in [row.get("id"), *(aliases if isinstance(aliases, list) else [])]:
                found.append(row)
    return found


def fixed_price(rows: object, model: str) -> float | None:
    """The price of one song by this model, in US dollars; None where it is not a fixed one."""
    for row in rows_of_model(rows, model):
        pricing = row.get("pricing")
        if not isinstance(pricing, dict) or pricing.get("kind") != "fixed":
            continue
        units = pricing.get("units")
        unit = units[0] if isinstance(units, list) and units and isinstance(units[0], dict) else {}
        price, per = number_of(unit.get("price")), number_of(unit.get("per", 1))
        return price / per if price is not None and per else None
    return None


def music_prices(rows: object) -> dict[str, float | None]:
    """Read the models that make music from the whole list, each with its fixed price or None."""
    listed = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    names = [row["id"] for row in listed if str(row.get("type")).endswith(_MAKES_AUDIO) and is_id(row.get("id"))]
    return {name: fixed_price(rows, name) for name in names}


def makes_music(rows: object, model: str) -> bool:
    """Whether the model list calls this model one that makes music."""
    return any(str(row.get("type")).endswith(_MAKES_AUDIO) for row in rows_of_model(rows, model))


def is_id(value: object) -> bool:
    """Whether a value can be a generation id."""
    return isinstance(value, str) and 0 < len(value) <= 500 and value.isprintable()


def _is_link(text: str) -> bool:
    """Whether a text can be a link that is kept and shown; which ones are fetched is for the download to say."""
    return 0 < len(text) <= 8192 and text.isprintable()


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def number_of(value: object) -> float | None:
    """A finite number that is not negative, from a number or its text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < float("inf") else None
