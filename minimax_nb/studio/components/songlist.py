"""The songs of a class on one page: one player, names that can be hidden, stars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import traitlets

from .component import Component, read


class SongList(Component):
    """A list of songs, each fetched when it is played.

    Attributes
    ----------
    songs : list of dict
        ``title``, ``name`` (empty while it is hidden) and ``words`` of each.
    blind : bool
        Whether names are hidden; the page shows them when somebody wants to see them.
    stars : list of int
        How many each was given; the page sets them.
    most_stars : int
    """

    _esm = read("shared.js", "songlist.js")

    songs = traitlets.List(traitlets.Dict()).tag(sync=True)
    blind = traitlets.Bool(False).tag(sync=True)
    stars = traitlets.List(traitlets.Int()).tag(sync=True)
    most_stars = traitlets.Int(5).tag(sync=True)

    def __init__(self, read: Callable[[int], bytes], **state: object) -> None:
        self._read_song = read
        super().__init__(**state)

    def _receive(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        number = message.get("number")
        if message.get("type") == "play" and isinstance(number, int) and 0 <= number < len(self.songs):
            self.problem = ""
            self.send({"type": "song", "number": number}, [self._read_song(number)])
