"""The contract: the provider's calls, answered on 127.0.0.1 by this computer. Knows no music.

========================================  ==============================================================
`POST /v2/generate/audio`                 submit: the song is on disk before it is answered
`GET /v2/generate/audio?generation_id=`   retrieve
`GET /files/<uuid>/output.<format>`       download: no key, a signature that expires
`GET /v2/logs`, `/v2/billing`              what was requested and what it cost, in play money
`GET /v2/billing/transactions`            the charges, a page at a time
`GET /v1/models?id=&include=pricing`      the models and their prices, no key
`GET`, `POST /v1/keys`                    the keys of a class: list them, mint one
`PATCH`, `DELETE /v1/keys/<prefix>`       change one, revoke one
`GET /v1/key`                             the key that is being used
`GET /rehearsal/proof?nonce=`             that this is the service that holds the key
`GET`, `PUT /rehearsal/faults`            the faults in force (`faults.py` has their table)
`POST /rehearsal/stop`                    ends the service, unless it is making a song
`POST /rehearsal/join`                    a token for one library, in a room that gives tokens
`POST /rehearsal/handed-in`               a song for the class to hear
`GET`, `DELETE /rehearsal/gallery`        all songs that were handed in, for the teacher
`GET /rehearsal/gallery/<id>.mp3`         one of them: no key, a signature that expires
========================================  ==============================================================

Four fields more than the provider's are taken from a submit: `tempo` (beats per minute), `key`, `seed` and
`language` (of the words). Two more are in the answer of a retrieve: `timeline`, which says when what is sung, and,
while a song waits for its turn, `queue`: how many are `ahead` of it, and in how many `seconds` it is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import signal
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tornado import httpserver, netutil, web

from ..band.request import Band
from .account import Billing, Logs, Transactions
from .context import Context
from .control import FaultList, Join, NoSuchCall, Proof, Stop
from .faults import Rule
from .gallery import Gallery, GallerySong, HandIn
from .generation import Download, Generation
from .job_store import JobStore
from .key_calls import Key, Keys, OwnKey
from .keys import KeyStore
from .model_list import Models
from .room_rules import RoomRules
from .rules import Faults

MOST_SMALL_BODY = 1_000_000

logger = logging.getLogger(__name__)


def make_application(context: Context) -> web.Application:
    """Return the tornado application for a context."""
    shared: dict[str, Any] = {"context": context}
    routes: list[Any] = [
        ("/v2/generate/audio", Generation, shared),
        (r"/files/([0-9a-f-]{36})/(?:output\.(?:mp3|wav)|music(?:%2F|/)output)", Download, shared),
        ("/v2/logs", Logs, shared),
        ("/v2/billing", Billing, shared),
        ("/v2/billing/transactions", Transactions, shared),
        ("/v1/models", Models, shared),
        ("/v1/key", OwnKey, shared),
        ("/v1/keys", Keys, shared),
        ("/v1/keys/([^/]{1,100})", Key, shared),
        ("/rehearsal/proof", Proof, shared),
        ("/rehearsal/faults", FaultList, shared),
        ("/rehearsal/stop", Stop, shared),
        ("/rehearsal/join", Join, shared),
        ("/rehearsal/handed-in", HandIn, shared),
        ("/rehearsal/gallery", Gallery, shared),
        ("/rehearsal/gallery/([0-9a-f]{32})[.]mp3", GallerySong, shared),
    ]
    below = [(re.escape(context.room.prefix) + path, *rest) for path, *rest in routes]
    return web.Application(
        below, default_handler_class=NoSuchCall, default_handler_args=shared, log_function=_log_call
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
    room: RoomRules = RoomRules(),  # noqa: B008
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve until idle, stopped or interrupted, or until nobody can find the service any more.

    Parameters
    ----------
    folder : Path
        Where the jobs lie.
    record : Path
        The file that leads callers here, written by `announce`; once it is gone, the service ends.
    ports : sequence of int
        The first free one is taken; 0 is any free one.
    idle : float or None
        Seconds with nothing to do after which it ends; None: never.
    band : Band
    announce : callable
        Told the port as soon as calls are answered.
    room : RoomRules
    host : str
        The address to listen at.
    tls : ssl.SSLContext, optional
        With the certificate, where calls are answered over https.

    Raises
    ------
    OSError
        When no port can be had.
    """
    # Tornado's own lines quote what clients send.
    logging.getLogger("tornado").setLevel(logging.CRITICAL)

    async def main() -> None:
        sockets = _listen(ports, host)
        store, faults = JobStore(folder), Faults(rules)
        keys = KeyStore(folder.parent / "keys.json")
        context = Context(store, keys, band, faults, key=key, version=version, price_usd=price_usd, room=room)
        # The proxy of a hub says under which address it was asked; nobody else is believed.
        server = httpserver.HTTPServer(
            make_application(context), max_body_size=MOST_SMALL_BODY, ssl_options=tls, xheaders=room.hub is not None
        )
        server.add_sockets(sockets)
        with _stopped_by_signals(context):
            announce(sockets[0].getsockname()[1])
            await context.wait_for_end(idle, record)
        server.stop()
        await server.close_all_connections()

    asyncio.run(main())


def _listen(ports: Sequence[int], host: str) -> list[Any]:
    for port in ports[:-1]:
        with contextlib.suppress(OSError):
            return netutil.bind_sockets(port, host)
    return netutil.bind_sockets(ports[-1], host)


@contextlib.contextmanager
def _stopped_by_signals(context: Context) -> Iterator[None]:
    """End well when interrupted or terminated."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        context.loop.call_soon_threadsafe(context.stop.set)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
