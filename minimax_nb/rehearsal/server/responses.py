"""Answers as values: a reply complete before its first byte is sent, and a rejection that carries one."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

CREDITS_PER_USD = 2_000_000

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Reply:
    """One answer, complete before its first byte is sent.

    Attributes
    ----------
    body : dict, list or bytes
        Sent as JSON, unless it is bytes. The dict of an error holds `message` and perhaps `error`; the rest of the
        documented error body is added when it is sent.
    inference_id : str
        Sent as `x-inference-id`; empty for answers that are not about a song.
    cost_usd : float or None
        What the call cost; None where a gateway answers, which knows no costs.
    delay : float
        Seconds to wait before the first byte.
    sent : float or None
        The share of the body that is sent before the connection is closed; None closes it before the status line.
    encoding : str
        A name of `encodings.ENCODINGS`: how the body is compressed.
    provider_headers : bool
        Whether `x-inference-id` and the costs are sent; a gateway may drop them.
    """

    body: dict[str, Any] | list[Any] | bytes
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    inference_id: str = ""
    cost_usd: float | None = 0.0
    delay: float = 0.0
    sent: float | None = 1.0
    encoding: str = ""
    provider_headers: bool = True


class Rejection(Exception):
    """The request is rejected.

    Parameters
    ----------
    status : int
        The HTTP status code.
    message : str
        For the person; it names no key and quotes no content of the request.
    data : sequence of dict, or dict, optional
        What is wrong, as data: rows with the `path` of a field, or an object with a `kind`. With it, the answer has
        the second of the two documented error shapes.
    """

    def __init__(self, status: int, message: str, data: object = None) -> None:
        super().__init__(message)
        body: dict[str, Any] = {"message": message}
        if data is not None:
            name = HTTPStatus(status).phrase.replace(" ", "")
            body["error"] = {"name": f"{name}Exception", "message": message, "data": data}
        self.reply = Reply(body, status)


def error_body(reply: Reply, path: str, request_id: str, moment: float) -> dict[str, Any]:
    """Return the whole body of an error, in the shape that belongs to it."""
    body = dict(reply.body) if isinstance(reply.body, dict) else {}
    if "error" in body:
        title = HTTPStatus(reply.status).phrase
        facts: dict[str, Any] = {"title": title, "status": reply.status, "instance": path}
    else:
        facts = {"requestId": request_id, "statusCode": reply.status, "path": path}
    return {**facts, "timestamp": timestamp(moment), **body}


def timestamp(seconds: float) -> str:
    """Return a time in seconds since 1970 as the provider writes it (ISO 8601, UTC, milliseconds)."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def credits(usd: float) -> int:
    """Return an amount in USD as the provider's credits."""
    return round(usd * CREDITS_PER_USD)


def proof(key: str, nonce: str) -> str:
    """Return what only the holder of the key can answer to a nonce, so that the key itself need not be sent."""
    return hmac.new(key.encode(), f"rehearsal:{nonce}".encode(), "sha256").hexdigest()
