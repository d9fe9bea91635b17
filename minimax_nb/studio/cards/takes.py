"""The library in the studio: the finished songs, newest first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as widgets

from ...library.journal import Journal
from ...song import Song, Status
from .. import html as drawing
from ..ui import Show, button, make, put, row, show_if, styled, text, visibly

FIRST = 10
"""So many takes are shown at first, and with each press of “More”."""

Act = Callable[[Song], object]


class TakeRow(widgets.HBox):  # type: ignore[misc, unused-ignore]
    """One song of the library and what can be done with it."""

    def __init__(self) -> None:
        self.song: Song | None = None
        self.deleted = False
        self.play = button("Play", "quiet", icon="play")
        self.again = button("Use these settings again", "quiet", icon="refresh")
        self.delete = button("Delete", "quiet", icon="trash")
        self.undo = button("Undo", "quiet", icon="undo")
        self._what = text("", "take-what")
        actions = row(self.play, self.again, self.delete, self.undo, names=("row", "take-actions"))
        super().__init__([self._what, actions])
        styled(self, "take")

    def draw(self, song: Song, *, deleted: bool = False) -> None:
        """Draw a song, or that it was deleted."""
        self.song, self.deleted = song, deleted
        gone = drawing.line(f"“{song.title}” is off the list. Its file stays in the library.")
        put(self._what, value=gone if deleted else drawing.take_row(song))
        show_if(self.play, not deleted and song.status is Status.COMPLETED)
        show_if(self.again, not deleted and song.request is not None)
        show_if(self.delete, not deleted and song.status.final)
        show_if(self.undo, deleted)


class TakesCard(widgets.VBox):  # type: ignore[misc, unused-ignore]
    """Card 4: the takes.

    Parameters
    ----------
    journal : callable
        Gives the journal.
    play, again : callable
        What the buttons of a row do; called with its song.
    show : callable
        Shows what went wrong.
    """

    def __init__(self, journal: Callable[[], Journal], play: Act, again: Act, show: Show) -> None:
        self._journal = journal
        self._acts = {"play": play, "again": again, "delete": self._delete, "undo": self._restore}
        self._show_error = show
        self._spare: list[TakeRow] = []
        self._most = FIRST
        self._rows = make(widgets.VBox, "takes")
        self._more = button("More", "quiet", "hidden")
        self._empty = text(drawing.line("Every song you make is kept here, also when the notebook is closed."))
        super().__init__([text(drawing.heading(None, "Takes")), self._empty, self._rows, self._more])
        styled(self, "card")
        self._more.on_click(visibly(show, self._show_more))

    @property
    def rows(self) -> tuple[TakeRow, ...]:
        """The rows, newest first."""
        return tuple(self._rows.children)

    def load(self, *, but: frozenset[str] = frozenset()) -> None:
        """Read the library; not in a worker thread.

        Parameters
        ----------
        but : frozenset of str
            The request ids of songs that are under way here.
        """
        songs = [song for song in self._journal().songs() if _listed(song) and song.request_id not in but]
        known = {row.song.request_id: row for row in self.rows if row.song is not None}
        rows = [known.get(song.request_id) or self._make_row() for song in songs[: self._most]]
        for take_row, song in zip(rows, songs, strict=False):
            take_row.draw(song)
        self._rows.children = tuple(rows)
        show_if(self._more, len(songs) > self._most)
        self._draw_empty()

    def expect_one(self) -> None:
        """Have a row ready for a song that is asked for now; not in a worker thread."""
        self._spare.append(self._make_row())

    def add(self, song: Song) -> None:
        """List a song that came to its end; called from any thread."""
        row_of = next((each for each in self.rows if each.song and each.song.request_id == song.request_id), None)
        if not _listed(song) or (row_of is None and not self._spare):
            return
        take_row = row_of or self._spare.pop()
        take_row.draw(song)
        if row_of is None:
            self._rows.children = (take_row, *self.rows)
        self._draw_empty()

    def _make_row(self) -> TakeRow:
        take_row = TakeRow()
        for name, act in self._acts.items():
            getattr(take_row, name).on_click(visibly(self._show_error, partial(self._act, act, take_row)))
        return take_row

    @staticmethod
    def _act(act: Act, take_row: TakeRow) -> None:
        if take_row.song is not None:
            act(take_row.song)

    def _delete(self, song: Song) -> None:
        if self._journal().delete(song):
            self._row_of(song).draw(song, deleted=True)

    def _restore(self, song: Song) -> None:
        if self._journal().restore(song):
            self._row_of(song).draw(song)

    def _row_of(self, song: Song) -> Any:
        return next(each for each in self.rows if each.song is song)

    def _show_more(self) -> None:
        self._most += FIRST
        self.load()

    def _draw_empty(self) -> None:
        show_if(self._empty, not self.rows)


def _listed(song: Song) -> bool:
    return song.status in (Status.COMPLETED, Status.FAILED, Status.UNKNOWN)
