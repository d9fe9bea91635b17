"""The player of a finished song."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import traitlets

from .component import Component, read


class Player(Component):
    """A player, the song's waveform, and the link that saves it, all from one copy of the file.

    Attributes
    ----------
    playing : bool
        Whether somebody is listening right now; the page says it.
    """

    _esm = read("shared.js", "bars.js", "player.js")

    playing = traitlets.Bool(False).tag(sync=True)

    def __init__(self) -> None:
        self._read: Callable[[], bytes] | None = None
        self._about: dict[str, Any] = {"number": 0}
        super().__init__()

    def load(self, read: Callable[[], bytes], name: str, *, play: bool = False) -> None:
        """Show another song.

        Parameters
        ----------
        read : callable
            Gives the bytes of the file: now, and for each page that is opened later.
        name : str
            What the file is called when it is saved.
        play : bool
            Whether it starts to play.
        """
        self._read = read
        self._about = {"type": "song", "number": self._about["number"] + 1, "name": name}
        self._send_song(play=play)

    def rename(self, name: str) -> None:
        """Have the file called so when it is saved; what plays goes on."""
        self._about["name"] = name
        self.send({"type": "name", "name": name})

    def play(self) -> None:
        """Play the song that is shown."""
        self.send({"type": "play"})

    def _receive(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        if message.get("type") == "hello":
            self._send_song()

    def _send_song(self, *, play: bool = False) -> None:
        if self._read is not None:
            self.problem = ""
            self.send({**self._about, "play": play, "kind": "audio/mpeg"}, [self._read()])
