"""The songs that are being made, a progress row each, and the player of the one that is ready."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from ...hosts import choice as hosts
from ...song import Song
from .. import components
from .. import html as drawing
from ..state import StudioState
from ..take import Take
from ..ui import Column, Show, button, classes, common, handler, make, message_of, put, row, show_if, text

Act = Callable[[int], object]
"""What a button of a progress row does, called with the number of its take."""


class ProgressRow(Column):
    """One song on its way: its steps, its seconds, and what can be done with it."""

    def __init__(self, acts: Mapping[str, Callable[..., None]]) -> None:
        self._drawn: Take | None = None
        self._stop = button("Stop waiting", "quiet")
        self._resume = button("Wait again", icon="refresh")
        self._again = button("Try again", icon="refresh")
        self._hide = button("Hide", "quiet")
        self._share = button("")
        self._link = button("Give a link")
        self._sharing = text()
        for name, act in acts.items():
            getattr(self, f"_{name}").on_click(act)
        self._title = text()
        self._steps = text()
        self._words = text("", "words")
        buttons = row(self._share, self._link, self._stop, self._resume, self._again, self._hide)
        super().__init__([self._title, self._steps, self._words, self._sharing, buttons], "progress")

    def draw(self, take: Take, price: str) -> None:
        """Draw a take as it stands; `price` is what trying again costs, empty when it is free."""
        put(self._again, description=f"Try again · {price}" if price else "Try again")
        if take is self._drawn:
            return
        self._drawn = take
        now, working = time.monotonic(), take.ended is None
        show_if(self._stop, working and take.waitable)
        show_if(self._resume, not working and take.waitable)
        show_if(self._again, take.error is not None and not take.waitable and not take.invalid_field)
        show_if(self._hide, not working)
        show_if(self._link, take.wants_link)
        self._offer_to_share(take)
        put(self._title, value=drawing.progress_title(take))
        put(self._steps, value="" if take.error else drawing.steps_list(take, now))
        put(self._words, value=drawing.progress_words(take, now, time.time()))

    def _offer_to_share(self, take: Take) -> None:
        way = hosts.ways()[0] if take.wants_link else None
        put(self._sharing, value=drawing.sharing_line(way) if way else "")
        put(self._share, description=way.label if way else "")
        show_if(self._share, way is not None and not way.needs)


class FinishedSong(widgets.Box):  # type: ignore[misc, unused-ignore]
    """The player, the words and the facts of a song that is ready; made when it is wanted for the first time.

    Parameters
    ----------
    save : callable
        Saves the song.
    hand_in : callable
        Hands it in under a name.
    show : callable
        Shows what went wrong.
    """

    def __init__(self, save: Callable[[], object], hand_in: Callable[[str], object], show: Show) -> None:
        self._drawn: Song | None = None
        self._wanted: Song | None = None
        self._save = button("Save beside the notebook", icon="save")
        self._name = make(widgets.Text, "field", description="Your name", placeholder="As the class shall read it")
        self._hand_in = button("Hand in", icon="paper-plane")
        self._hand_in_row = row(self._name, self._hand_in, names=("row", "hand-in", "hidden"))
        self._saved = text()
        self._player = components.Player()
        # For pages that cannot load the other one; shown there only, as an empty one is an error in the page.
        self._plain = make(widgets.Audio, autoplay=False, loop=False)
        self._plain_box = make(widgets.VBox)
        self._head, self._details, self._plain_words = text(), text(), text()
        self._words = components.Words()
        super().__init__(self._arranged(), _dom_classes=classes("ready", "hidden"), **common(widgets.Box))
        # It leaves the song in its card as it is.
        self._save.on_click(handler(self._complain, save))
        self._hand_in.on_click(handler(show, lambda: hand_in(self._name.value.strip())))

    @property
    def playing(self) -> bool:
        """Whether somebody is listening to it."""
        return bool(self._player.playing)

    def draw(self, song: Song, state: StudioState) -> None:
        """Show a song, or another name of the one that plays, which goes on playing."""
        if song == self._drawn:
            return
        same, self._drawn = self._holds(song), song
        self._head.value = drawing.song_head(song)
        if same:
            self._player.rename(_file_name(song))
        else:
            self._load(song, state)

    def play(self, song: Song) -> None:
        """Play a song that a click requested: at once, or as soon as it is in the player."""
        if self._holds(song):
            self._player.play()
        else:
            self._wanted = song

    def offer_to_hand_in(self, name: str) -> None:
        """Show how the song is handed in; `name` is whose it probably is."""
        put(self._name, value=self._name.value or name)
        show_if(self._hand_in_row, True)

    def say(self, words: str, kind: str = "good") -> None:
        """Say one more line, such as where the song was saved."""
        self._saved.value = drawing.line(words, kind) if words else ""

    def _complain(self, error: Exception) -> None:
        self.say(message_of(error), "bad")

    def _holds(self, song: Song) -> bool:
        """Whether this song is in the player, under whatever name."""
        return self._drawn is not None and self._drawn.request_id == song.request_id

    def _load(self, song: Song, state: StudioState) -> None:
        self._send_song(song, play=song == self._wanted)
        self._wanted = None
        lines = drawing.timed_lines(song) if self._words.seen else []
        self._words.lines = lines
        self._plain_words.value = "" if lines else drawing.sung(song)
        take = next((take for take in state.takes if take.song == song), None)
        self._details.value = drawing.song_details(song, take, time.monotonic())
        self._saved.value = ""

    def _send_song(self, song: Song, *, play: bool) -> None:
        self._player.load(lambda: song.audio or b"", _file_name(song), play=play)
        if not self._player.seen:
            self._plain.value = song.audio or b""
        put(self._plain_box, children=() if self._player.seen else (self._plain,))

    def _arranged(self) -> list[Any]:
        sound = (self._head, self._plain_box, self._player, row(self._save))
        after = (self._hand_in_row, self._saved, self._details)
        words = (self._plain_words, self._words)
        return [
            make(widgets.Box, "sound", children=sound),
            make(widgets.VBox, "beside", children=words),
            make(widgets.VBox, "after", children=after),
        ]


class SongCard(Column):
    """Card 3.

    Parameters
    ----------
    acts : mapping of str to callable
        What the buttons of a progress row do (stop, resume, again, hide, share, link); called with the number of
        its take.
    play : callable
        Plays a song.
    make_finished : callable
        Makes what shows a finished song.
    show : callable
        Shows what went wrong.
    """

    def __init__(
        self,
        acts: Mapping[str, Act],
        play: Callable[[Song], object],
        make_finished: Callable[[], FinishedSong],
        show: Show,
    ) -> None:
        self._acts = acts
        self._show_error = show
        self._make_finished = make_finished
        self._finished: FinishedSong | None = None
        self._rows: dict[int, ProgressRow] = {}
        self._waiting: Song | None = None
        self._notice = text()
        self._empty = text(drawing.line("Your song will appear here."))
        self._progress = make(widgets.VBox, "progress-rows")
        self._ready = text()
        self._play_ready = button("Play it", "quiet", icon="play")
        self._play_ready.on_click(handler(show, lambda: play(self._waiting) if self._waiting else None))
        self._ready_row = row(self._ready, self._play_ready, names=("row", "hidden"))
        head = text(drawing.heading(3, "Song"))
        self._parts = [head, self._notice, self._empty, self._progress, self._ready_row]
        super().__init__(self._parts, "card", "song")

    def complete(self) -> FinishedSong:
        """Make what shows a finished song, if that is not there; not in a worker thread."""
        if self._finished is None:
            self._finished = self._make_finished()
            self.children = (*self._parts, self._finished)
        return self._finished

    @property
    def playing(self) -> bool:
        """Whether somebody is listening to the song in the player."""
        return self._finished is not None and self._finished.playing

    def add(self, number: int) -> None:
        """Make a progress row for a take; not in a worker thread."""
        acts = {name: handler(self._show_error, act, number) for name, act in self._acts.items()}
        self._rows[number] = ProgressRow(acts)
        self.complete().say("")

    def draw(self, state: StudioState) -> None:
        """Draw the songs as they stand."""
        service = state.service
        price = service.account.price
        words = "" if service.rehearsal or price is None else drawing.money(price)
        shown = [take for take in state.takes if take.shown and take.number in self._rows]
        for take in shown:
            self._rows[take.number].draw(take, words)
        put(self._progress, children=tuple(self._rows[take.number] for take in shown))
        put(self._notice, value=drawing.picked_up_line(state.takes))
        self._waiting = state.waiting
        put(self._ready, value=drawing.ready_line(state.waiting))
        show_if(self._ready_row, state.waiting is not None)
        show_if(self._empty, not shown and state.playing is None)
        if state.playing is not None:
            finished = self.complete()  # it is there: a click asked for the song
            finished.draw(state.playing, state)
            show_if(finished, True)


def _file_name(song: Song) -> str:
    """What its file is called when it is downloaded."""
    return f"{song.title}{song.path.suffix if song.path else '.mp3'}"
