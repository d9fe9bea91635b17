"""What a page does by itself for a studio, beside its controls."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import traitlets

from ..ui import when_free
from .component import Component, read


class Listener(Component):
    """A live region, and what else a page does without a control.

    Parameters
    ----------
    on_return : callable
        Called in the main thread when the person comes back to the page.

    It copies ids and details, counts the seconds of the songs that are being made, has more takes shown as the list
    is scrolled, and says when the kernel has no time for what the person did.

    Attributes
    ----------
    value : str
        What is read aloud when it changes. The region stays in the page while its words change: only then
        does every reader read them.
    """

    _esm = read("shared.js", "listener.js")

    value = traitlets.Unicode("").tag(sync=True)

    def __init__(self, on_return: Callable[[], object] = lambda: None) -> None:
        self._on_return = on_return
        super().__init__()

    def focus(self, what: str) -> None:
        """Give a control the keyboard again, whose place in the page has changed."""
        self.send({"type": "focus", "what": what})

    def show(self, what: str) -> None:
        """Bring a part of the studio into view, by a CSS selector."""
        self.send({"type": "show", "what": what})

    def _receive(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        if message.get("type") == "hello":
            # The page's clock may be another one.
            self.send({"type": "time", "now": time.time()})
        if message.get("type") == "back":
            when_free(self._on_return)
        if message.get("type") == "ask":
            # By the time this is answered, what was clicked before it has been handled.
            when_free(partial(self.send, {"type": "here", "id": str(message.get("id"))[:64]}))
