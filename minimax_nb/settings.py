"""Which service makes a song: the hosted one, or the rehearsal band on this computer."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from .api.addresses import checked_base_url, is_loopback
from .api.key import Key, find_key, key_from_environment
from .display.progress import say
from .errors import InvalidInput, InvalidKey

DEFAULT_BASE_URL = "https://api.aimlapi.com"

_announced = False


@dataclass(frozen=True)
class Service:
    """Where songs are made.

    Attributes
    ----------
    base_url : str
        Empty for the rehearsal service that belongs to the library.
    key : Key or None
    rehearsal : bool
    """

    base_url: str
    key: Key | None
    rehearsal: bool

    @property
    def name(self) -> str:
        """A few words for the person."""
        if self.rehearsal:
            return "Rehearsal: free, on this computer"
        return f"AI/ML API, key ending {self.key.ending}" if self.key else "AI/ML API"


@dataclass(frozen=True)
class Account:
    """What a song costs and what is left, in US dollars; None where the service does not say."""

    price: float | None = None
    balance: float | None = None


@dataclass(frozen=True)
class Choice:
    """What a person said about the service; whatever they left open, the environment answers.

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

    def service(self) -> Service:
        """Make the choice; contacts nobody.

        Raises
        ------
        InvalidKey
            When a key is needed and there is none.
        InvalidInput
            When ``MINIMAX_NB_BASE_URL`` is not usable.
        """
        told = self.base_url or _base_url_from_environment()
        rehearse = _rehearse_from_environment() if self.rehearse is None else self.rehearse
        if rehearse:
            local = told if told and is_loopback(told) else ""
            return Service(local, (self.key or find_key()) if local else None, rehearsal=True)
        key = self.key or find_key()
        if key is None and rehearse is None and not told:
            _announce_rehearsal()
            return Service("", None, rehearsal=True)
        if key is None:
            raise InvalidKey("No key was found.")
        return Service(told or DEFAULT_BASE_URL, key, rehearsal=False)

    def at_first_sight(self) -> Choice:
        """The same with nothing left open, by what the environment alone says: for a page that is being drawn.

        Raises
        ------
        InvalidKey, InvalidInput
            When the environment holds something that is not usable.
        """
        key = self.key or key_from_environment()
        rehearse = _rehearse_from_environment() if self.rehearse is None else self.rehearse
        if rehearse is None:
            rehearse = key is None and not (self.base_url or _base_url_from_environment())
        return replace(self, key=key, rehearse=rehearse)

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


def _rehearse_from_environment() -> bool | None:
    return True if os.environ.get("MINIMAX_NB_REHEARSE", "").strip().lower() in ("1", "true", "yes") else None


def _announce_rehearsal() -> None:
    global _announced
    _announced = _announced or say(
        "No key found: rehearsing on this computer, free. The song is made by a built-in band, not by minimax-music."
    )
