"""The calls with which a management key mints, lists, changes and revokes the keys of a class."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from .faults import Rule
from .handler import Handler
from .keys import RETENTIONS, SCOPES, ApiKey, start_of
from .responses import Rejection, Reply, timestamp

_MOST_NAME = 200
_FIELDS = ("name", "disabled", "limit", "scopes")


class KeyHandler(Handler):
    """What the calls about keys share."""

    def describe(self, key: ApiKey) -> dict[str, Any]:
        """Return a key as it is shown, which is without the key itself."""
        month = start_of("month", time.time())
        limit = {"retention": key.retention, "threshold": key.threshold_usd}
        return {
            "name": key.name,
            "disabled": key.disabled,
            "prefix": key.prefix,
            "scopes": list(key.scopes),
            "limit": None if key.threshold_usd is None else limit,
            "created_at": timestamp(key.created),
            "updated_at": timestamp(key.updated),
            "monthly_usage": self.context.store.spent(key.prefix, since=month),
        }


class Keys(KeyHandler):
    """All keys: list them, mint one."""

    needs_management_key = True

    async def get(self) -> None:
        """List."""
        await self.respond("keys", self._list)

    async def post(self) -> None:
        """Mint."""
        await self.respond("keys", self._mint)

    async def _list(self, _rule: Rule | None) -> Reply:
        return Reply({"data": [self.describe(key) for key in self.context.keys.all()]})

    async def _mint(self, _rule: Rule | None) -> Reply:
        fields = _read(self.request.body)
        if "name" not in fields:
            raise _invalid("name", f"a text of 1 to {_MOST_NAME} characters", "Required")
        key, secret = self.context.keys.mint(**fields)
        return Reply({"data": {**self.describe(key), "key": secret}}, 201)


class Key(KeyHandler):
    """One key by its prefix: change it, revoke it."""

    needs_management_key = True

    async def patch(self, prefix: str) -> None:
        """Change."""
        await self.respond("keys", lambda _rule: self._change(prefix))

    async def delete(self, prefix: str) -> None:
        """Revoke."""
        await self.respond("keys", lambda _rule: self._revoke(prefix))

    async def _change(self, prefix: str) -> Reply:
        return self._found(prefix, self.context.keys.change(prefix, **_read(self.request.body)))

    async def _revoke(self, prefix: str) -> Reply:
        return self._found(prefix, self.context.keys.revoke(prefix))

    def _found(self, prefix: str, key: ApiKey | None) -> Reply:
        if key is None:
            raise Rejection(404, f"Key not found: {prefix}")
        return Reply({"data": self.describe(key)})


class OwnKey(KeyHandler):
    """The key that is being used."""

    async def get(self) -> None:
        """Describe it."""
        await self.respond("key", self._describe)

    async def _describe(self, _rule: Rule | None) -> Reply:
        key = self.api_key or ApiKey("rehearsal", self.context.key[:8], "", SCOPES)
        return Reply({"data": self.describe(key)})


def _read(body: bytes) -> dict[str, Any]:
    """Return what is requested for a key, under our own names.

    Raises
    ------
    Rejection
        400 with the field that is wrong.
    """
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Rejection(400, "Body validation error! Expected a JSON object.")
    for name in given:
        if name not in _FIELDS:
            raise _invalid(name[:80], f"one of {', '.join(_FIELDS)}")
    fields: dict[str, Any] = {}
    if "name" in given:
        fields["name"] = _name(given["name"])
    if "disabled" in given:
        fields["disabled"] = _flag(given["disabled"])
    if "scopes" in given:
        fields["scopes"] = _scopes(given["scopes"])
    if "limit" in given:
        fields |= _limit(given["limit"])
    return fields


def _name(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(rf".{{1,{_MOST_NAME}}}", value):
        raise _invalid("name", f"a text of 1 to {_MOST_NAME} characters")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _invalid("disabled", "true or false")
    return value


def _scopes(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(scope in SCOPES for scope in value):
        raise _invalid("scopes", f"a list of {', '.join(SCOPES)}")
    return tuple(value)


def _limit(value: object) -> dict[str, Any]:
    if value is None:
        return {"retention": "no_reset", "threshold_usd": None}
    if not isinstance(value, dict) or value.get("retention", "no_reset") not in RETENTIONS:
        raise _invalid("limit", f"an object with a retention of {', '.join(RETENTIONS)} and a threshold")
    threshold = value.get("threshold")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold < 1e9:
        raise _invalid("limit", "a threshold in USD")
    return {"retention": value.get("retention", "no_reset"), "threshold_usd": float(threshold)}


def _invalid(name: str, expected: str, message: str = "") -> Rejection:
    row = {"code": "custom", "path": [name], "expected": expected, "message": message or f"Expected {expected}"}
    return Rejection(400, "Invalid payload provided", [row])
