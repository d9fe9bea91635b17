"""A kernel's way into a room: the token of its library, kept there, or the one that JupyterHub gave its server."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import threading
from pathlib import Path
from urllib.parse import quote, urlsplit

from ..api.key import Key
from ..api.timeouts import Timeouts
from ..api.transport import RequestBody, Response, Transport
from ..errors import LibraryError, RehearsalError
from ..library.storage import write_durably

_FILE = "room.json"
_PATIENCE = 10.0
_ASK = "Ask whoever opened the room whether it is open, and whether MINIMAX_NB_ROOM is its address."


def room_key(base_url: str, home: Path) -> Key:
    """Return the key with which this library makes songs in a room; join it the first time.

    Parameters
    ----------
    base_url : str
        Of the room.
    home : pathlib.Path
        The folder of the library, where the key is kept for its owner alone.

    Raises
    ------
    RehearsalError
        When the room cannot be reached, or takes nobody.
    LibraryError
        When the key cannot be kept.
    """
    token = os.environ.get("JUPYTERHUB_API_TOKEN", "")
    # A service of a hub, so that the hub's token goes nowhere but through the hub.
    if token and "/services/" in urlsplit(base_url).path:
        return Key(token)
    try:
        with _joining:
            if (base_url, home) not in _found:
                _found[base_url, home] = _found_or_new(base_url, home)
            return _found[base_url, home]
    except OSError as problem:
        raise LibraryError(f"The token of the room cannot be kept in {home}: {problem.strerror}.") from problem


_joining = threading.Lock()
_found: dict[tuple[str, Path], Key] = {}


def _found_or_new(base_url: str, home: Path) -> Key:
    from filelock import FileLock

    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / f"{_FILE}.lock"):
        kept = _kept(home)
        if base_url not in kept or not _is_known(base_url, Key(kept[base_url])):
            kept[base_url] = _join(base_url)
            write_durably(home / _FILE, json.dumps(kept).encode(), mode=0o600)
        return Key(kept[base_url])


def _kept(home: Path) -> dict[str, str]:
    try:
        found = json.loads((home / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {url: key for url, key in found.items() if isinstance(key, str)} if isinstance(found, dict) else {}


def _is_known(base_url: str, key: Key) -> bool:
    """Whether the room still knows a token: another one may have been opened at the same address."""
    outcome = Transport(base_url, key, Timeouts()).get("/v1/key", {}, patience=_PATIENCE)
    return not (isinstance(outcome, Response) and outcome.status == 401)


def _join(base_url: str) -> str:
    name = "guest"
    with contextlib.suppress(OSError, KeyError):  # where nobody knows who this is
        name = getpass.getuser()
    outcome = Transport(base_url, None, Timeouts()).post(f"/rehearsal/join?name={quote(name)}", RequestBody({}), {})
    key = outcome.fields.get("key") if isinstance(outcome, Response) else None
    if isinstance(key, str):
        return key
    why = f"HTTP {outcome.status}" if isinstance(outcome, Response) else outcome.why
    raise RehearsalError(f"The room at {urlsplit(base_url).netloc} gives no token ({why}).", do=_ASK)
