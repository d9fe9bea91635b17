"""The key, kept from being seen, and the addresses that it may be sent to."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import InvalidInput, InvalidKey

if TYPE_CHECKING:
    import requests


class Key:
    """An API key that shows at most its last 4 characters, whatever is done with it.

    It goes into the header of a request at the last moment, as a `requests` auth object: a netrc entry
    would replace a header given by hand.

    Parameters
    ----------
    text : str
        The key; whitespace around it is dropped.

    Raises
    ------
    InvalidKey
        When it is empty or has characters that an HTTP header cannot carry.
    """

    def __init__(self, text: str) -> None:
        self._reveal: Callable[[], str] = lambda: ""  # a traceback may show this object before it is complete
        secret = text.strip() if isinstance(text, str) else ""
        # Whitespace, control characters and anything beyond ASCII would break the header or add another one.
        if not re.fullmatch(r"[\x21-\x7e]{8,500}", secret):
            problem = "This does not look like a key (one word, without spaces)." if secret else "There is no key."
            text = secret = ""  # some tracebacks show the variables of each frame
            raise InvalidKey(problem)
        # Held by a closure: neither vars() nor pickle nor copy reaches it.
        self._reveal = lambda: secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request, as requests asks of an `auth` value."""
        request.headers.update(self.sign({}))
        return request

    def sign(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers with the one that carries the key, for a request that goes out now."""
        return {**headers, "Authorization": f"Bearer {self._reveal()}"}

    @property
    def ending(self) -> str:
        """The last 4 characters, with an ellipsis before them."""
        return f"…{self._reveal()[-4:]}"

    def hide(self, text: str) -> str:
        """Replace the key by its ending wherever it stands in a text."""
        secret = self._reveal()
        return text.replace(secret, self.ending) if secret in text else text

    def __repr__(self) -> str:
        return f"Key({self.ending})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self._reveal() == other._reveal()

    def __hash__(self) -> int:
        return hash(self._reveal())

    def __copy__(self) -> Key:
        return self

    def __deepcopy__(self, memo: object) -> Key:
        return self

    def __reduce__(self) -> Any:
        raise TypeError("A key is not written anywhere; give it again where it is needed.")


def checked_base_url(url: str) -> str:
    """Return a base URL without its trailing slash: one that a key may be sent to.

    Raises
    ------
    InvalidInput
        When it is neither https nor on loopback, or carries more than scheme, host, port and path.
    """
    try:
        address = urlsplit(url)
        usable = bool(address.hostname) and not (
            address.username or address.password or address.query or address.fragment
        )
        secure = address.scheme == "https" or (address.scheme == "http" and is_loopback(url))
    except (ValueError, AttributeError, TypeError):
        usable = secure = False
    if not (usable and secure):
        raise InvalidInput(
            "The base URL cannot be used: a key is sent over https only (http on this computer).",
            do="Give one like https://api.aimlapi.com.",
        )
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether a URL points at this computer."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(_canonical(host))
    except (ValueError, OSError):
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def _canonical(host: str) -> str:
    """An address in its usual form: the system also takes 127.1 and 2130706433."""
    return socket.inet_ntoa(socket.inet_aton(host)) if re.fullmatch(r"[0-9a-fx.]+", host) else host
