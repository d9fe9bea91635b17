"""The way to the service with a management key, and the keys of a class there."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..api.key import Key
from ..api.keys import KeyClient, KeyInfo
from ..errors import InvalidInput
from ..library.storage import locate
from ..settings import Settings, room_from_environment

ATTEMPTS = 4
"""How often something is tried whose response may get lost."""


def open_client(api_key: str | None, base_url: str | None, rehearse: bool | None) -> KeyClient:
    """Return the calls of a management key, given or found as for `Session`; a rehearsal's own key is one.

    Raises
    ------
    InvalidKey
        When there is none.
    RehearsalError
    """
    service = Settings(Key(api_key) if api_key else None, base_url or "", rehearse).service()
    if service.base_url and service.key:
        return KeyClient(service.base_url, service.key)
    from ..rehearsal import launcher

    address = launcher.address(locate(os.environ.get("MINIMAX_NB_HOME")).database)
    return KeyClient(address.base_url, Key(address.key))


def label(name: str, student: str) -> str:
    """Return what the key of a student is called at the service."""
    return f"{name}: {student}"


def keys_of(client: KeyClient, name: str) -> list[KeyInfo]:
    """Return the keys of a class.

    Raises
    ------
    ServiceError, Unreachable
    """
    return [info for info in client.given() if info.name.startswith(label(name, ""))]


def revoke(client: KeyClient, keys: Iterable[KeyInfo]) -> None:
    """Revoke keys, one after the other.

    Raises
    ------
    ServiceError, Unreachable
        The rest of them is still open.
    """
    for info in keys:
        client.revoke(info.prefix)


def room_key_here(base_url: str) -> Key:
    """Return the key with which this library uses a room.

    Raises
    ------
    RehearsalError, LibraryError
    """
    from ..rehearsal.guest import room_key

    return room_key(base_url, locate(os.environ.get("MINIMAX_NB_HOME")).database)


def room_of_teacher() -> tuple[str, Key]:
    """Return the room whose gallery this person may see, and the key for it.

    That is the room that was opened from this home, or the one of the setting, where JupyterHub knows the teacher.

    Raises
    ------
    InvalidInput
        When there is no room.
    RehearsalError, LibraryError
    """
    from ..rehearsal.room import opened_here

    chosen = room_from_environment()
    own_url, own_key = opened_here(locate(os.environ.get("MINIMAX_NB_HOME")).database)
    if own_key and chosen in ("", own_url):
        return own_url, Key(own_key)
    if chosen:
        return chosen, room_key_here(chosen)
    raise InvalidInput(
        "There is no room here.",
        do="Open one with `minimax-nb room`, or give a folder with what the class has downloaded: gallery(folder).",
    )
