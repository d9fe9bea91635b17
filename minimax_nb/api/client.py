"""HTTP and nothing else: submit, retrieve, download, logs, balance and price of the AI/ML API.

**The retry rule**, all of it: repeat what never arrived (the connection was never made); wait as told on
429; repeat an unanswered GET; never repeat an unanswered POST. `_Persistence` is its only implementation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

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
from . import transport as wire
from .addresses import checked_base_url, is_loopback
from .download import fetch_song
from .key import Key
from .responses import (
    LOGS_SPAN,
    LogEntry,
    Look,
    fixed_price,
    header_of,
    is_id,
    number_of,
    read_log_entry,
    read_look,
    retry_after,
    timestamp,
)
from .transport import Answer, JsonBody, Silence, bounded, no_auth, parsed, read_body, why, without

SUBMIT_SECONDS = 180.0
"""How long a submit may wait for its answer; the provider's own example took 4.5 to 7 s."""

MOST_SUBMIT_SECONDS = 3 * SUBMIT_SECONDS
"""When a submit has surely ended: waiting as told, sending, and waiting for the answer."""

_CLOCKS_DIFFER = timedelta(hours=1)

_MOST_LOG_ROWS = 50_000

_CLASSES: Mapping[int, type[ServiceError]] = {
    400: Refused,
    401: Unauthorized,
    403: NoCredits,
    404: NotFound,
    429: RateLimited,
}


class _Persistence:
    """The retry rule: decides after each attempt whether there is another one, and sleeps before it."""

    attempts = 4

    def __init__(self, *, repeatable: bool, patience: float) -> None:
        self._repeatable = repeatable
        self._deadline = time.monotonic() + patience
        self._left = self.attempts

    def again(self, outcome: Answer | Silence) -> bool:
        """Whether to try once more; returns after the pause that belongs to it."""
        self._left -= 1
        if isinstance(outcome, Silence):
            worth_it = self._repeatable or not outcome.sent
            pause = 0.5 * 2 ** (self.attempts - 1 - self._left)
        else:
            worth_it = outcome.status == 429
            told = retry_after(outcome.headers)
            pause = 2.0 if told is None else told
        if not worth_it or not self._left or time.monotonic() + pause > self._deadline:
            return False
        time.sleep(pause)
        return True


class Client:
    """The calls of the AI/ML API at one base URL, with one key.

    Parameters
    ----------
    base_url : str
        https, or http on loopback.
    key : Key or None
        Sent to `base_url` only.

    Raises
    ------
    InvalidInput
        When `base_url` is not one.
    """

    def __init__(self, base_url: str, key: Key | None) -> None:
        self.base_url = checked_base_url(base_url)
        self.key = key
        self._local = is_loopback(self.base_url)
        self._http = self._connections()

    def _connections(self) -> requests.Session:
        http = requests.Session()
        http.auth = self.key or no_auth
        http.headers.update({"Accept": "application/json", "Accept-Encoding": "identity"})
        # A proxy from the environment would capture calls to this very machine.
        http.trust_env = not self._local
        adapter = requests.adapters.HTTPAdapter(pool_connections=4, pool_maxsize=16)
        http.mount("http://", adapter)
        http.mount("https://", adapter)
        return http

    def submit(self, body: JsonBody, request_id: str) -> Look:
        """Step 1: ask for a song. Credits are spent here, and only here.

        Parameters
        ----------
        body : JsonBody
        request_id : str
            Sent as ``X-Client-Request-Id``, by which a lost answer is found again in the logs.

        Raises
        ------
        ServiceError
            The service said no; nothing was charged.
        Unreachable
            The request never arrived.
        OutcomeUnknown
            It may have arrived, and no usable answer came back.
        """
        # A kept connection may have been closed at the other end without our knowing, which would make a
        # harmless failure look like a lost answer: the one call that costs money gets a fresh one.
        with self._connections() as http:

            def attempt() -> Answer | Silence:
                headers = {"Content-Type": "application/json", "X-Client-Request-Id": request_id}
                return self._exchange(
                    http, "POST", "/v2/generate/audio", body=body, headers=headers, seconds=SUBMIT_SECONDS
                )

            outcome = self._insist(attempt, repeatable=False, patience=SUBMIT_SECONDS)
        if isinstance(outcome, Silence):
            if outcome.whole:
                raise OutcomeUnknown(f"The answer got lost ({outcome.why}).", song_id=request_id)
            raise Unreachable(f"{self._host} cannot be reached ({outcome.why}).")
        if 400 <= outcome.status < 500:
            raise self._refusal(outcome)
        fields = outcome.fields
        if outcome.status >= 300 or not is_id(fields.get("id")):
            raise OutcomeUnknown(
                f"The service gave no usable answer (HTTP {outcome.status}: {self._message(outcome)}).",
                song_id=request_id,
            )
        return self._look(outcome, fields["id"])

    def retrieve(self, generation_id: str, *, patience: float = 0) -> Look:
        """Step 2: one free look.

        Parameters
        ----------
        generation_id : str
        patience : float
            For how many seconds the look may be repeated; 0 makes one attempt.

        Raises
        ------
        ServiceError, Unreachable
            With ``.retry_after`` where the service says so.
        """
        answer = self._get("/v2/generate/audio", {"generation_id": generation_id}, patience=patience)
        return self._look(answer, generation_id)

    def logs(self, start: datetime, end: datetime) -> Iterator[LogEntry]:
        """Read the usage logs of this key, newest first, page by page.

        Parameters
        ----------
        start, end : datetime.datetime
            Widened by an hour at both ends, as clocks differ, and cut to the 92 days the service takes.

        Raises
        ------
        ServiceError, Unreachable
        """
        end = end + _CLOCKS_DIFFER
        start = max(start - _CLOCKS_DIFFER, end - LOGS_SPAN)
        for offset in range(0, _MOST_LOG_ROWS, 100):
            query = {"start": timestamp(start), "end": timestamp(end), "limit": 100, "offset": offset}
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
        answer = self._get("/v1/models", {"id": model, "include": "pricing"}, patience=patience)
        return fixed_price(answer.fields.get("data"), model)

    def download(self, url: str, destination: Path, *, file_size: int | None = None) -> float:
        """Fetch a finished song; the key is not sent, and a link that quotes it is cleaned. See `fetch_song`."""
        return fetch_song(url, destination, file_size=file_size, hide=self._hide)

    def _get(self, path: str, query: Mapping[str, Any], *, patience: float) -> Answer:
        def attempt() -> Answer | Silence:
            return self._exchange(self._http, "GET", path, query=query, seconds=wire.ANSWER_SECONDS)

        outcome = self._insist(attempt, repeatable=True, patience=patience) if patience else attempt()
        if isinstance(outcome, Silence):
            raise Unreachable(f"No answer from {self._host} ({outcome.why}).")
        if outcome.status != 200 or not outcome.fields:
            raise self._refusal(outcome)
        return outcome

    @staticmethod
    def _insist(attempt: Callable[[], Answer | Silence], *, repeatable: bool, patience: float) -> Answer | Silence:
        persistence = _Persistence(repeatable=repeatable, patience=patience)
        outcome = attempt()
        while persistence.again(outcome):
            outcome = attempt()
        return outcome

    def _exchange(
        self,
        http: requests.Session,
        method: str,
        path: str,
        *,
        seconds: float,
        query: Mapping[str, Any] | None = None,
        body: JsonBody | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer | Silence:
        """One request, one outcome. No redirect is followed: the key stays with this host."""
        if body is not None:
            body.started = body.finished = False
        try:
            response = http.request(
                method,
                self.base_url + path,
                params=query,
                data=body,
                headers=headers,
                timeout=(wire.CONNECT_SECONDS, seconds),
                allow_redirects=False,
                stream=True,
            )
            with response:
                fields = parsed(read_body(response, seconds), self._hide)
                return Answer(response.status_code, without(response.headers, self._hide), fields)
        except KeyboardInterrupt:
            # The frames below hold the header with the key, and some tracebacks show the variables of each frame.
            raise KeyboardInterrupt from None
        except Exception as error:  # whatever an answer breaks in the libraries that read it, it is no answer
            return Silence(why(error)) if body is None else Silence(why(error), body.started, body.finished)

    @property
    def _host(self) -> str:
        return urlsplit(self.base_url).netloc

    def _look(self, answer: Answer, generation_id: str) -> Look:
        fields = answer.fields
        look = read_look(fields, generation_id)
        cost = number_of(header_of(answer.headers, "x-aimlapi-usd-spent"))
        return replace(look, cost_usd=cost, error=bounded(look.error), surprise=bounded(look.surprise))

    def _refusal(self, answer: Answer) -> ServiceError:
        error_class = _CLASSES.get(answer.status, Refused if 400 <= answer.status < 500 else Unavailable)
        error = error_class(
            f"The service says no (HTTP {answer.status}): {self._message(answer)}",
            retry_after=retry_after(answer.headers),
        )
        error.http_status = answer.status
        return error

    def _message(self, answer: Answer) -> str:
        message = answer.fields.get("message")
        if isinstance(message, list):
            message = "; ".join(str(part) for part in message[:5])
        text = message if isinstance(message, str) else "no explanation."
        return bounded("; ".join([text, *_rejected_fields(answer.fields)]))

    def _hide(self, text: str) -> str:
        """Take the key out of a text from the network: a service may echo what it was sent."""
        return self.key.hide(text) if self.key else text


def _rejected_fields(fields: Mapping[str, Any]) -> Iterator[str]:
    """Which fields of a request the service rejected, and why."""
    error = fields.get("error")
    rows = error.get("data") if isinstance(error, dict) else None
    for row in rows[:5] if isinstance(rows, list) else []:
        if isinstance(row, dict) and isinstance(row.get("path"), list):
            yield f"{'.'.join(map(str, row['path']))}: {row.get('message', '')}"
