"""What the components have in common."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..ui import common

_FOLDER = Path(__file__).parent


# Indents, blank lines, and comments with lines of their own.
_SPARE = re.compile(r"^\s*(?:(?://[^\n]*|/\*(?s:.*?)\*/)\n)?", re.MULTILINE)


def read(*names: str) -> str:
    """The text of files beside this one, one after the other: the page gets one script for each component.

    What only people read stays here, as each studio sends it.
    """
    return _SPARE.sub("", "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names))


STYLE = read("components.css")
"""For all of them; the studio puts it into the page once."""


class Component(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """A small widget that talks with its page by messages.

    Attributes
    ----------
    problem : str
        What is wrong and how to mend it; shown in red. Empty when nothing is.
    seen : bool
        Whether a page has loaded it. Where none does, its script cannot be loaded there.
    """

    _classes: tuple[str, ...] = ()

    problem = traitlets.Unicode("").tag(sync=True)
    seen = traitlets.Bool(False)

    def __init__(self, **state: object) -> None:
        self._as_text = False
        super().__init__(_dom_classes=self._classes, **common(type(self)), **state)
        self.on_msg(self._on_message)

    def send(self, content: Mapping[str, Any], buffers: Sequence[bytes] | None = None) -> None:
        """Send a message to the page, with its bytes as text where the page says that text is quicker."""
        if self._as_text and buffers:
            content, buffers = {**content, "bytes": [b64encode(buffer).decode() for buffer in buffers]}, None
        super().send(content, buffers)

    def _on_message(self, _component: object, content: object, buffers: Sequence[Any] | None) -> None:
        """Hand a message on; whatever goes wrong is shown, for ipywidgets drops the exceptions of handlers."""
        if not isinstance(content, Mapping):
            return
        try:
            if content.get("type") == "hello":
                self._as_text = bool(content.get("text"))
                self.seen = True
            self._receive(content, [b64decode(text) for text in content.get("bytes", ())] or buffers or ())
        except Exception as error:
            self.problem = message_of(error)

    def _receive(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        """Act on a message of the page."""


def message_of(error: Exception) -> str:
    """What an exception says; its kind when it says nothing."""
    return str(error) or type(error).__name__
