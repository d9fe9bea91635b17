"""What a page does by itself for a studio, beside its controls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import traitlets
from IPython import get_ipython

from .component import Component, read


class Listener(Component):
    """A live region, and what else a page does without a control.

    It copies ids and details, counts the seconds of the songs that are being made, and says when the kernel has no
    time for what the person did.

    Attributes
    ----------
    value : str
        What is read aloud when it changes. The region stays in the page while its words change: only then
        does every reader read them.
    """

    _esm = read("shared.js", "listener.js")

    value = traitlets.Unicode("").tag(sync=True)

    def _receive(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        if message.get("type") == "hello":
            # The page's clock may be another one.
            self.send({"type": "time", "now": time.time()})
        if message.get("type") == "ask":
            # By the time this is answered, what was clicked before it has been handled.
            _when_free(partial(self.send, {"type": "here", "id": str(message.get("id"))[:64]}))


def _when_free(answer: Callable[[], object]) -> None:
    """Answer once no cell runs: ipykernel 7 takes some messages in another thread, while clicks wait all the same."""
    loop = getattr(getattr(get_ipython(), "kernel", None), "io_loop", None)
    if loop is None or threading.current_thread() is threading.main_thread():
        answer()
    else:
        loop.add_callback(answer)
