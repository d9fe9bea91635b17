"""The draft of a studio: brought back when it is shown, written down while it is used, emptied by a button."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import replace

from ...api.key import Key
from ...library.storage import Library
from ...song import SongRequest
from ..draft import Draft, Saver, is_empty, load, save, studio_name
from ..state import MODEL, StudioState
from ..ui import Line, Show, button, handler, put, show_if
from .lyrics import LyricsCard
from .reference import ReferenceCard

_EMPTY = SongRequest(MODEL.name, "", "", "")


class DraftCard(Line):
    """*Start over*, and what it empties.

    Parameters
    ----------
    lyrics, reference : LyricsCard and ReferenceCard
        Hold what was typed and chosen.
    library : callable
        Gives the library.
    keys : callable
        Gives the keys that must not be written down.
    name : str
        Of the studio, where it was given one.
    show : callable
        Shows what went wrong.
    """

    def __init__(
        self,
        lyrics: LyricsCard,
        reference: ReferenceCard,
        library: Callable[[], Library],
        keys: Callable[[], Iterable[Key | None]],
        name: str,
        show: Show,
    ) -> None:
        self._lyrics = lyrics
        self._reference = reference
        self._library = library
        self._keys = keys
        self._name = studio_name(name)
        self._saver = Saver(self._save)
        self._opened = False
        self._undo: Callable[[], None] | None = None
        self._over = button("Start over", "quiet", "hidden")
        super().__init__([self._over], "row")
        self._over.on_click(handler(show, self._start_over))
        reference.on_part(self._touch)

    def restore(self, lyrics_given: bool, reference_given: bool) -> None:
        """Bring the draft back, but for what was given from code; from now on, changes are written down."""
        # A draft that cannot be read must not keep the studio from opening.
        with contextlib.suppress(Exception):
            self._fill(load(self._library(), self._name), lyrics_given, reference_given)
        self._opened = True

    def note_change(self, state: StudioState) -> None:
        """Note that something was typed or chosen."""
        self._undo = None
        reference = state.reference
        chosen = reference.source is not None or reference.doing or reference.problem
        self._draw(empty=not chosen and is_empty(Draft(self._lyrics.written()), MODEL.name))
        self._touch()

    def _fill(self, draft: Draft | None, lyrics_given: bool, reference_given: bool) -> None:
        if draft is None:
            return
        written = self._lyrics.written()
        self._lyrics.fill(replace(draft.request, lyrics=written.lyrics) if lyrics_given else draft.request)
        if draft.reference is not None and not reference_given:
            self._reference.restore(draft.reference)

    def _touch(self) -> None:
        if self._opened:
            self._saver.touch()

    def _save(self) -> None:
        """Write down what the fields hold; in a thread of its own."""
        draft = Draft(self._lyrics.written(), self._reference.draft())
        if is_empty(draft, MODEL.name):
            self._library().keep_draft(self._name, None)
        else:
            save(self._library(), self._name, draft, self._keys())

    def _start_over(self) -> None:
        """Empty the fields, and the draft with them; pressed again, bring back what they held."""
        if self._undo is not None:
            self._undo()
            return
        written, undo = self._lyrics.written(), self._reference.clear()
        self._lyrics.fill(_EMPTY)

        def bring_back() -> None:
            self._lyrics.fill(written)
            undo()

        self._undo = bring_back
        self._draw(empty=True)

    def _draw(self, *, empty: bool) -> None:
        put(self._over, description="Start over" if self._undo is None else "Bring it back")
        show_if(self._over, not empty or self._undo is not None)
