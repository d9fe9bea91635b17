"""The keys of a class: minted, limited, revoked; on disk as fingerprints alone."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ...library.storage import write_durably

PREFIX_CHARACTERS = 8
RETENTIONS = ("no_reset", "day", "week", "month")
_KINDS = ("chat", "responses", "image", "audio", "video", "embeddings", "speech", "ocr")
SCOPES = tuple(f"model:{kind}" for kind in _KINDS)
AUDIO_SCOPE = "model:audio"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ApiKey:
    """A key that was minted here.

    Attributes
    ----------
    name : str
        As the teacher gave it; it need not be unique.
    prefix : str
        The first 8 characters, which name it in the calls.
    fingerprint : str
        The SHA-256 of the key; the key itself is shown once and kept nowhere.
    scopes : tuple of str
        What it may be used for; empty: for everything.
    retention : {"no_reset", "day", "week", "month"}
        When its usage starts again at 0.
    threshold_usd : float or None
        What it may spend within that time; None: no limit of its own.
    disabled : bool
    created, updated : float
        Seconds since 1970.
    """

    name: str
    prefix: str
    fingerprint: str
    scopes: tuple[str, ...] = ()
    retention: str = "no_reset"
    threshold_usd: float | None = None
    disabled: bool = False
    created: float = 0.0
    updated: float = 0.0

    def allows(self, scope: str) -> bool:
        """Whether the key may be used for this."""
        return not self.scopes or scope in self.scopes

    def usage_start(self, now: float) -> float:
        """Return since when usage counts, in seconds since 1970."""
        return 0.0 if self.retention == "no_reset" else start_of(self.retention, now)


def start_of(retention: str, now: float) -> float:
    """Return when the current day, week or month began, in UTC, in seconds since 1970."""
    day = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if retention == "week":
        day -= timedelta(days=day.weekday())
    return (day.replace(day=1) if retention == "month" else day).timestamp()


class KeyStore:
    """The minted keys of a home, in memory and in one file.

    Used from the HTTP loop and from its helper threads at once.

    Parameters
    ----------
    path : Path
        The file, which only its owner may read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._keys = {key.prefix: key for key in _load(path)}

    def mint(self, **fields: Any) -> tuple[ApiKey, str]:
        """Make a key; it is on disk when this returns.

        Returns
        -------
        ApiKey, str
            The key as it is kept, and the key itself.
        """
        secret = secrets.token_hex(24)
        now = time.time()
        key = ApiKey(prefix=secret[:PREFIX_CHARACTERS], fingerprint=_hash(secret), created=now, updated=now, **fields)
        self._write({**self._keys, key.prefix: key})
        return key, secret

    def change(self, prefix: str, **fields: Any) -> ApiKey | None:
        """Change a key; None when there is none."""
        key = self.find(prefix)
        if key is not None:
            key = replace(key, updated=time.time(), **fields)
            self._write({**self._keys, prefix: key})
        return key

    def revoke(self, prefix: str) -> ApiKey | None:
        """Remove a key; None when there is none."""
        key = self.find(prefix)
        if key is not None:
            self._write({name: other for name, other in self._keys.items() if name != prefix})
        return key

    def find(self, prefix: str) -> ApiKey | None:
        """Return the key with this prefix."""
        return self._keys.get(prefix)

    def holder(self, secret: str) -> ApiKey | None:
        """Return the enabled key that was presented."""
        key = self.find(secret[:PREFIX_CHARACTERS])
        genuine = key is not None and secrets.compare_digest(key.fingerprint, _hash(secret))
        return key if key is not None and genuine and not key.disabled else None

    def all(self) -> list[ApiKey]:
        """Return all keys, the oldest first."""
        return sorted(self._keys.values(), key=lambda key: key.created)

    def _write(self, keys: Mapping[str, ApiKey]) -> None:
        with self._lock:
            rows = [dataclasses.asdict(key) for key in keys.values()]
            write_durably(self._path, json.dumps(rows).encode(), mode=0o600)
            self._keys = dict(keys)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _load(path: Path) -> list[ApiKey]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [ApiKey(**{**row, "scopes": tuple(row["scopes"])}) for row in rows]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError) as problem:
        logger.warning("the keys cannot be read (%s)", type(problem).__name__)
        return []
