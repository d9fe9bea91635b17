"""What a room adds to the service of a home: who may come in, and how they share it."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from http import HTTPStatus

from tornado import httpclient

from .keys import AUDIO_SCOPE, ApiKey

REMEMBERED_SECONDS = 120.0
"""How long the hub is not asked again about the same token."""

_HUB_SECONDS = 10.0


class Hub:
    """The users of a JupyterHub, known by the tokens that their servers have.

    Parameters
    ----------
    api_url : str
        As JupyterHub names it to a service.
    """

    def __init__(self, api_url: str) -> None:
        self._user_url = f"{api_url.rstrip('/')}/user"
        self._known: dict[str, tuple[float, ApiKey]] = {}

    async def holder(self, token: str) -> ApiKey | None:
        """Return whose token this is, as a key that makes songs; None when it is no user's.

        Raises
        ------
        OSError
            When the hub does not say.
        """
        fingerprint = hashlib.sha256(token.encode()).hexdigest()
        asked, key = self._known.get(fingerprint, (0.0, None))
        if key is not None and time.monotonic() - asked < REMEMBERED_SECONDS:
            return key
        name = await self._ask(token)
        if not name:
            self._known.pop(fingerprint, None)
            return None
        key = ApiKey(name, f"hub-{name}", fingerprint, (AUDIO_SCOPE,))
        self._known[fingerprint] = time.monotonic(), key
        return key

    async def _ask(self, token: str) -> str:
        """Whose token it is, as the hub says; empty for a stranger's and for a service's."""
        request = httpclient.HTTPRequest(
            self._user_url, headers={"Authorization": f"token {token}"}, request_timeout=_HUB_SECONDS
        )
        try:
            response = await httpclient.AsyncHTTPClient().fetch(request, raise_error=False)
            if response.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                return ""
            if response.code != HTTPStatus.OK:
                raise OSError(f"HTTP {response.code}")
            user = json.loads(response.body)
        except (TimeoutError, httpclient.HTTPError, ValueError) as problem:
            raise OSError(type(problem).__name__) from None
        is_user = isinstance(user, dict) and user.get("kind") == "user"
        return str(user["name"]) if is_user else ""


@dataclass(frozen=True)
class RoomRules:
    """Who may come in, and how they share the service; the defaults are those of a home's own.

    Attributes
    ----------
    prefix : str
        The path that stands before all calls, such as "/services/minimax-nb".
    open : bool
        Whether whoever reaches it may have a token.
    public : bool
        Whether it is behind TLS or a hub's proxy, so that any host name may lead here.
    hub : Hub or None
        Who knows the tokens, in place of the keys that were minted here.
    teachers : frozenset of str
        The users of the hub who may do everything.
    most_waiting : int
        How many songs of one student wait at most; 0: any number.
    at_once : int
        How many songs are made at the same time.
    """

    prefix: str = ""
    open: bool = False
    public: bool = False
    hub: Hub | None = field(default=None, repr=False)
    teachers: frozenset[str] = frozenset()
    most_waiting: int = 0
    at_once: int = 2
