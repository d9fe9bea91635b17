"""What is said to those who do not see the page."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import traitlets

from . import parts
from .kit import put, styled, text


class Announcer:
    """Says a line aloud, in a place that nobody sees.

    Attributes
    ----------
    widget : Widget
        To be put into the page.
    """

    def __init__(self) -> None:
        self._in_page = parts.available()
        self.widget: Any = styled(_region() if self._in_page else text(), "aloud")

    def say(self, words: str) -> None:
        """Say it; the same words again are not repeated."""
        put(self.widget, value=words if self._in_page else f'<div role="status">{escape(words)}</div>')


def _region() -> Any:
    from .parts.part import Part

    class Region(Part):
        """A live region that stays in the page while its words change: only then does every reader read them."""

        _esm = Path(__file__).with_name("live.js").read_text(encoding="utf-8")
        value = traitlets.Unicode("").tag(sync=True)

    return Region()
