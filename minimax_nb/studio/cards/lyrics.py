"""The model, the words, measured as they are typed, and what else the model takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import ipywidgets as widgets

from ... import catalogue
from ...catalogue import ABOUT, Model, Option
from ...song import SongRequest
from .. import html as drawing
from .. import samples
from ..state import LyricsState, Store, measure_lyrics
from ..ui import Column, Line, button, handler, make, message_of, put, row, show_if, text

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_USUAL = "as usual"


class LyricsCard(Column):
    """Card 2: its fields are those of the model, and what was typed into one that vanishes is there when it returns.

    Parameters
    ----------
    store : Store
        Holds the `LyricsState` and the model.
    on_model : callable
        Called when another model was chosen.
    lyrics : str
        What is written at first.
    """

    def __init__(self, store: Store, on_model: Callable[[], object], lyrics: str = "") -> None:
        self._store = store
        self._on_model = on_model
        self._fields: dict[str, Any] = {}
        self._make_fields(store.state.model.name, lyrics)
        self._sample = button("Use sample lyrics", "quiet")
        self._exact = make(widgets.ToggleButton, "button", "quiet", description="Show the exact prompt")
        self._note = text("", "three-lines")
        self._prompt = text("", "hidden")
        self._options = OptionsLine()
        self._more = make(widgets.VBox, "more")
        self._words = make(widgets.VBox, "lyrics", children=(self._text, self._note))
        self._buttons = row(self._sample, self._exact)
        head = text(drawing.heading(2, "Lyrics"))
        super().__init__(
            [
                head,
                self._model,
                self._words,
                self._accompaniment,
                self._more,
                self._buttons,
                self._prompt,
                self._options,
            ],
            "card",
        )
        self._model.observe(handler(self.refuse, self._choose), "value")
        for widget in (self._text, self._accompaniment, self._exact):
            widget.observe(handler(self.refuse, self._measure), "value")
        self._sample.on_click(handler(self.refuse, self._take_sample))
        self._measure()

    def _make_fields(self, model: str, lyrics: str) -> None:
        self._model = make(
            widgets.Dropdown,
            "field",
            options=list(catalogue.MODELS),
            value=model,
            description="Model",
        )
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

    def request(self, *, rehearsal: bool) -> dict[str, Any]:
        """What `Session.submit` is given, but for the reference."""
        model, options = self._store.state.model, self._given()
        request = {
            "model": model.name,
            "lyrics": self._lyrics or None,
            **(self._options.options if rehearsal else {}),
        }
        if model.marks_accompaniment:
            request["accompaniment"] = self._accompaniment.value
        return {**request, **options}

    def written(self) -> SongRequest:
        """What the fields hold, ready or not."""
        model, options = self._store.state.model.name, {**self._options.options, **self._given()}
        return SongRequest(model, self._text.value, "", "", options, self._accompaniment.value)

    def fill(self, request: SongRequest) -> None:
        """Take over what an earlier song was requested with, whatever the fields hold."""
        if request.model in catalogue.MODELS:
            self._model.value = request.model
        self._text.value, self._accompaniment.value = request.lyrics, request.accompaniment
        options = self._store.state.model.options
        for name, widget in self._fields.items():
            if name in options:
                widget.value = _shown(options[name], request.options.get(name))
        self._options.take(request, but=options)

    def refuse(self, error: Exception) -> None:
        """Say under the field what is wrong with the lyrics."""
        self._set(replace(self._measured(), problem=message_of(error)))

    def draw(self, lyrics: LyricsState, model: Model) -> None:
        """Draw the fields of the model, the measure, and the exact prompt where it is requested."""
        sings = model.sings and not self._is_wordless()
        show_if(self._text, sings)
        show_if(self._accompaniment, model.marks_accompaniment)
        show_if(self._buttons, sings)
        put(self._note, value=drawing.lyrics_line(lyrics) if sings else drawing.line(lyrics.problem, "bad"))
        # Nothing is sent that was not seen.
        exact = sings and (self._exact.value or lyrics.tidied)
        show_if(self._prompt, exact)
        put(self._prompt, value=drawing.prompt_box(lyrics) if exact else "")

    @property
    def _lyrics(self) -> str:
        return self._text.value if self._store.state.model.sings and not self._is_wordless() else ""

    def _is_wordless(self) -> bool:
        given = self._given()
        return bool(given.get("instrumental") or given.get("write_lyrics"))

    def _given(self) -> dict[str, Any]:
        """The options of the model that were filled in."""
        options = self._store.state.model.options
        read = {name: _read(options[name], field.value) for name, field in self._fields.items() if name in options}
        return {name: value for name, value in read.items() if value is not None}

    def _choose(self) -> None:
        model = catalogue.find_model(self._model.value)
        wanted = [name for name in model.options if name not in ("lyrics", "seconds_start")]
        for name in wanted:
            if name not in self._fields:
                self._fields[name] = _make_field(name, model.options[name])
                self._fields[name].observe(handler(self.refuse, self._measure), "value")
        self._more.children = tuple(self._fields[name] for name in wanted)
        self._store.change(lambda state: replace(state, model=model))
        self._measure()
        self._on_model()

    def _set(self, lyrics: LyricsState) -> None:
        self._store.change(lambda state: replace(state, lyrics=lyrics))

    def _measured(self) -> LyricsState:
        model = self._store.state.model
        accompaniment = self._accompaniment.value and model.marks_accompaniment
        return measure_lyrics(self._lyrics, accompaniment=accompaniment, model=model, options=self._given())

    def _measure(self) -> None:
        # Nobody's own words are written over.
        written = self._text.value.strip()
        self._sample.disabled = bool(written) and written not in samples.LYRICS
        self._set(self._measured())

    def _take_sample(self) -> None:
        written = self._text.value.strip()
        at = samples.LYRICS.index(written) + 1 if written in samples.LYRICS else 0
        self._text.value = samples.LYRICS[at % len(samples.LYRICS)]


def _make_field(name: str, option: Option) -> Any:
    """A field for an option; an empty one leaves it as usual."""
    label = f"{name.replace('_', ' ').capitalize()}: {ABOUT[name]}"
    if option.kind is bool:
        return make(widgets.Checkbox, "tick", value=False, description=label, indent=False)
    if option.choices:
        choices = [(_USUAL, ""), *((f"{choice}", choice) for choice in option.choices)]
        return make(widgets.Dropdown, "field", options=choices, value="", description=label)
    kind, hint = (widgets.Textarea, {"rows": 2}) if name == "style" else (widgets.Text, {})
    usual = "" if option.default is None else f"usually {option.default}"
    return make(kind, "field", description=label, placeholder=usual, **hint)


def _read(option: Option, value: Any) -> Any:
    """What a field says; None where it leaves the option as usual."""
    if isinstance(value, str):
        value = value.strip()
    if value in ("", False):
        return None
    if option.kind in (int, float) and isinstance(value, str):
        try:
            return option.kind(value)
        except ValueError:
            return value  # the check of the request says what is wrong with it
    return value


def _shown(option: Option, value: Any) -> Any:
    """What a field holds for a value."""
    if option.kind is bool:
        return bool(value)
    if value is None:
        return ""
    return value if option.choices else str(value)


class OptionsLine(Line):
    """What an earlier song was requested with that has no field: a quiet line, and a button that drops it."""

    def __init__(self) -> None:
        self.options = _NOTHING
        self._line = text()
        self._drop = button("Leave out", "quiet")
        super().__init__([self._line, self._drop], "row", "hidden")
        self._drop.on_click(lambda _: self.take(None))

    def take(self, request: SongRequest | None, but: Mapping[str, Any] = _NOTHING) -> None:
        """Take over the options of an earlier request that have no field, or none."""
        given = {name: value for name, value in request.options.items() if name not in but} if request else _NOTHING
        self.options = {name: value for name, value in given.items() if name in catalogue.REHEARSAL_OPTIONS}
        left_out = [name for name in given if name not in self.options]
        if request and request.model not in catalogue.MODELS:
            left_out.append(f"model {request.model}")
        self._line.value = drawing.options_line(self.options, left_out)
        show_if(self._drop, bool(self.options))
        show_if(self, bool(self.options or left_out))
