"""What a page does by itself for a studio, beside its controls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import traitlets
from IPython import get_ipython

from .component import STYLE, Part, read


class Listener(Part):
    """A live region; it also copies ids and details, and says when the kernel has no time for what the person did.

    Attributes
    ----------
    value : str
        What is read aloud when it changes. The region stays in the page while its words change: only then
        does every reader read them.
    """

    _esm = read("shared.js", "listener.js")
    _css = STYLE

    value = traitlets.Unicode("").tag(sync=True)

    def _hear(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        # By the time this is answered, what was clicked before it has been handled.
        if message.get("type") == "ask":
            _when_free(partial(self.send, {"type": "here", "id": str(message.get("id"))[:64]}))


def _when_free(answer: Callable[[], object]) -> None:
    """Answer once no cell runs: ipykernel 7 takes some messages in another thread, while clicks wait all the same."""
    loop = getattr(getattr(get_ipython(), "kernel", None), "io_loop", None)
    if loop is None or threading.current_thread() is threading.main_thread():
        answer()
    else:
        loop.add_callback(answer)
