"""How many requests a host allows: found out, and shared by the processes that use one library.

A host that has told one of them to wait is noted in a small file beside the database. From then on each request of
any of them takes its turn there, under a lock that ends with its process: whoever dies leaves nothing behind, and
nobody needs to know how many they are. Nothing of it has to last, so nothing is synced. Kernels on two computers
that share a network disk find out by themselves: the file is where the database is, on this computer.
"""

from __future__ import annotations

import contextlib
import hashlib
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf, log
from pathlib import Path

MOST_PER_SECOND = 120.0
"""Requests to one host; 200 songs that keep to the schedule need 108."""

LEAST_PER_SECOND = 0.5
FORGOTTEN = 600.0
"""Seconds after which a limit is no longer believed in."""

COUNTED = 10
"""Requests within a second that got through before the host told us to wait: from so many on they are its limit."""

BURST = 6
"""Requests that may go out at once where no limit is known: those of one host that are due together."""

RECOVERY, NEAR_RECOVERY, NEAR = 1.03, 1.002, 0.95
"""By how much the requests per second grow again, every second: up to this share of what was too many, and beyond."""


@dataclass
class RateLimit:
    """How often one host may be polled: one request at a time, evenly spaced, as many as it has allowed.

    `too_many` is the rate at which it last told us to wait, `sent` counts the requests of all processes that share
    it, `lately` what it was when; moments are on the clock of the schedule, in seconds.
    """

    rate: float = MOST_PER_SECOND
    too_many: float = inf
    since: float = -inf
    free_at: float = -inf
    paused_until: float = -inf
    sent: float = 0.0
    lately: deque[tuple[float, float]] = field(default_factory=deque)

    @property
    def open_at(self) -> float:
        """When the next request may go out."""
        return max(self.free_at, self.paused_until)

    def is_limited(self, now: float) -> bool:
        """Whether the host has told us to wait, not long ago."""
        return self.rate < MOST_PER_SECOND and now - self.since <= FORGOTTEN

    def rate_at(self, now: float) -> float:
        """Requests per second that are allowed now."""
        if not self.is_limited(now):
            return MOST_PER_SECOND
        passed, near = max(0.0, now - self.since), NEAR * self.too_many
        far = max(0.0, log(near / self.rate) / log(RECOVERY)) if near < MOST_PER_SECOND else inf
        grown: float = self.rate * RECOVERY ** min(far, passed) * NEAR_RECOVERY ** max(0.0, passed - far)
        return min(MOST_PER_SECOND, grown)

    def spend(self, now: float) -> None:
        """Note that a request goes out."""
        limited = self.is_limited(now)
        step = 1 / (self.rate_at(now) if limited else MOST_PER_SECOND - BURST)
        # A thread that woke up late is given its step back, or the rate would never be reached.
        self.free_at = max(self.free_at, now - (step if limited else BURST * step)) + step
        self.lately.append((now, self.sent))
        self.sent += 1
        while self.lately[0][0] < now - 1:
            self.lately.popleft()

    def through(self, now: float) -> float:
        """How many requests were answered within a second, if the latest was not."""
        before = [sent for moment, sent in self.lately if moment >= now - 1]
        return max(0.0, self.sent - before[0] - 1) if before else 0.0

    def pause(self, now: float, seconds: float) -> None:
        """Note that the host told us to wait."""
        # Requests that were under way when the first of them was told to wait tell nothing new.
        if now >= self.paused_until:
            rate, through, limited = self.rate_at(now), self.through(now), self.is_limited(now)
            # Close to what was too many before, this is the limit; far from it, it is still being looked for.
            known = limited and 0.9 * self.too_many <= rate <= 1.1 * self.too_many
            # Once all processes take their turns at one place, it is also known how many got through.
            counted = limited and not known and COUNTED <= through <= rate / 2
            self.too_many = through + 1 if counted else rate
            lower = NEAR * (through if counted else rate)
            self.rate = lower if counted or known else min(lower, max(rate / 2, NEAR * through))
            self.rate = max(LEAST_PER_SECOND, self.rate)
        self.paused_until = self.since = max(self.paused_until, now + seconds)


_LOOKED_AT = 0.5  # s; how often it is looked whether another process was told to wait
_LOCK_SECONDS = 0.5
_LAYOUT = struct.Struct("6d")


class LimitFile:
    """What the processes of one library know of one host's limit.

    Parameters
    ----------
    folder : pathlib.Path
        Of the database.
    host : str
    """

    def __init__(self, folder: Path, host: str) -> None:
        name = hashlib.sha256(host.encode()).hexdigest()[:16]
        self._path = folder / "limits" / name
        self._looked_at = -inf

    def look(self, limit: RateLimit, now: float) -> None:
        """Learn now and then what another process was told."""
        if now - self._looked_at >= _LOOKED_AT:
            self._looked_at = now
            self._read(limit, now)

    @contextlib.contextmanager
    def locked(self, limit: RateLimit, now: float) -> Iterator[None]:
        """Bring a limit up to date, and write down what becomes of it, while no other process does."""
        from filelock import FileLock, Timeout

        with contextlib.ExitStack() as stack:
            # Where it cannot be shared each process keeps its own: it is told to wait a little more often.
            with contextlib.suppress(OSError, Timeout):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(f"{self._path}.lock", timeout=_LOCK_SECONDS))
            self._read(limit, now)
            yield
            with contextlib.suppress(OSError):
                values = (limit.rate, limit.too_many, limit.since, limit.free_at, limit.paused_until, limit.sent)
                self._path.write_bytes(_LAYOUT.pack(*values))

    def _read(self, limit: RateLimit, now: float) -> None:
        with contextlib.suppress(OSError, struct.error):
            rate, too_many, since, free_at, paused_until, sent = _LAYOUT.unpack(self._path.read_bytes())
            # The clock begins anew with the computer: what lies far ahead is of an earlier day.
            if max(since, free_at, paused_until) <= now + FORGOTTEN * 6 and rate >= LEAST_PER_SECOND:
                if not limit.is_limited(now):  # until now each process has counted by itself
                    limit.lately = deque((moment, sent + before - limit.sent) for moment, before in limit.lately)
                limit.rate, limit.too_many, limit.since = rate, too_many, since
                limit.free_at, limit.paused_until, limit.sent = free_at, paused_until, sent
