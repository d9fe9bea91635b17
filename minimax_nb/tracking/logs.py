"""Songs found in the provider's usage logs: the ones whose response was lost, and the ones no library knows."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..api.responses import LogEntry
from ..errors import InvalidOption

if TYPE_CHECKING:
    from ..api.client import Client

Since = str | datetime | tuple[datetime, datetime]

# A clock that was set to the wrong time zone, or set right since, must not hide a song.
_CLOCKS_DIFFER = timedelta(days=1)


class UsageLogs:
    """The logs of one key at one service, read again at most every few seconds: one reading serves all songs.

    Parameters
    ----------
    client : Client
    max_age : float
        Seconds after which they are read again.
    """

    def __init__(self, client: Client, max_age: float) -> None:
        self._client = client
        self._max_age = max_age
        self._lock = threading.Lock()
        self._entries: dict[str, LogEntry] = {}
        self._since = datetime.max.replace(tzinfo=UTC)
        self._read_at = float("-inf")

    def find(self, request_id: str, since: datetime) -> LogEntry | None:
        """The entry of the song with this client request id, submitted not before `since`.

        A submit that was told to wait and then sent again has two of them: the one that succeeded counts.

        Raises
        ------
        ServiceError, Unreachable
        """
        with self._lock:
            known = self._entries.get(request_id)
            if known is not None and known.succeeded:
                return known
            now = datetime.now(UTC)
            since = min(since, now) - _CLOCKS_DIFFER
            stale = time.monotonic() - self._read_at > self._max_age
            if stale or since < self._since:
                self._since = min(since, self._since)
                for entry in self._client.logs(self._since, now + _CLOCKS_DIFFER):
                    self._keep(entry)
                self._read_at = time.monotonic()
            return self._entries.get(request_id)

    def _keep(self, entry: LogEntry) -> None:
        before = self._entries.get(entry.request_id)
        if before is None or (entry.succeeded and not before.succeeded):
            self._entries[entry.request_id] = entry


def period(since: Since) -> tuple[datetime, datetime]:
    """Start and end of a part of the logs: "24h" or "7d" before now, a moment, or both ends.

    Raises
    ------
    InvalidOption
    """
    now = datetime.now(UTC)
    if isinstance(since, datetime):
        return since, now
    if isinstance(since, tuple) and len(since) == 2 and all(isinstance(moment, datetime) for moment in since):
        return since
    text = since if isinstance(since, str) else ""
    unit = {"m": "minutes", "h": "hours", "d": "days"}.get(text[-1:])
    if unit is None or not text[:-1].isdigit():
        raise InvalidOption(
            f"since={since!r} is not a valid time span.",
            do='Give one like "24h" or "7d", a datetime, or a pair of them.',
        )
    return now - timedelta(**{unit: int(text[:-1])}), now
