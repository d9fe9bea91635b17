"""What a song of the library was asked for with that has no field in the studio."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import ipywidgets as widgets

from ... import catalogue
from ...song import SongRequest
from .. import html as drawing
from ..ui import button, show_if, styled, text

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Extras(widgets.HBox):  # type: ignore[misc, unused-ignore]
    """A quiet line that tells tempo, key, language and seed, and a button that drops them."""

    def __init__(self) -> None:
        self._options = _NOTHING
        self._line = text()
        self.drop = button("Leave out", "quiet")
        super().__init__([self._line, self.drop])
        for name in ("row", "extras", "hidden"):
            styled(self, name)
        self.drop.on_click(lambda _: self.take(None))

    def take(self, request: SongRequest | None) -> None:
        """Take over the options of an earlier request, or none."""
        given = request.options if request else _NOTHING
        self._options = {name: value for name, value in given.items() if name in catalogue.REHEARSAL_OPTIONS}
        left_out = [name for name in given if name not in self._options]
        if request and request.model != catalogue.DEFAULT_MODEL:
            left_out.append(f"model {request.model}")
        self._line.value = drawing.extras_line(self._options, left_out)
        show_if(self.drop, bool(self._options))
        show_if(self, bool(self._options or left_out))

    def options(self, *, rehearsal: bool) -> dict[str, Any]:
        """What is asked for with the next song; the hosted model takes none of it."""
        return dict(self._options) if rehearsal else {}
