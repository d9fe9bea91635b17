"""The words, measured as they are typed, and what else is asked for with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import ipywidgets as widgets

from ... import catalogue
from ...song import SongRequest
from .. import html as drawing
from .. import samples
from ..state import LyricsState, Store, measure_lyrics
from ..ui import button, handler, make, message_of, put, row, show_if, styled, text

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class LyricsCard(widgets.VBox):  # type: ignore[misc, unused-ignore]
    """Card 2.

    Parameters
    ----------
    store : Store
        Holds the `LyricsState`.
    lyrics : str
        What is written at first.
    """

    def __init__(self, store: Store, lyrics: str = "") -> None:
        self._store = store
        self._text = make(
            widgets.Textarea,
            "field",
            value=lyrics,
            description="What is sung: a line on each line, an empty line for a pause",
            placeholder="Side by side, through thick and thin, …",
            rows=6,
        )
        self._accompaniment = make(
            widgets.Checkbox, "tick", value=True, description="With accompaniment", indent=False
        )
        self._sample = button("Use sample lyrics", "quiet")
        self._exact = make(widgets.ToggleButton, "button", "quiet", description="Show the exact prompt")
        self._note = text("", "three-lines")
        self._prompt = text("", "hidden")
        self._options = OptionsLine()
        head, buttons = text(drawing.heading(2, "Lyrics")), row(self._sample, self._exact)
        super().__init__([head, self._text, self._note, self._accompaniment, buttons, self._prompt, self._options])
        styled(self, "card")
        for widget in (self._text, self._accompaniment, self._exact):
            widget.observe(handler(self.refuse, self._measure), "value")
        self._sample.on_click(handler(self.refuse, self._take_sample))
        self._measure()

    def request(self, *, rehearsal: bool) -> dict[str, Any]:
        """What `Session.submit` is asked for; the hosted model takes no options."""
        options = self._options.options if rehearsal else _NOTHING
        return {"lyrics": self._text.value, "accompaniment": self._accompaniment.value, **options}

    def fill(self, request: SongRequest) -> None:
        """Take over what an earlier song was asked for with, whatever the fields hold."""
        self._text.value, self._accompaniment.value = request.lyrics, request.accompaniment
        self._options.take(request)

    def refuse(self, error: Exception) -> None:
        """Say under the field what is wrong with the lyrics."""
        self._set(replace(self._measured(), problem=message_of(error)))

    def draw(self, lyrics: LyricsState) -> None:
        """Draw the measure, and the exact prompt where it is asked for."""
        put(self._note, value=drawing.lyrics_line(lyrics))
        show_if(self._prompt, self._exact.value)
        put(self._prompt, value=drawing.prompt_box(lyrics) if self._exact.value else "")

    def _set(self, lyrics: LyricsState) -> None:
        self._store.change(lambda state: replace(state, lyrics=lyrics))

    def _measured(self) -> LyricsState:
        return measure_lyrics(self._text.value, accompaniment=self._accompaniment.value)

    def _measure(self) -> None:
        # Nobody's own words are written over.
        written = self._text.value.strip()
        self._sample.disabled = bool(written) and written not in samples.LYRICS
        self._set(self._measured())

    def _take_sample(self) -> None:
        written = self._text.value.strip()
        at = samples.LYRICS.index(written) + 1 if written in samples.LYRICS else 0
        self._text.value = samples.LYRICS[at % len(samples.LYRICS)]


class OptionsLine(widgets.HBox):  # type: ignore[misc, unused-ignore]
    """What an earlier song was asked for with that has no field: a quiet line, and a button that drops it."""

    def __init__(self) -> None:
        self.options = _NOTHING
        self._line = text()
        self._drop = button("Leave out", "quiet")
        super().__init__([self._line, self._drop])
        styled(self, "row", "hidden")
        self._drop.on_click(lambda _: self.take(None))

    def take(self, request: SongRequest | None) -> None:
        """Take over the options of an earlier request, or none."""
        given = request.options if request else _NOTHING
        self.options = {name: value for name, value in given.items() if name in catalogue.REHEARSAL_OPTIONS}
        left_out = [name for name in given if name not in self.options]
        if request and request.model != catalogue.DEFAULT_MODEL:
            left_out.append(f"model {request.model}")
        self._line.value = drawing.options_line(self.options, left_out)
        show_if(self._drop, bool(self.options))
        show_if(self, bool(self.options or left_out))
