"""What goes over the wire: one answer as a value, and a refusal as an exception that carries one."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

CREDITS_PER_USD = 2_000_000

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Reply:
    """One answer, complete before its first byte is sent.

    Attributes
    ----------
    body : dict, list or bytes
        Sent as JSON, unless it is bytes. The dict of an error holds `message`; the rest of the documented
        error body is added when it is sent.
    inference_id : str
        Sent as `x-inference-id`; empty for answers that are not about a song.
    cost_usd : float or None
        What the call cost; None where a gateway answers, which knows no costs.
    delay : float
        Seconds to wait before the first byte.
    cut_after : int or None
        The connection is closed after so many bytes of the body; -1 closes it before the status line.
    """

    body: dict[str, Any] | list[Any] | bytes
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    inference_id: str = ""
    cost_usd: float | None = 0.0
    delay: float = 0.0
    cut_after: int | None = None


class Refusal(Exception):
    """The answer is no.

    Parameters
    ----------
    status : int
        The HTTP status code.
    message : str
        For the person; it names no key and quotes no content of the request.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.reply = Reply({"message": message}, status)


def stamp(seconds: float) -> str:
    """Return a time in seconds since 1970 as the provider writes it (ISO 8601, UTC, milliseconds)."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def credits(usd: float) -> int:
    """Return an amount in USD as the provider's credits."""
    return round(usd * CREDITS_PER_USD)


def proof(key: str, nonce: str) -> str:
    """Return what only the holder of the key can say to a nonce, so that the key itself need not be sent."""
    return hmac.new(key.encode(), f"rehearsal:{nonce}".encode(), "sha256").hexdigest()
