"""What all calls share: the jobs and who makes them, the faults, the signed links, and when to end."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ..band.request import Band
from .handed_in import HandedInStore
from .job_store import JobStore
from .keys import KeyStore
from .room_rules import RoomRules
from .rules import Faults
from .worker import Worker

START_BALANCE_USD = 100.0

URL_SECONDS = 24 * 3600


class Signer:
    """Signs the links of audio files; each link is new, and expires after a day or when it is told to."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._latest = 0
        self._expired: dict[str, int] = {}

    def query(self, name: str) -> str:
        """Return a fresh query string for the song with this uuid."""
        self._latest = max(self._latest + 1, int(time.time()) + URL_SECONDS)
        return f"Expires={self._latest}&Signature={self._signature(name, self._latest)}"

    def is_valid(self, name: str, expires: str, signature: str) -> bool:
        """Whether a link is ours and has not expired."""
        if not re.fullmatch(r"[0-9]{1,15}", expires) or not signature.isascii():
            return False
        genuine = hmac.compare_digest(signature, self._signature(name, int(expires)))
        return genuine and int(expires) > max(time.time(), self._expired.get(name, 0))

    def was_expired(self, name: str) -> bool:
        """Whether links of this song expired early."""
        return name in self._expired

    def expire(self, name: str, expires: str) -> None:
        """Let a link expire, and those that were given out before it."""
        self._expired[name] = int(expires)

    def _signature(self, name: str, expires: int) -> str:
        return hmac.new(self._secret, f"{name}:{expires}".encode(), "sha256").hexdigest()


class Context:
    """What all calls share.

    Attributes
    ----------
    keys : KeyStore
        The keys that were minted.
    accepting : threading.Lock
        Held from the question whether a song may be paid for until it is.
    key : str
        The bearer key of this service; it may do what a management key may, and make songs.
    version : str
        Of the package it runs.
    price_usd : float
        Of one song.
    room : RoomRules
    polls : Counter
        How often each song was polled.
    requests : int
        How many are being answered.
    last_seen : float
        Monotonic time of the last request, in seconds.
    """

    def __init__(
        self,
        store: JobStore,
        keys: KeyStore,
        band: Band,
        faults: Faults,
        *,
        key: str,
        version: str,
        price_usd: float,
        room: RoomRules,
    ) -> None:
        self.store = store
        self.room = room
        self.worker = Worker(store, band, room.at_once)
        self.faults = faults
        self.signer = Signer()
        self.handed_in = HandedInStore(store.folder.parent / "handed-in")
        self.keys = keys
        self.accepting = threading.Lock()
        self.key = key
        self.version = version
        self.price_usd = price_usd
        self.polls: Counter[str] = Counter()
        self.requests = 0
        self.last_seen = time.monotonic()
        self.stop = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Count a request as long as it lasts."""
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1
            self.last_seen = time.monotonic()

    @property
    def is_working(self) -> bool:
        """Whether a song is unfinished."""
        return bool(self.store.unfinished())

    def balance_usd(self) -> float:
        """Return what is left of the play money."""
        return round(START_BALANCE_USD - self.store.spent(), 6)

    async def wait_for_end(self, idle: float | None, record: Path) -> None:
        """Wait until the service is to end.

        That is when it is told to, after `idle` seconds without requests and songs, and when `record`, which leads
        callers here, is gone: the home was deleted, and a new service must be able to take our place.
        """
        pause = min(idle or 4.0, 4.0) / 4
        while not self.stop.is_set() and record.exists():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.stop.wait(), pause)
            quiet = time.monotonic() - self.last_seen
            if idle is not None and quiet > idle and not self.requests and not self.is_working:
                return
