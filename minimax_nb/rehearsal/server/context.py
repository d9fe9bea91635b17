"""The way every call takes: in past host and key, through the faults, out as one answer.

Requests are answered for a loopback host only: a web page that rebinds its own name to this machine is
refused. Neither query strings nor bodies nor keys get into the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import re
import secrets
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

from tornado import iostream, web

from ..band.request import Band
from .faults import FAULTS, Faults, Rule
from .job_store import Ledger
from .responses import Refusal, Reply, credits, stamp
from .worker import Workshop

START_BALANCE_USD = 100.0

_CLIENT_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_LOOPBACK_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?", re.IGNORECASE)

URL_SECONDS = 24 * 3600

logger = logging.getLogger(__name__)

Work = Callable[[Rule | None], Awaitable[Reply]]


class Signer:
    """Signs the addresses of audio files; each is new, and ends after a day or when it is told to."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._latest = 0
        self._ended: dict[str, int] = {}

    def path(self, name: str) -> str:
        """Return a fresh path for the song of this uuid."""
        self._latest = max(self._latest + 1, int(time.time()) + URL_SECONDS)
        return f"/files/{name}/output.mp3?Expires={self._latest}&Signature={self._signature(name, self._latest)}"

    def holds(self, name: str, expires: str, signature: str) -> bool:
        """Whether an address is ours and not yet expired."""
        if not re.fullmatch(r"[0-9]{1,15}", expires) or not signature.isascii():
            return False
        genuine = hmac.compare_digest(signature, self._signature(name, int(expires)))
        return genuine and int(expires) > max(time.time(), self._ended.get(name, 0))

    def has_ended(self, name: str) -> bool:
        """Whether addresses of this song were ended early."""
        return name in self._ended

    def end(self, name: str, expires: str) -> None:
        """End an address, and those that were given out before it."""
        self._ended[name] = int(expires)

    def _signature(self, name: str, expires: int) -> str:
        return hmac.new(self._secret, f"{name}:{expires}".encode(), "sha256").hexdigest()


class Desk:
    """What all calls share.

    Attributes
    ----------
    key : str
        The bearer key of this service.
    version : str
        Of the package it runs.
    price_usd : float
        Of one song.
    busy : int
        Requests being answered.
    last_seen : float
        Monotonic time of the last request, in seconds.
    """

    def __init__(
        self, ledger: Ledger, band: Band, faults: Faults, *, key: str, version: str, price_usd: float
    ) -> None:
        self.ledger = ledger
        self.workshop = Workshop(ledger, band)
        self.faults = faults
        self.signer = Signer()
        self.key = key
        self.version = version
        self.price_usd = price_usd
        self.busy = 0
        self.last_seen = time.monotonic()
        self.leaving = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    @contextlib.contextmanager
    def attending(self) -> Iterator[None]:
        """Count a request as long as it lasts."""
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1
            self.last_seen = time.monotonic()

    @property
    def working(self) -> bool:
        """Whether a song is unfinished."""
        return bool(self.ledger.unfinished())

    def balance_usd(self) -> float:
        """Return what is left of the play money."""
        return round(START_BALANCE_USD - self.ledger.spent(), 6)

    async def leave(self, idle: float | None, record: Path) -> None:
        """Wait until the service is to end.

        That is when it is told to, after `idle` seconds with nothing to do, and when `record`, which leads
        callers here, is gone: the home was deleted, and a new service must be able to take our place.
        """
        pause = min(idle or 4.0, 4.0) / 4
        while not self.leaving.is_set() and record.exists():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.leaving.wait(), pause)
            quiet = time.monotonic() - self.last_seen
            if idle is not None and quiet > idle and not self.busy and not self.working:
                return


class Call(web.RequestHandler):
    """One call: who may make it, which fault strikes it, and how its answer is sent."""

    needs_key: ClassVar[bool] = True

    def initialize(self, desk: Desk) -> None:
        """Take what all calls share."""
        self.desk = desk
        self.request_id = str(uuid.uuid4())
        self.refusal: Refusal | None = None

    def prepare(self) -> None:
        """Decide who comes in, before any of the body is read."""
        self.desk.last_seen = time.monotonic()
        given = self.request.headers.get("Authorization", "")
        if not _LOOPBACK_HOST.fullmatch(self.request.host):
            self.refusal = Refusal(403, "This service answers to 127.0.0.1 and localhost only.")
        elif self.needs_key and not hmac.compare_digest(given.encode(), f"Bearer {self.desk.key}".encode()):
            self.refusal = Refusal(401, "Unauthorized: no valid key. Send it as: Authorization: Bearer <key>.")

    @property
    def client_request_id(self) -> str:
        """The caller's own id of this request; empty when it is not made of the documented characters."""
        given = self.request.headers.get("X-Client-Request-Id", "")
        return given if _CLIENT_REQUEST_ID.fullmatch(given) else ""

    def applies(self, fault: str) -> bool:
        """Whether a fault can happen to this very request."""
        return True

    async def respond(self, call: str, work: Work) -> None:
        """Do what is asked, as far as the faults let us, and answer.

        Parameters
        ----------
        call : str
            The name that fault rules know it by.
        work : callable
            Takes the rule that strikes, if any, and returns the answer or raises `Refusal`.
        """
        with self.desk.attending():
            await self._send(self.refusal.reply if self.refusal else await self._meet_fault(call, work))

    async def _meet_fault(self, call: str, work: Work) -> Reply:
        rule = self.desk.faults.draw(call, self.applies)
        if rule is None:
            return await self._do(work, None)
        fault = FAULTS[rule.fault]
        reply = Reply(b"") if fault.when == "instead" else await self._do(work, rule)
        return fault.spoil(rule, reply)

    async def _do(self, work: Work, rule: Rule | None) -> Reply:
        try:
            return await work(rule)
        except Refusal as refusal:
            return refusal.reply
        except OSError as problem:
            logger.error("the disk refuses (%s)", type(problem).__name__)
            return Reply({"message": "The rehearsal service cannot use its folder; nothing was charged."}, 500)

    async def _send(self, reply: Reply) -> None:
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.cut_after == -1:
            self.detach().close()
            return
        body = self._head(reply)
        if reply.cut_after is None:
            self.finish(body)
            return
        self.set_header("Content-Length", len(body))
        self.write(body[: reply.cut_after])
        await self.flush()
        self.detach().close()

    def _head(self, reply: Reply) -> bytes:
        """Set status and headers; return the body as bytes."""
        self.set_status(reply.status)
        self.set_header("Content-Type", reply.content_type)
        if self.client_request_id:
            self.set_header("X-Client-Request-Id", self.client_request_id)
        if reply.inference_id:
            self.set_header("x-inference-id", reply.inference_id)
        if reply.cost_usd is not None and not isinstance(reply.body, bytes):
            self.set_header("x-aimlapi-credits-used", str(credits(reply.cost_usd)))
            self.set_header("x-aimlapi-usd-spent", f"{reply.cost_usd:g}")
        for name, value in reply.headers.items():
            self.set_header(name, value)
        return reply.body if isinstance(reply.body, bytes) else json.dumps(self._full(reply)).encode()

    def _full(self, reply: Reply) -> Any:
        """Add what the documented error body has besides its message."""
        if reply.status < 400 or not isinstance(reply.body, dict):
            return reply.body
        facts = {"path": self.request.path, "requestId": self.request_id, "statusCode": reply.status}
        return {**reply.body, **facts, "timestamp": stamp(time.time())}

    def write_error(self, status_code: int, **_: Any) -> None:
        """Answer what no call answers (no such path or method, our own mistakes) in the documented shape."""
        self.finish(self._head(Reply({"message": f"{self._reason}."}, status_code)))

    def compute_etag(self) -> str | None:
        """Leave the ETag to those calls that are documented to have one."""
        return None

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log the stack alone: the request and the exception's text may hold what belongs in no log."""
        if typ and not issubclass(typ, web.HTTPError | iostream.StreamClosedError):
            logger.error("%s %s\n%s", self.request.method, typ.__name__, "".join(traceback.format_tb(tb)))
