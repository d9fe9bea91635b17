"""The contract: the provider's calls, answered on 127.0.0.1 by this computer. Knows no music.

========================================  ==============================================================
`POST /v2/generate/audio`                 submit: the song is in the ledger before it is answered
`GET /v2/generate/audio?generation_id=`   retrieve
`GET /files/<uuid>/output.mp3`            download: no key, a signature that expires
`GET /v2/logs`, `GET /v2/billing`         what was asked for and what it cost, in play money
`GET /v1/models?id=&include=pricing`      the price, no key
`GET /rehearsal/proof?nonce=`             proves that this is the service that holds the key
`GET`, `PUT /rehearsal/faults`            the faults in force (`faults.py` has their table)
`POST /rehearsal/stop`                    ends the service, unless it is making a song
========================================  ==============================================================

Four fields more than the provider's are taken from a submit: `tempo` (beats per minute), `key`, `seed` and
`language` (of the words). One more is in the answer of a retrieve: `timeline`, which says when what is sung.
An `audio_setting` is checked, and the band plays as it always does: an mp3.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tornado import httpserver, netutil, web

from ..band.request import Band
from .context import Call, Desk
from .faults import Faults, Rule, parse
from .handlers import Audio, Billing, Download, Logs, Models
from .job_store import Ledger
from .responses import Refusal, Reply, proof

MOST_SMALL_BODY = 1_000_000

logger = logging.getLogger(__name__)


class Proof(Call):
    """Whether this is the service that holds the key: said without sending the key or asking for it."""

    needs_key = False

    async def get(self) -> None:
        """Answer what only the holder of the key can say to the nonce."""
        await self.respond("", self._prove)

    async def _prove(self, _rule: Rule | None) -> Reply:
        nonce = self.get_query_argument("nonce", "")[:100]
        return Reply({"proof": proof(self.desk.key, nonce), "version": self.desk.version})


class Stop(Call):
    """The end of the service, for a newer one that takes its place."""

    async def post(self) -> None:
        """End, unless a song is being made."""
        await self.respond("", self._stop)

    async def _stop(self, _rule: Rule | None) -> Reply:
        if self.desk.working:
            raise Refusal(409, "A song is being made.")
        self.desk.leaving.set()
        return Reply({"stopped": True})


class FaultList(Call):
    """The faults in force."""

    async def get(self) -> None:
        """Answer the rules, each with how often it has fired."""
        await self.respond("", self._report)

    async def put(self) -> None:
        """Put other rules in force."""
        await self.respond("", self._replace)

    async def _report(self, _rule: Rule | None) -> Reply:
        return Reply(self.desk.faults.report())

    async def _replace(self, _rule: Rule | None) -> Reply:
        try:
            rules = parse(json.loads(self.request.body))
        except (ValueError, RecursionError) as problem:
            raise Refusal(400, f"Body validation error! {problem}") from None
        self.desk.faults.replace(rules)
        return Reply(self.desk.faults.report())


class NoSuchCall(Call):
    """Any other path."""

    def prepare(self) -> None:
        """Answer at once."""
        self.send_error(404)


def make_application(desk: Desk) -> web.Application:
    """Return the tornado application for a desk."""
    shared: dict[str, Any] = {"desk": desk}
    routes: list[Any] = [
        ("/v2/generate/audio", Audio, shared),
        (r"/files/([0-9a-f-]{36})/output\.mp3", Download, shared),
        ("/v2/logs", Logs, shared),
        ("/v2/billing", Billing, shared),
        ("/v1/models", Models, shared),
        ("/rehearsal/proof", Proof, shared),
        ("/rehearsal/faults", FaultList, shared),
        ("/rehearsal/stop", Stop, shared),
    ]
    return web.Application(
        routes, default_handler_class=NoSuchCall, default_handler_args=shared, log_function=_log_call
    )


def _log_call(handler: web.RequestHandler) -> None:
    request = handler.request
    milliseconds = 1000 * request.request_time()
    logger.info("%s %s %d %.0f ms", request.method, request.path[:200], handler.get_status(), milliseconds)


def run(
    folder: Path,
    *,
    record: Path,
    ports: Sequence[int],
    key: str,
    version: str,
    idle: float | None,
    rules: Sequence[Rule],
    price_usd: float,
    band: Band,
    announce: Callable[[int], None],
) -> None:
    """Serve until idle, stopped, interrupted or not to be found any more.

    Parameters
    ----------
    folder : Path
        Where the jobs lie.
    record : Path
        The file that leads callers here, written by `announce`; without it, nobody finds the service any more.
    ports : sequence of int
        The first that is free is taken; 0 is any free one.
    idle : float or None
        Seconds with nothing to do after which it ends; None: never.
    band : Band
    announce : callable
        Told the port as soon as calls are answered.

    Raises
    ------
    OSError
        When no port can be had.
    """

    # Tornado's own lines quote what clients send.
    logging.getLogger("tornado").setLevel(logging.CRITICAL)

    async def main() -> None:
        sockets = _listen(ports)
        ledger, faults = Ledger(folder), Faults(rules)
        desk = Desk(ledger, band, faults, key=key, version=version, price_usd=price_usd)
        server = httpserver.HTTPServer(make_application(desk), max_body_size=MOST_SMALL_BODY)
        server.add_sockets(sockets)
        with _told_to_end(desk):
            announce(sockets[0].getsockname()[1])
            await desk.leave(idle, record)
        server.stop()
        await server.close_all_connections()

    asyncio.run(main())


def _listen(ports: Sequence[int]) -> list[Any]:
    for port in ports[:-1]:
        with contextlib.suppress(OSError):
            return netutil.bind_sockets(port, "127.0.0.1")
    return netutil.bind_sockets(ports[-1], "127.0.0.1")


@contextlib.contextmanager
def _told_to_end(desk: Desk) -> Iterator[None]:
    """End well when interrupted or terminated."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(*_: object) -> None:
        desk.loop.call_soon_threadsafe(desk.leaving.set)

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
