"""Addresses of services: which may be sent a key, and which are on this very computer."""

from __future__ import annotations

import re
import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

from ..errors import InvalidInput


def checked_base_url(url: str) -> str:
    """Return a base URL without its trailing slash.

    Raises
    ------
    InvalidInput
        When it is neither https nor on loopback, or carries more than scheme, host, port and path.
    """
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and not (parts.username or parts.password or parts.query or parts.fragment)
        secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
    except (ValueError, AttributeError, TypeError):
        usable = secure = False
    if not (usable and secure):
        raise InvalidInput(
            "The base URL is not usable: a key travels over https only (http on this very computer).",
            do="Give one like https://api.aimlapi.com.",
        )
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether a URL points at this very computer."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(_plain(host))
    except (ValueError, OSError):
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def _plain(host: str) -> str:
    """An address as everybody writes it: the system also takes 127.1 and 2130706433."""
    return socket.inet_ntoa(socket.inet_aton(host)) if re.fullmatch(r"[0-9a-fx.]+", host) else host
