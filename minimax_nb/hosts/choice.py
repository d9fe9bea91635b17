"""Which host: what a person may give for one, and what there is on this computer."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidOption
from .host import Host, InRequest, OwnFunction

ReferenceHost = str | Callable[[Path], str] | None
"""What `Session` takes: None, ``"tunnel"``, ``"s3://bucket/prefix"`` or a function."""


@dataclass(frozen=True)
class Way:
    """One way for a file to reach a service that takes links.

    Attributes
    ----------
    reference_host : str
        What `Session` takes for it; an example where the person has to name a place of their own; empty where the
        person gives a link instead of the file.
    label : str
        For a button.
    question : str
        Asked before it is used, in plain words.
    needs : str
        What has to be done first; empty when it can be used at once.
    """

    reference_host: str
    label: str
    question: str
    needs: str = ""


def choose(told: ReferenceHost) -> Host:
    """The host that a person means, else ``MINIMAX_NB_REFERENCE_HOST``, else the request itself; contacts nobody.

    Raises
    ------
    InvalidOption
        When there is no such host; the message lists those there are.
    """
    if told is None:
        told = os.environ.get("MINIMAX_NB_REFERENCE_HOST", "").strip() or None
    if told is None:
        return InRequest()
    if callable(told):
        return OwnFunction(told)
    if told == "tunnel":
        from .tunnel import Tunnel

        return Tunnel()
    if isinstance(told, str) and "://" in told and not told.lower().startswith(("http", "file:", "data:")):
        from .bucket import Bucket

        return Bucket(told)
    raise InvalidOption(
        "reference_host must be a name, an address or a function.",
        do='Give "tunnel", an address such as "s3://bucket/folder", or a function that gives a link for a path.',
    )


def ways() -> tuple[Way, ...]:
    """The ways there are when a service takes no file inside a request, the easiest first; contacts nobody."""
    from . import bucket, tunnel

    return (
        Way(
            "tunnel",
            "Share this one file",
            "The service wants a link. Share this one file through a temporary public address? "
            "It is up while the song is being made, and gone afterwards.",
            "" if tunnel.is_available() else tunnel.INSTALL,
        ),
        Way(
            "s3://bucket/folder",
            "Use my cloud storage",
            "The service wants a link. Put this one file into your storage? The link is good for an hour, "
            "and the file is deleted when the song is made.",
            "" if bucket.is_available("s3://") else bucket.install_advice("s3"),
        ),
        Way("", "Give a link", "Paste an https link to the wav or mp3 that anyone can open."),
    )


def advice() -> str:
    """The same as sentences, for those who write code."""
    told = [f'Session(reference_host="{way.reference_host}"){_first(way)}' for way in ways() if way.reference_host]
    return (
        "This service accepts links only, not files inside a request. Give a link to the track, or let this computer "
        f"make one with {' or '.join(told)}; reference_host also takes a function of yours."
    )


def _first(way: Way) -> str:
    return f" (first: {way.needs.rstrip('.')})" if way.needs else ""
