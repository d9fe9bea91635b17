"""Songs looked up in the provider's logs: the ones whose answer was lost, and the ones no library knows."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone

from .answers import LogEntry
from .client import Client
from .urls import is_loopback

# The logs take 200 requests a minute; one reading serves all songs that are looked for.
_FRESH_SECONDS = {True: 0.5, False: 10.0}


class Lookup:
    """The logs of one key at one service, read anew at most every few seconds.

    Parameters
    ----------
    client : Client
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._fresh = _FRESH_SECONDS[is_loopback(client.base_url)]
        self._lock = threading.Lock()
        self._entries: dict[str, LogEntry] = {}
        self._since = datetime.max.replace(tzinfo=timezone.utc)
        self._read_at = float("-inf")

    def find(self, request_id: str, since: datetime) -> LogEntry | None:
        """The entry of the song with this client request id, submitted not before `since`.

        Raises
        ------
        ServiceError, Unreachable
        """
        with self._lock:
            if request_id in self._entries:
                return self._entries[request_id]
            stale = time.monotonic() - self._read_at > self._fresh
            if stale or since < self._since:
                self._since = min(since, self._since)
                now = datetime.now(timezone.utc)
                for entry in self._client.logs(self._since, now):
                    self._entries[entry.request_id] = entry
                self._read_at = time.monotonic()
            return self._entries.get(request_id)
