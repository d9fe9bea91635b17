"""The calls of a management key: keys for others, minted, listed, revoked, and what they were used for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..errors import NoCredits, NotFound, OutcomeUnknown, ServiceError, Unreachable
from .client import Client
from .responses import LOGS_SPAN, LogEntry, number_of
from .transport import NoResponse, RequestBody, Response

AUDIO_SCOPE = "model:audio"
_PATIENCE = 20.0
_MANAGEMENT = "Use a management key: make one at https://aimlapi.com/app/keys."


@dataclass(frozen=True)
class KeyInfo:
    """What the service says of a key it gave out.

    Attributes
    ----------
    name : str
    prefix : str
        Its first 8 characters, by which it is changed and revoked.
    limit_usd : float or None
        What it may spend; None where it has no limit.
    disabled : bool
    """

    name: str
    prefix: str
    limit_usd: float | None = None
    disabled: bool = False


@dataclass(frozen=True)
class MintedKey:
    """A new key; the service shows it this once.

    Attributes
    ----------
    info : KeyInfo
    key : str
        Not shown by `repr`.
    """

    info: KeyInfo
    key: str = field(repr=False)


class KeyClient(Client):
    """The calls of a management key.

    Parameters
    ----------
    base_url : str
    key : Key
        A management key.
    """

    def given(self) -> list[KeyInfo]:
        """List the keys that were given out.

        Raises
        ------
        ServiceError, Unreachable
        """
        rows = self._call("GET", "/v1/keys").get("data")
        return [info for row in (rows if isinstance(rows, list) else []) if (info := _read_info(row))]

    def mint(self, name: str, limit_usd: float) -> MintedKey:
        """Make a key for songs and nothing else, which can spend `limit_usd` in all.

        Raises
        ------
        ServiceError, Unreachable
            There is no such key.
        OutcomeUnknown
            There may be one, and nobody knows it: look for its name, and revoke it.
        """
        limit = {"retention": "no_reset", "threshold": limit_usd}
        body = RequestBody({"name": name, "limit": limit, "scopes": [AUDIO_SCOPE]})
        outcome = self._transport.post("/v1/keys", body, {})
        if isinstance(outcome, NoResponse):
            if outcome.complete:
                raise OutcomeUnknown(f"The new key got lost on its way ({outcome.why}).")
            raise Unreachable(f"{self._host} cannot be reached ({outcome.why}).", do=outcome.do or None)
        if 400 <= outcome.status < 500:
            raise self._rejection_of_key(outcome)
        data = outcome.fields.get("data")
        info, key = _read_info(data), data.get("key") if isinstance(data, Mapping) else None
        if outcome.status >= 300 or info is None or not isinstance(key, str) or not key.startswith(info.prefix):
            raise OutcomeUnknown(f"The new key got lost on its way (HTTP {outcome.status}).")
        return MintedKey(info, key)

    def revoke(self, prefix: str) -> None:
        """Revoke a key; one that is gone already is no error.

        Raises
        ------
        ServiceError, Unreachable
        """
        try:
            self._call("DELETE", f"/v1/keys/{prefix}")
        except NotFound:
            return

    def logs_of(self, prefix: str) -> Iterator[LogEntry]:
        """Read what a key was used for, newest first, as far back as the logs go.

        Raises
        ------
        ServiceError, Unreachable
        """
        now = datetime.now(UTC)
        yield from self.logs(now - LOGS_SPAN, now, key_prefix=prefix)

    def _call(self, method: str, path: str) -> Mapping[str, Any]:
        transport = self._transport
        if method == "DELETE":
            outcome = transport.delete(path, patience=_PATIENCE)
        else:
            outcome = transport.get(path, {}, patience=_PATIENCE)
        if isinstance(outcome, NoResponse):
            raise Unreachable(f"No response from {self._host} ({outcome.why}).", do=outcome.do or None)
        if not 200 <= outcome.status < 300:
            raise self._rejection_of_key(outcome)
        if method == "GET" and (outcome.broken or not outcome.fields):
            raise Unreachable(f"No response from {self._host} that can be used ({outcome.broken or 'no JSON'}).")
        return outcome.fields

    def _rejection_of_key(self, response: Response) -> ServiceError:
        error = self._rejection(response)
        if isinstance(error, NoCredits):
            error.do = _MANAGEMENT
        return error


def _read_info(row: object) -> KeyInfo | None:
    if not isinstance(row, Mapping) or not isinstance(row.get("name"), str) or not isinstance(row.get("prefix"), str):
        return None
    limit = row.get("limit")
    return KeyInfo(
        row["name"],
        row["prefix"],
        number_of(limit.get("threshold")) if isinstance(limit, Mapping) else None,
        row.get("disabled") is True,
    )
