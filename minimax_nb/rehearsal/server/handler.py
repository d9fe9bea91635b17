"""The base of all HTTP handlers: host and key are checked, faults applied, one answer sent.

Requests are answered for a loopback host only: a web page that rebinds its own name to this machine is
rejected. A room that others reach is behind TLS or a hub's proxy instead. Neither query strings nor bodies nor keys
get into the log.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import re
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, ClassVar

from tornado import iostream, web

from .context import Context
from .encodings import ENCODINGS
from .faults import FAULTS, INVALID_KEY, Rule
from .keys import ApiKey
from .request_body import BodyReader
from .responses import Rejection, Reply, credits, error_body

_CLIENT_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_LOOPBACK_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?", re.IGNORECASE)

logger = logging.getLogger(__name__)

Action = Callable[[Rule | None], Awaitable[Reply]]


class Handler(web.RequestHandler):
    """One call: who may make it, which fault applies to it, and how its answer is sent."""

    needs_key: ClassVar[bool] = True
    needs_management_key: ClassVar[bool] = False

    def initialize(self, context: Context) -> None:
        """Take what all calls share."""
        self.context = context
        self.request_id = str(uuid.uuid4())
        self.rejection: Rejection | None = None
        self.inference_id = ""
        self.api_key: ApiKey | None = None

    async def prepare(self) -> None:
        """Check host and key, before any of the body is read."""
        self.context.last_seen = time.monotonic()
        if not self.context.room.public and not _LOOPBACK_HOST.fullmatch(self.request.host):
            self.rejection = Rejection(403, "This service answers to 127.0.0.1 and localhost only.")
        elif self.needs_key:
            self.rejection = await self._check_key(self.request.headers.get("Authorization", ""))

    async def _check_key(self, given: str) -> Rejection | None:
        """The service's own key and teachers may do everything; all others make songs."""
        if hmac.compare_digest(given.encode(), f"Bearer {self.context.key}".encode()):
            return None
        if not given.startswith("Bearer "):
            return Rejection(401, INVALID_KEY)
        secret, room = given.removeprefix("Bearer "), self.context.room
        try:
            self.api_key = await room.hub.holder(secret) if room.hub else self.context.keys.holder(secret)
        except OSError:
            # Free of charge, and for now: whoever asked asks again.
            return Rejection(429, "JupyterHub does not say just now whose token this is.")
        if self.api_key is None:
            return Rejection(401, INVALID_KEY)
        if self.needs_management_key and not (room.hub and self.api_key.name in room.teachers):
            return Rejection(403, "This call needs a management key.", {"kind": "err_missing_scope"})
        return None

    @property
    def address(self) -> str:
        """Where this service is for whoever asks."""
        return f"{self.request.protocol}://{self.request.host}{self.context.room.prefix}"

    @property
    def client_request_id(self) -> str:
        """The caller's own id of this request; empty when it is not made of the documented characters."""
        given = self.request.headers.get("X-Client-Request-Id", "")
        return given if _CLIENT_REQUEST_ID.fullmatch(given) else ""

    def song(self) -> str:
        """The ids of the song that this request is about; empty where it is about none."""
        return ""

    def applies(self, rule: Rule) -> bool:
        """Whether a rule can apply to this very request."""
        return not rule.song or rule.song in self.song()

    async def respond(self, call: str, action: Action) -> None:
        """Do what is requested, as far as the faults allow, and answer.

        Parameters
        ----------
        call : str
            The name that fault rules know it by.
        action : callable
            Takes the rule that applies, if any, and returns the answer or raises `Rejection`.
        """
        with self.context.counted():
            await self._send(self.rejection.reply if self.rejection else await self._with_fault(call, action))

    async def _with_fault(self, call: str, action: Action) -> Reply:
        rule = self.context.faults.draw(call, self.applies)
        if rule is None:
            return await self._run(action, None)
        fault = FAULTS[rule.fault]
        reply = Reply(b"") if fault.when == "instead" else await self._run(action, rule)
        return fault.change(rule, reply)

    async def _run(self, action: Action, rule: Rule | None) -> Reply:
        try:
            return await action(rule)
        except Rejection as rejection:
            return replace(rejection.reply, inference_id=self.inference_id)
        except OSError as problem:
            logger.error("the disk cannot be used (%s)", type(problem).__name__)
            return Reply({"message": "The rehearsal service cannot use its folder; nothing was charged."}, 500)

    async def _send(self, reply: Reply) -> None:
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.sent is None:
            self.detach().close()
            return
        body = self._head(reply)
        if reply.encoding:
            name, encode = ENCODINGS[reply.encoding]
            self.set_header("Content-Encoding", name)
            body = await self.context.loop.run_in_executor(None, encode, body)
        if reply.sent == 1:
            self.finish(body)
            return
        self.set_header("Content-Length", len(body))
        self.write(body[: int(len(body) * reply.sent)])
        await self.flush()
        self.detach().close()

    def _head(self, reply: Reply) -> bytes:
        """Set status and headers; return the body as bytes."""
        self.set_status(reply.status)
        self.set_header("Content-Type", reply.content_type)
        if self.client_request_id:
            self.set_header("X-Client-Request-Id", self.client_request_id)
        if reply.inference_id and reply.provider_headers:
            self.set_header("x-inference-id", reply.inference_id)
        if reply.cost_usd is not None and reply.provider_headers and not isinstance(reply.body, bytes):
            self.set_header("x-aimlapi-credits-used", str(credits(reply.cost_usd)))
            self.set_header("x-aimlapi-usd-spent", f"{reply.cost_usd:g}")
        for name, value in reply.headers.items():
            self.set_header(name, value)
        if isinstance(reply.body, bytes):
            return reply.body
        if reply.status < 400:
            return json.dumps(reply.body).encode()
        return json.dumps(error_body(reply, self.request.path, self.request_id, time.time())).encode()

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


class BodyHandler(Handler):
    """A call whose body may be large: one that is too large is read to its end, so that the client reads the 413.

    Its classes need `tornado.web.stream_request_body`.
    """

    def initialize(self, context: Context) -> None:
        """Take what all calls share, and be ready for a body."""
        super().initialize(context)
        self.reader = BodyReader()

    async def prepare(self) -> None:
        """Let a body of any size come."""
        await super().prepare()
        connection: Any = self.request.connection
        connection.set_max_body_size(1 << 40)

    def data_received(self, chunk: bytes) -> None:
        """Take a part of the body; nothing is kept for strangers."""
        if not self.rejection:
            self.reader.feed(chunk)
