"""The seam: a host takes a file, gives a link to it, and takes the link away again."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from ..errors import InvalidReference


class Host(Protocol):
    """What makes a link of a file."""

    @property
    def name(self) -> str:
        """A few words for the person, without any secret; empty where nothing is shared beside the request."""

    @property
    def ends(self) -> bool:
        """Whether there is something to take away afterwards."""

    def share(self, file: Path) -> AbstractContextManager[str]:
        """A link to the file, for as long as the context lasts.

        Raises
        ------
        InvalidOption
            When something is missing on this computer; before anything was shared.
        InvalidReference, Unreachable
            When there is no link. Nothing stays behind.
        """


class InRequest:
    """The file travels inside the request, as a ``data:`` URI: nobody is asked, nothing is shared."""

    name = ""
    ends = False

    @contextmanager
    def share(self, file: Path) -> Iterator[str]:
        """The whole file as a ``data:`` URI."""
        yield f"data:audio/mpeg;base64,{base64.b64encode(file.read_bytes()).decode()}"


class OwnFunction:
    """A function of the person's own uploads the file; what becomes of it afterwards is theirs too."""

    name = "your own function"
    ends = False

    def __init__(self, upload: Callable[[Path], str]) -> None:
        self._upload = upload

    @contextmanager
    def share(self, file: Path) -> Iterator[str]:
        """The link that the function gives."""
        url = self._upload(file)
        if not isinstance(url, str) or not url.lower().startswith(("http://", "https://")):
            raise InvalidReference(f"reference_host gave {url!r}.", do="It must return an http(s) URL of the file.")
        yield url
