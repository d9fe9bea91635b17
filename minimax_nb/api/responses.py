"""What the service's answers mean: plain data in, plain data out.

Whatever the contract does not list is named as a surprise and never taken for a success.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from ..song import Status
from ..timeline import Timeline, read_timeline

LOGS_PATIENCE = timedelta(minutes=30)
"""How long an entry in the provider's logs may take to appear; "not there yet" is not "not charged"."""

LOGS_SPAN = timedelta(days=92)
"""How far back the logs go, and how much one call may ask for."""


@dataclass(frozen=True)
class Look:
    """What one look at a generation shows.

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
        What the answer held that the contract does not know; the song counts as pending.
    timeline : Timeline or None
        When what is sung, where the service says it: the rehearsal service does.
    """

    id: str
    status: Status
    audio_url: str = ""
    file_size: int | None = None
    cost_usd: float | None = None
    error: str = ""
    surprise: str = ""
    timeline: Timeline | None = None


@dataclass(frozen=True)
class LogEntry:
    """One row of the provider's usage logs."""

    id: str
    request_id: str
    model: str
    created: datetime
    succeeded: bool
    cost_usd: float | None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read ``Retry-After``: seconds, or an HTTP date (RFC 9110, 10.2.3); None where it is absent or nonsense."""
    text = header_of(headers, "retry-after")
    if text is None:
        return None
    seconds = number_of(text)
    if seconds is None:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        seconds = (moment - datetime.now(timezone.utc)).total_seconds()
    return min(max(seconds, 0.0), 3600.0)


def read_look(fields: Mapping[str, Any], generation_id: str) -> Look:
    """Read the body of a submit or retrieve; whatever the contract does not know counts as pending."""
    name = fields.get("status")
    name = name.lower() if isinstance(name, str) else ""
    if name == "error":
        return Look(generation_id, Status.FAILED, error=_failure(fields.get("error")))
    if name == "completed":
        return _read_completed(fields, generation_id)
    known = name in ("generating", "active", "processing", "queued", "waiting")
    status = Status.QUEUED if name in ("queued", "waiting", "") else Status.GENERATING
    return Look(generation_id, status, surprise="" if known else f"an unknown status {name[:40]!r}")


def _read_completed(fields: Mapping[str, Any], generation_id: str) -> Look:
    file = fields.get("audio_file")
    url = file.get("url") if isinstance(file, dict) else None
    if not isinstance(url, str) or not _is_link(url):
        return Look(generation_id, Status.GENERATING, surprise="a completed song without a link to it")
    size = file.get("file_size") if isinstance(file, dict) else None
    return Look(
        generation_id,
        Status.DOWNLOADING,
        audio_url=url,
        file_size=size if _is_count(size) else None,
        timeline=read_timeline(fields.get("timeline")),
    )


def _failure(error: object) -> str:
    if isinstance(error, dict):
        words = [error[part] for part in ("name", "message") if isinstance(error.get(part), str)]
        return ": ".join(words) or "no reason given"
    return error if isinstance(error, str) and error else "no reason given"


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
            return moment.astimezone(timezone.utc) if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        pass
    return datetime.now(timezone.utc)


def fixed_price(rows: object, model: str) -> float | None:
    """The price of one song in a model's row, matched by id and aliases; None where it is not fixed."""
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict):
            continue
        aliases = row.get("aliases")
        names = [row.get("id"), *(aliases if isinstance(aliases, list) else [])]
        pricing = row.get("pricing")
        if model not in names or not isinstance(pricing, dict) or pricing.get("kind") != "fixed":
            continue
        units = pricing.get("units")
        unit = units[0] if isinstance(units, list) and units and isinstance(units[0], dict) else {}
        price, per = number_of(unit.get("price")), number_of(unit.get("per", 1))
        return price / per if price is not None and per else None
    return None


def is_id(value: object) -> bool:
    """Whether a value can be a generation id."""
    return isinstance(value, str) and 0 < len(value) <= 500 and value.isprintable()


def _is_link(text: str) -> bool:
    """Whether a text can be a link that is kept and shown; which ones are fetched is for the client to say."""
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


def header_of(headers: Mapping[str, str], name: str) -> str | None:
    """A header by its lower-case name; None where it is absent."""
    return next((value for key, value in headers.items() if key.lower() == name), None)


def timestamp(moment: datetime) -> str:
    """Write a moment the way the logs take it."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
