"""Two sounds side by side, at equal loudness."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import traitlets

from .component import Component, read

Pair = tuple[bytes, bytes]
"""The bytes of two audio files."""


class Compare(Component):
    """Plays two sounds in step, of which one is heard, and counts the votes of a blind test.

    Both come to the page once; there they are played, switched and, in a blind test, drawn, without the kernel.

    Attributes
    ----------
    votes : list of int
        How often A and how often B was called better in the blind test of this pair.
    """

    _esm = read("shared.js", "compare.js")

    votes = traitlets.List(traitlets.Int(), default_value=[0, 0]).tag(sync=True)

    def __init__(self) -> None:
        self._read: Callable[[], Pair] | None = None
        self._about: dict[str, Any] = {"type": "pair", "number": 0}
        super().__init__()

    def load(self, read: Callable[[], Pair], names: tuple[str, str], gains: tuple[float, float]) -> None:
        """Show another pair; the votes begin anew.

        Parameters
        ----------
        read : callable
            Gives the bytes of A and B: now, and for each page that is opened later.
        names : tuple of str
            What they are called.
        gains : tuple of float
            What makes them equally loud, in dB; 0 or less.
        """
        self.votes = [0, 0]
        self._show(read, names=names, gains=gains)

    def clear(self) -> None:
        """Stop what plays, and show nothing."""
        self._show(lambda: (b"", b""), names=(), gains=())

    def _show(self, read: Callable[[], Pair], **about: Any) -> None:
        self._read = read
        self._about = {**self._about, "number": self._about["number"] + 1, **about}
        self._send_pair()

    def _receive(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        if message.get("type") == "hello":
            self._send_pair()

    def _send_pair(self) -> None:
        if self._read is not None:
            self.problem = ""
            self.send(self._about, [*self._read()])
