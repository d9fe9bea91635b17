"""A field for a key that is written down nowhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import traitlets

from ..ui import classes
from .component import Component, message_of, read

_LONGEST = 512


class KeyField(Component):
    """A password field whose value travels by a message: no trait, no saved notebook, no output holds it.

    Parameters
    ----------
    on_key : callable
        Called with the key; what it raises is shown under the field, without the key.

    Attributes
    ----------
    note : str
        What became of the key.
    """

    _esm = read("shared.js", "keyfield.js")
    _classes = classes("key")

    note = traitlets.Unicode("").tag(sync=True)

    def __init__(self, on_key: Callable[[str], object]) -> None:
        self._on_key = on_key
        super().__init__()

    def _receive(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        if message.get("type") != "key":
            return
        key = message.get("value")
        self.problem = self.note = ""
        if isinstance(key, str) and _looks_like_a_key(key.strip()):
            self._use(key.strip())
        else:
            self.problem = "This does not look like a key. Copy it once more, in one piece."
        self.send({"type": "taken"})

    def _use(self, key: str) -> None:
        try:
            self._on_key(key)
        except Exception as error:
            self.problem = message_of(error).replace(key, "…")
        else:
            self.note = "In use until this kernel ends."


def _looks_like_a_key(text: str) -> bool:
    return 0 < len(text) <= _LONGEST and text.isascii() and text.isprintable() and " " not in text
