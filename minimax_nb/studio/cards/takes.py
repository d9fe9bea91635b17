"""The library in the studio: the finished songs, newest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import ipywidgets as widgets

from ...library.journal import Journal
from ...song import Song, Status
from .. import html as drawing
from ..state import FIRST, LISTED, Store, StudioState
from ..ui import Show, button, handler, make, put, row, show_if, styled, text

Act = Callable[[Song], object]


class TakeRow(widgets.HBox):  # type: ignore[misc, unused-ignore]
    """One song of the library and what can be done with it."""

    def __init__(self) -> None:
        self.song: Song | None = None
        self.play = button("Play", "quiet", icon="play")
        self.a, self.b = button("A", "quiet", "side"), button("B", "quiet", "side")
        self.again = button("Use these settings again", "quiet", icon="refresh")
        self.delete = button("Delete", "quiet", icon="trash")
        self.undo = button("Undo", "quiet", icon="undo")
        self.erase = button("Delete for good", "quiet")
        self._what = text("", "take-what")
        actions = row(
            self.play, self.a, self.b, self.again, self.delete, self.undo, self.erase, names=("row", "take-actions")
        )
        super().__init__([self._what, actions])
        styled(self, "take")

    def draw(self, song: Song, sides: str, *, deleted: bool, erased: bool) -> None:
        """Draw a song, or that it was deleted; `sides` are the letters under which it is compared."""
        self.song = song
        put(self._what, value=drawing.deleted_row(song, erased=erased) if deleted else drawing.take_row(song))
        for letter, choose in zip("AB", (self.a, self.b), strict=True):
            put(choose, description=f"✓ {letter}" if letter in sides else letter, tooltip=f"Compare it, as {letter}")
        for listen in (self.play, self.a, self.b):
            show_if(listen, not deleted and song.status is Status.COMPLETED)
        show_if(self.again, not deleted and song.request is not None)
        show_if(self.delete, not deleted and song.status.final)
        show_if(self.undo, deleted and not erased)
        show_if(self.erase, deleted and not erased)


class TakesCard(widgets.VBox):  # type: ignore[misc, unused-ignore]
    """Card 4: the takes.

    Parameters
    ----------
    store : Store
        Holds the songs that are listed.
    journal : callable
        Gives the journal.
    acts : mapping of str to callable
        What the buttons of a row do (play, again, a, b); called with its song.
    show : callable
        Shows what went wrong.
    """

    def __init__(self, store: Store, journal: Callable[[], Journal], acts: Mapping[str, Act], show: Show) -> None:
        self._store = store
        self._journal = journal
        self._acts = {
            **acts,
            "delete": self._delete,
            "undo": self._restore,
            "erase": self._erase,
        }
        self._show_error = show
        self._spare: list[TakeRow] = []
        self._rows = make(widgets.VBox, "takes")
        self._more = button("More", "quiet", "hidden")
        self._empty = text(drawing.line("Every song you make is kept here, also when the notebook is closed."))
        super().__init__([text(drawing.heading(None, "Takes")), self._empty, self._rows, self._more])
        styled(self, "card")
        self._more.on_click(handler(show, self._show_more))

    def load(self, most: int = FIRST) -> None:
        """Read the library, but for the songs that are under way here; not in a worker thread.

        Parameters
        ----------
        most : int
            How many songs are shown.
        """
        under_way = {song.request_id for song in self._store.state.songs}
        songs = [song for song in self._journal().songs() if song.status in LISTED]
        library = tuple(song for song in songs if song.request_id not in under_way)
        self._make_rows(library[:most])
        self._store.change(lambda state: replace(state, library=library, most_listed=most))

    def reload(self) -> None:
        """Read it again: another studio has made a song; not in a worker thread."""
        self.load(self._store.state.most_listed)

    def expect_one(self) -> None:
        """Have a row ready for a song that is requested now; not in a worker thread."""
        self._spare.append(self._make_row())

    def draw(self, state: StudioState, before: StudioState) -> None:
        """Draw the list, if it changed."""
        names = ("library", "deleted", "erased", "most_listed", "sides")
        if all(getattr(state, name) == getattr(before, name) for name in names):
            return
        rows = {row.song.request_id: row for row in self._rows.children if row.song is not None}
        shown = []
        for song in state.library[: state.most_listed]:
            take_row = rows.get(song.request_id) or (self._spare.pop() if self._spare else None)
            if take_row is not None:
                name = song.request_id
                take_row.draw(song, state.letters(song), deleted=name in state.deleted, erased=name in state.erased)
                shown.append(take_row)
        put(self._rows, children=tuple(shown))
        show_if(self._more, len(state.library) > state.most_listed)
        show_if(self._empty, not state.library)

    def _make_rows(self, library: tuple[Song, ...]) -> None:
        known = {row.song.request_id for row in self._rows.children if row.song is not None}
        new = sum(song.request_id not in known for song in library)
        self._spare += [self._make_row() for _ in range(new - len(self._spare))]

    def _make_row(self) -> TakeRow:
        take_row = TakeRow()
        for name, act in self._acts.items():
            getattr(take_row, name).on_click(handler(self._show_error, self._act, act, take_row))
        return take_row

    @staticmethod
    def _act(act: Act, take_row: TakeRow) -> None:
        if take_row.song is not None:
            act(take_row.song)

    def _delete(self, song: Song) -> None:
        if self._journal().delete(song):
            self._store.change(lambda state: replace(state, deleted=state.deleted | {song.request_id}))

    def _restore(self, song: Song) -> None:
        if self._journal().restore(song):
            self._store.change(lambda state: replace(state, deleted=state.deleted - {song.request_id}))

    def _erase(self, song: Song) -> None:
        if song.path is not None:
            song.path.unlink(missing_ok=True)
        self._store.change(lambda state: replace(state, erased=state.erased | {song.request_id}))

    def _show_more(self) -> None:
        self.load(self._store.state.most_listed + FIRST)
