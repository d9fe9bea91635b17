"""Arguments, environment and Colab's secrets: which service makes a song, and with which key. Prints nothing."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass

from .api.key import Key, checked_base_url, is_loopback
from .display.environment import place
from .errors import InvalidInput, InvalidKey

DEFAULT_BASE_URL = "https://api.aimlapi.com"

KEY_VARIABLES = ("AIML_API_KEY", "AIMLAPI_API_KEY")
"""Environment variables, in the order in which the provider's own SDK reads them."""


@dataclass(frozen=True)
class Service:
    """Where songs are made.

    Attributes
    ----------
    base_url : str
        Empty for the rehearsal service that belongs to the library.
    key : Key or None
    rehearsal : bool
    chosen : bool
        False for a rehearsal that nobody asked for, when there is no key.
    """

    base_url: str
    key: Key | None
    rehearsal: bool
    chosen: bool = True

    @property
    def room(self) -> bool:
        """Whether it is a room, which gives each library a token of its own."""
        return self.rehearsal and self.key is None and bool(self.base_url)

    @property
    def name(self) -> str:
        """A few words for the person."""
        if self.rehearsal:
            return f"Rehearsal: free, {'in your class’s room' if self.room else f'on {place().computer}'}"
        return f"AI/ML API, key ending {self.key.ending}" if self.key else "AI/ML API"


@dataclass(frozen=True)
class Account:
    """What a song costs and what is left, in US dollars; None where the service does not say."""

    price: float | None = None
    balance: float | None = None


@dataclass(frozen=True)
class Settings:
    """What a person said about the service; the environment answers what they left open.

    Attributes
    ----------
    key : Key or None
    base_url : str
        Empty when nothing was said.
    rehearse : bool or None
        None when nothing was said.
    """

    key: Key | None = None
    base_url: str = ""
    rehearse: bool | None = None

    def __post_init__(self) -> None:
        if self.rehearse and self.base_url and not is_loopback(self.base_url):
            raise InvalidInput(
                "A rehearsal takes place on this computer, and base_url points elsewhere.",
                do="Leave one of them out.",
            )

    def service(self, *, secrets: bool = True) -> Service:
        """Choose the service; contacts nobody.

        Parameters
        ----------
        secrets : bool
            Whether Colab's secrets count as well: Colab asks the person for access, which a page that is only
            being drawn must not cause.

        Raises
        ------
        InvalidKey
            When a key is needed and there is none.
        InvalidInput
            When ``MINIMAX_NB_BASE_URL`` or ``MINIMAX_NB_ROOM`` cannot be used.
        """
        base_url = self.base_url or _base_url_from_environment()
        rehearse = _rehearse_from_environment() if self.rehearse is None else self.rehearse
        if rehearse and not (base_url and is_loopback(base_url)):
            return Service(room_from_environment(), None, rehearsal=True)
        key = self.key or (find_key() if secrets else key_from_environment())
        if rehearse:
            return Service(base_url, key, rehearsal=True)
        if key is None and rehearse is None and not base_url:
            room = room_from_environment()
            return Service(room, None, rehearsal=True, chosen=bool(room))
        if key is None:
            raise InvalidKey("No key was found.")
        return Service(base_url or DEFAULT_BASE_URL, key, rehearsal=False)

    def hosted(self, base_url: str) -> Service | None:
        """The hosted service at `base_url`, if that is the one this person has a key for; no key goes elsewhere."""
        key = self.key or find_key()
        return Service(base_url, key, rehearsal=False) if key and self.hosted_url == base_url else None

    @property
    def hosted_url(self) -> str:
        """Where the hosted service is; the only place that the key is for."""
        return self.base_url or _base_url_from_environment() or DEFAULT_BASE_URL


def _base_url_from_environment() -> str:
    text = os.environ.get("MINIMAX_NB_BASE_URL", "").strip()
    return checked_base_url(text) if text else ""


def room_from_environment() -> str:
    """The room in which songs are rehearsed, as ``MINIMAX_NB_ROOM`` says; empty for this library's own service.

    Raises
    ------
    InvalidInput
        When it cannot be used.
    """
    text = os.environ.get("MINIMAX_NB_ROOM", "").strip()
    return checked_base_url(text) if text else ""


def _rehearse_from_environment() -> bool | None:
    return True if os.environ.get("MINIMAX_NB_REHEARSE", "").strip().lower() in ("1", "true", "yes") else None


def key_from_environment() -> Key | None:
    """Look for a key in the environment alone.

    Raises
    ------
    InvalidKey
        When a variable is set to something that is not a key.
    """
    for variable in KEY_VARIABLES:
        # In no variable of this frame: some tracebacks show them.
        if os.environ.get(variable, "").strip():
            return Key(os.environ[variable])
    return None


def find_key(*, again: bool = False) -> Key | None:
    """Look for a key in the environment, then in Colab's secrets.

    Those are read once, in the main thread: they are not thread-safe and have hung in worker threads, which
    get what the main thread found.

    Parameters
    ----------
    again : bool
        Whether to read them once more: the person says that there is one now.

    Returns
    -------
    Key or None

    Raises
    ------
    InvalidKey
        When a variable is set to something that is not a key.
    """
    global _colab_key
    if threading.current_thread() is threading.main_thread() and (again or _colab_key is _NOT_READ):
        _colab_key = _read_colab_key()
    return key_from_environment() or (_colab_key if isinstance(_colab_key, Key) else None)


def _read_kaggle_key() -> Key | None:
    """Read Kaggle's secret, in a thread with a bound: without access, or a network, its client does not return."""
    found: list[str] = []

    def read() -> None:
        with contextlib.suppress(Exception):  # no such secret, or not attached: each is an exception of Kaggle's own
            from kaggle_secrets import UserSecretsClient

            found.append(UserSecretsClient().get_secret(KEY_VARIABLES[0]))

    worker = threading.Thread(target=read, daemon=True)
    worker.start()
    worker.join(_SECRET_SECONDS)
    return Key(found.pop()) if found and found[0] and found[0].strip() else None


def _read_colab_key() -> Key | None:
    if place().name == "Kaggle":  # whose image has Colab's packages, which would wait for a page that is not there
        return _read_kaggle_key()
    try:
        from google.colab import userdata
    except ImportError:
        return None
    try:
        found = [userdata.get(KEY_VARIABLES[0])]
    except Exception:  # the secret is missing, or access was not granted: each is an exception of Colab's own
        return None
    # Taken out of this frame's variables, which some tracebacks show.
    return Key(found.pop()) if found[0] and found[0].strip() else None


_SECRET_SECONDS = 3.0
_NOT_READ = object()
_colab_key: object = _NOT_READ
