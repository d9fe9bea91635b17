"""The library in the studio: a shelf of favourites, and below it all other songs, newest first."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace

import ipywidgets as widgets

from ...library.journal import Journal
from ...song import Song, Status
from .. import html as drawing
from ..state import FIRST, LISTED, Store, StudioState
from ..ui import Column, Line, Show, button, classes, handler, make, message_of, put, row, show_if, text

Act = Callable[[Song], object]


class TakeRow(Line):
    """One song of the library and what can be done with it."""

    _numbers = itertools.count(1)

    def __init__(self) -> None:
        self.song: Song | None = None
        name = f"take-{next(self._numbers)}"
        (self.name,) = classes(name)
        self.star = button("Star", "quiet", "star")
        self.play = button("Play", "quiet", icon="play")
        self.a, self.b = button("A", "quiet", "side"), button("B", "quiet", "side")
        self.again = button("Use these settings again", "quiet", icon="refresh")
        self.edit = button("Name and note", "quiet", "edit", icon="edit")
        self.delete = button("Delete", "quiet", icon="trash")
        self.undo = button("Undo", "quiet", icon="undo")
        self.erase = button("Delete for good", "quiet")
        self._what = text("", "take-what")
        choose = (self.play, self.a, self.b, self.again, self.edit, self.delete, self.undo, self.erase)
        self._parts = [self.star, self._what, row(*choose, names=("row", "take-actions"))]
        super().__init__(self._parts, "take", name)

    def draw(self, song: Song, sides: str, *, deleted: bool, erased: bool) -> None:
        """Draw a song, or that it was deleted; `sides` are the letters under which it is compared."""
        if self.song is None or self.song.request_id != song.request_id:
            self.show(None)
        self.song = song
        put(self._what, value=drawing.deleted_row(song, erased=erased) if deleted else drawing.take_row(song))
        put(self.star, description="Remove the star" if song.starred else "Star")
        (self.star.add_class if song.starred else self.star.remove_class)("mnb-starred")
        for letter, choose in zip("AB", (self.a, self.b), strict=True):
            put(choose, description=f"✓ {letter}" if letter in sides else letter, tooltip=f"Compare it, as {letter}")
        for listen in (self.play, self.a, self.b):
            show_if(listen, not deleted and song.status is Status.COMPLETED)
        for change in (self.star, self.edit):
            show_if(change, not deleted)
        show_if(self.again, not deleted and song.request is not None)
        show_if(self.delete, not deleted and song.status.final)
        show_if(self.undo, deleted and not erased)
        show_if(self.erase, deleted and not erased)

    def show(self, editor: Editor | None) -> None:
        """Show the fields for a name and a note below the row, or none."""
        put(self, children=(*self._parts, *([editor] if editor else [])))


class Editor(Column):
    """The fields for the name and the note of a song, made when they are wanted.

    Parameters
    ----------
    song : Song
    keep : callable
        Called with the name and the note.
    close : callable
    show : callable
        Shows what went wrong.
    """

    def __init__(
        self, song: Song, keep: Callable[[str, str], object], close: Callable[[], object], show: Show
    ) -> None:
        self._name = make(widgets.Text, "field", value=song.name, description="Name", placeholder=song.title)
        self._note = make(widgets.Textarea, "field", value=song.note, description="Note", rows=2)
        done, leave = button("Keep", icon="check"), button("Cancel", "quiet")
        self._problem = text()
        super().__init__([self._name, self._note, self._problem, row(done, leave)], "editor")
        done.on_click(handler(self._complain, lambda: keep(self._name.value, self._note.value)))
        leave.on_click(handler(show, close))

    def _complain(self, error: Exception) -> None:
        self._problem.value = drawing.line(message_of(error), "bad")


class Tools(Line):
    """What finds takes and exports them, made with the first rows."""

    def __init__(self, find: Callable[[str, bool], object], export: Callable[[], object], show: Show) -> None:
        self._search = make(
            widgets.Text, "field", description="Search", placeholder="words of a title, the lyrics or a note"
        )
        self._starred = make(widgets.Checkbox, "tick", value=False, description="Favourites only", indent=False)
        self._export = button("Export", "quiet", icon="folder-open")
        super().__init__([self._search, self._starred, self._export], "row", "tools", "hidden")
        for field in (self._search, self._starred):
            field.observe(handler(show, lambda: find(self._search.value, self._starred.value)), "value")
        self._export.on_click(handler(show, export))

    def draw(self, state: StudioState) -> None:
        """Say what would be exported."""
        show_if(self, bool(state.library))
        put(self._export, description=drawing.export_words(state), disabled=not state.chosen)


class TakesCard(Column):
    """Card 4: the takes, of which as many are drawn as are looked at.

    Parameters
    ----------
    store : Store
        Holds the songs that are listed.
    journal : callable
        Gives the journal.
    acts : mapping of str to callable
        What the buttons of a row do (play, again, a, b); called with its song.
    label : callable
        Gives a song another name, a note or a star, as `Session.label` does.
    export : callable
        Exports the chosen songs; returns where to.
    on_change : callable
        Called when the library was changed here.
    focus : callable
        Gives a control the keyboard again, by a CSS selector, when its row has moved.
    show : callable
        Shows what went wrong.
    """

    def __init__(
        self,
        store: Store,
        journal: Callable[[], Journal],
        acts: Mapping[str, Act],
        *,
        label: Callable[..., Song],
        export: Callable[[], str],
        on_change: Callable[[], object],
        focus: Callable[[str], object],
        show: Show,
    ) -> None:
        self._store = store
        self._journal = journal
        self._acts = {
            **acts,
            "star": self._star,
            "delete": self._delete,
            "undo": self._restore,
            "erase": self._erase,
        }
        self._label = label
        self._export = export
        self._on_change = on_change
        self._focus = focus
        self._show_error = show
        self._version = -1
        self._spare: list[TakeRow] = []
        self._tools: Tools | None = None
        self._heads = make(widgets.VBox, "tools-box")
        self._said = text()
        self._shelf_head = text("", "shelf-head")
        self._shelf = make(widgets.VBox, "takes")
        self._rest_head = text("", "shelf-head")
        self._rows = make(widgets.VBox, "takes")
        # A page presses it by itself when it is looked at.
        self._more = button("More takes", "quiet", "more-takes")
        lists = [self._shelf_head, self._shelf, self._rest_head, self._rows]
        super().__init__([text(drawing.heading(None, "Takes")), self._heads, self._said, *lists, self._more], "card")
        self._more.on_click(handler(show, self._show_more))

    def load(self, most: int = FIRST) -> None:
        """Read the library, but for the songs that are under way here; not in a worker thread.

        Parameters
        ----------
        most : int
            How many songs are shown.
        """
        if self._tools is None:
            self._tools = Tools(self._find, self._export_chosen, self._show_error)
            self._heads.children = (self._tools,)
        takes = self._store.state.takes
        under_way = {take.song.request_id for take in takes if take.song is not None and take.ended is None}
        self._version = self._journal().version()
        songs = [song for song in self._journal().songs() if song.status in LISTED]
        library = tuple(song for song in songs if song.request_id not in under_way)
        self._change(lambda state: replace(state, library=library, most_listed=most))

    def reload(self) -> None:
        """Read it again, once it was read: another studio has changed it; not in a worker thread."""
        if self._store.state.most_listed:
            self.load(self._store.state.most_listed)

    def refresh(self) -> None:
        """Read it again if another kernel has written, or another session in this one."""
        if self._store.state.most_listed and self._journal().version() != self._version:
            self.reload()

    def expect_one(self) -> None:
        """Have a row ready for a song that is requested now; not in a worker thread."""
        self._spare.append(self._make_row())

    def draw(self, state: StudioState, before: StudioState) -> None:
        """Draw the list, if it changed."""
        names = ("library", "deleted", "erased", "most_listed", "sides", "search", "only_starred")
        if all(getattr(state, name) == getattr(before, name) for name in names):
            return
        shelf, rest = self._take_rows(state)
        put(self._shelf_head, value=drawing.shelf_head("Favourites") if shelf else "")
        put(self._rest_head, value=drawing.shelf_head("All others") if shelf and rest else "")
        put(self._shelf, children=shelf)
        put(self._rows, children=rest)
        show_if(self._more, sum(map(len, state.found)) > state.most_listed)
        put(self._said, value=drawing.takes_line(state))
        if self._tools is not None:
            self._tools.draw(state)

    def _take_rows(self, state: StudioState) -> tuple[tuple[TakeRow, ...], tuple[TakeRow, ...]]:
        """The rows of the shelf and of the others, drawn; those that nobody needs are spare."""
        rows = {row.song.request_id: row for row in self._drawn if row.song is not None}
        shown = state.shown
        own = {song.request_id: rows.pop(song.request_id, None) for song in shown}
        self._spare += rows.values()
        shelf: list[TakeRow] = []
        rest: list[TakeRow] = []
        for song in shown:
            name = song.request_id
            take_row = own[name] or (self._spare.pop() if self._spare else None)
            if take_row is not None:
                take_row.draw(song, state.letters(song), deleted=name in state.deleted, erased=name in state.erased)
                (shelf if song.starred else rest).append(take_row)
        return tuple(shelf), tuple(rest)

    @property
    def _drawn(self) -> tuple[TakeRow, ...]:
        return (*self._shelf.children, *self._rows.children)

    def _change(self, step: Callable[[StudioState], StudioState]) -> None:
        """Take a step, with rows at hand for what it shows; not in a worker thread."""
        state = step(self._store.state)
        wanted = len(state.shown) + sum(take.ended is None for take in state.takes)
        there = len(self._drawn) + len(self._spare)
        self._spare += [self._make_row() for _ in range(wanted - there)]
        self._store.change(step)

    def _make_row(self) -> TakeRow:
        take_row = TakeRow()
        for name, act in self._acts.items():
            getattr(take_row, name).on_click(handler(self._show_error, self._act, act, take_row))
        take_row.edit.on_click(handler(self._show_error, self._edit, take_row))
        return take_row

    def _act(self, act: Act, take_row: TakeRow) -> None:
        if take_row.song is not None:
            act(take_row.song)

    def _show_more(self) -> None:
        self.load(self._store.state.most_listed + FIRST)

    def _find(self, search: str, only_starred: bool) -> None:
        self._change(lambda state: replace(state, search=search, only_starred=only_starred, most_listed=FIRST))

    # What is said of a song

    def _star(self, song: Song) -> None:
        moved = next((row.name for row in self._drawn if row.song == song), None)
        self._relabel(song, starred=not song.starred)
        if moved:
            self._focus(f".{moved} .mnb-star")

    def _edit(self, take_row: TakeRow) -> None:
        song = take_row.song
        if song is None:
            return

        def close() -> None:
            take_row.show(None)
            self._focus(f".{take_row.name} .mnb-edit")

        def keep(name: str, note: str) -> None:
            self._relabel(song, name=name, note=note)
            close()

        take_row.show(Editor(song, keep, close, self._show_error))

    def _relabel(self, song: Song, **labels: str | bool) -> None:
        changed = self._label(song, **labels)
        self._change(lambda state: state.relabelled(changed))
        self._on_change()

    def _delete(self, song: Song) -> None:
        if self._journal().delete(song):
            self._store.change(lambda state: replace(state, deleted=state.deleted | {song.request_id}))
            self._on_change()

    def _restore(self, song: Song) -> None:
        if self._journal().restore(song):
            self._store.change(lambda state: replace(state, deleted=state.deleted - {song.request_id}))
            self._on_change()

    def _erase(self, song: Song) -> None:
        if song.path is not None:
            song.path.unlink(missing_ok=True)
        self._store.change(lambda state: replace(state, erased=state.erased | {song.request_id}))

    def _export_chosen(self) -> None:
        self._said.value = drawing.line(self._export(), "good")
