"""What is said to those who do not see the page."""

from __future__ import annotations

from html import escape
from typing import Any

from . import components as parts
from .ui import put, text


class Announcer:
    """Says a line aloud, in a place that nobody sees.

    Attributes
    ----------
    widget : Widget
        To be put into the page.
    """

    def __init__(self) -> None:
        self._in_page = parts.available()
        self.widget: Any = parts.Listener() if self._in_page else text("", "aloud")

    def say(self, words: str) -> None:
        """Say it; the same words again are not repeated."""
        put(self.widget, value=words if self._in_page else f'<div role="status">{escape(words)}</div>')
