"""The calls of the AI/ML API: submit, retrieve, download, logs, balance, price and models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from ..errors import (
    NoCredits,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    ServiceError,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from .download import download
from .key import Key, checked_base_url
from .responses import (
    LOGS_SPAN,
    Generation,
    LogEntry,
    Problem,
    fixed_price,
    makes_music,
    music_prices,
    number_of,
    read_cost,
    read_generation,
    read_id,
    read_log_entry,
    read_problem,
)
from .timeouts import Timeouts
from .transport import NoResponse, RequestBody, Response, Transport, bounded, retry_after

_GENERATIONS = "/v2/generate/audio"
_CLOCKS_DIFFER = timedelta(hours=1)
_MOST_LOG_ROWS = 50_000

_CLASSES: Mapping[int, type[ServiceError]] = MappingProxyType(
    {400: Refused, 401: Unauthorized, 403: NoCredits, 404: NotFound, 429: RateLimited}
)

_TOP_UP = "Top up at https://aimlapi.com/app/billing, then try again."
_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "err_insufficent_credits": _TOP_UP,  # the provider's spelling
        "err_insufficient_credits": _TOP_UP,
        "err_unverified_card": "Verify your card at https://aimlapi.com/app/verification, then try again.",
        "err_missing_scope": "Give this key the scope model:audio at https://aimlapi.com/app/keys, or use another.",
        "err_queue_full": "Wait until one of them is made, then try again.",
        "err_key_limit_reached": "Raise the limit of this key at https://aimlapi.com/app/keys, or use another.",
    }
)
"""What to do, by the kind of a rejection; the advice of the error's class where the kind is another or none."""


class Client:
    """The calls of the AI/ML API at one base URL, with one key.

    Parameters
    ----------
    base_url : str
        https, or http on loopback.
    key : Key or None
        Sent to `base_url` only.
    timeouts : Timeouts, optional

    Raises
    ------
    InvalidInput
        When `base_url` is not one.
    """

    def __init__(self, base_url: str, key: Key | None, timeouts: Timeouts = Timeouts()) -> None:  # noqa: B008
        self.base_url = checked_base_url(base_url)
        self.key = key
        self._timeouts = timeouts
        self._transport = Transport(self.base_url, key, timeouts)
        self._music_models: tuple[str | None, dict[str, float | None]] = (None, {})

    def submit(
        self,
        fields: Mapping[str, Any],
        request_id: str,
        *,
        names: Mapping[str, str] | None = None,
        on_sent: Callable[[], object] | None = None,
    ) -> Generation:
        """Step 1: submit a song. Credits are spent here, and only here.

        Parameters
        ----------
        fields : mapping
            What is sent, as JSON.
        request_id : str
            Sent as ``X-Client-Request-Id``, by which a lost response is found again in the logs.
        names : mapping, optional
            What a person calls the fields; an error names them so.
        on_sent : callable, optional
            Called when all of the request has gone out.

        Raises
        ------
        ServiceError
            The service rejected it; nothing was charged.
        Unreachable
            The request never arrived.
        OutcomeUnknown
            It may have arrived, and no response came back that can be used.
        """
        outcome = self._transport.post(
            _GENERATIONS, RequestBody(fields, on_sent), {"X-Client-Request-Id": request_id}
        )
        if isinstance(outcome, NoResponse):
            if outcome.complete:
                raise OutcomeUnknown(f"The response got lost ({outcome.why}).", song_id=request_id)
            raise Unreachable(f"{self._host} cannot be reached ({outcome.why}).", do=outcome.do or None)
        if 400 <= outcome.status < 500:
            raise self._rejection(outcome, names)
        generation_id = read_id(outcome.headers, outcome.fields)
        if outcome.status >= 300 or not generation_id:
            reason = outcome.broken or bounded(read_problem(outcome.fields).text())
            raise OutcomeUnknown(
                f"The service gave no response that can be used (HTTP {outcome.status}: {reason}).",
                song_id=request_id,
            )
        return self._generation(outcome, generation_id)

    def retrieve(self, generation_id: str) -> Generation:
        """Step 2: poll a song once; free.

        Raises
        ------
        ServiceError, Unreachable
            With ``.retry_after`` where the service says so.
        """
        try:
            response = self._get(_GENERATIONS, {"generation_id": generation_id})
        except NotFound as error:
            shown = bounded(self._transport.hide(generation_id))
            error.what = f"The service has no song with the id {shown!r} (HTTP {error.http_status})."
            raise
        return self._generation(response, generation_id)

    def logs(self, start: datetime, end: datetime, *, key_prefix: str = "") -> Iterator[LogEntry]:
        """Read the usage logs of this key, newest first, page by page.

        Parameters
        ----------
        start, end : datetime.datetime
            Widened by an hour at both ends, as clocks differ, and cut to the 92 days the service takes.
        key_prefix : str
            Read those of another key; for a management key.

        Raises
        ------
        ServiceError, Unreachable
        """
        end = end + _CLOCKS_DIFFER
        start = max(start - _CLOCKS_DIFFER, end - LOGS_SPAN)
        for offset in range(0, _MOST_LOG_ROWS, 100):
            query = {"start": _timestamp(start), "end": _timestamp(end), "limit": 100, "offset": offset}
            query |= {"key_prefix": key_prefix} if key_prefix else {}
            fields = self._get("/v2/logs", query, patience=20).fields
            rows = fields.get("data")
            rows = rows if isinstance(rows, list) else []
            yield from (entry for row in rows if (entry := read_log_entry(row)))
            pages = fields.get("pagination")
            if not rows or not isinstance(pages, dict) or pages.get("has_more") is not True:
                return

    def balance(self, *, patience: float = 10) -> float | None:
        """The money left on this key, in US dollars; None where the service does not say.

        Failures are repeated for `patience` seconds at most.

        Raises
        ------
        ServiceError, Unreachable
        """
        return number_of(self._get("/v2/billing", {}, patience=patience).fields.get("current_balance"))

    def price(self, model: str, *, patience: float = 10) -> float | None:
        """The price of one song, in US dollars; None where it is not a fixed one.

        Failures are repeated for `patience` seconds at most.

        Raises
        ------
        ServiceError, Unreachable
        """
        return fixed_price(self._rows_of(model, patience), model)

    def makes_music(self, model: str, *, patience: float = 10) -> bool:
        """Whether the service calls a model one that makes music.

        Raises
        ------
        ServiceError, Unreachable
        """
        return makes_music(self._rows_of(model, patience), model)

    def music_models(self, *, patience: float = 10) -> dict[str, float | None]:
        """Ask which models make music today, and the price of a song in US dollars where it is a fixed one.

        No key is needed. What is unchanged since the last time is not sent again.

        Raises
        ------
        ServiceError, Unreachable
        """
        etag, known = self._music_models
        outcome = self._transport.get(
            "/v1/models", {"include": "pricing"}, patience=patience, headers={"If-None-Match": etag} if etag else {}
        )
        if isinstance(outcome, Response) and outcome.status == 304:
            return dict(known)
        response = self._usable(outcome)
        found = music_prices(response.fields.get("data"))
        self._music_models = (response.headers.get("etag"), found)
        return dict(found)

    def download(self, url: str) -> Iterator[bytes]:
        """Yield the bytes of a finished song; the key is not sent, and a link that quotes it is cleaned."""
        return download(url, hide=self._transport.hide, timeouts=self._timeouts)

    def _rows_of(self, model: str, patience: float) -> object:
        return self._get("/v1/models", {"id": model, "include": "pricing"}, patience=patience).fields.get("data")

    def _get(self, path: str, query: Mapping[str, Any], *, patience: float = 0) -> Response:
        return self._usable(self._transport.get(path, query, patience=patience))

    def _usable(self, outcome: Response | NoResponse) -> Response:
        if isinstance(outcome, NoResponse):
            raise Unreachable(f"No response from {self._host} ({outcome.why}).", do=outcome.do or None)
        if outcome.status == 200 and outcome.broken:
            raise Unreachable(f"No response from {self._host} that can be used ({outcome.broken}).")
        if not 200 <= outcome.status < 300 or not outcome.fields:
            raise self._rejection(outcome)
        return outcome

    @property
    def _host(self) -> str:
        return urlsplit(self.base_url).netloc

    def _generation(self, response: Response, generation_id: str) -> Generation:
        generation = read_generation(response.fields, generation_id)
        return replace(
            generation,
            cost_usd=read_cost(response.headers, response.fields),
            error=bounded(generation.error),
            surprise=bounded(generation.surprise),
        )

    @staticmethod
    def _rejection(response: Response, names: Mapping[str, str] | None = None) -> ServiceError:
        problem: Problem = read_problem(response.fields)
        fallback = Refused if 400 <= response.status < 500 else Unavailable
        text = bounded(problem.text(names))
        error = _CLASSES.get(response.status, fallback)(
            f"{_headline(response.status)}: {text}",
            do=_ADVICE.get(problem.kind),
            retry_after=retry_after(response.headers),
        )
        error.http_status = response.status
        error.fields = tuple(field.path for field in problem.fields)
        return error


def _headline(status: int) -> str:
    if status < 400:
        return f"The service gave no response that can be used (HTTP {status})"
    return (
        f"The service rejected the request (HTTP {status})" if status < 500 else f"The service failed (HTTP {status})"
    )


def _timestamp(moment: datetime) -> str:
    """Write a moment the way the logs take it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
