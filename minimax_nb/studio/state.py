"""What the studio knows, as frozen values, and the one lock under which it changes."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .. import catalogue
from ..catalogue import Model
from ..errors import InvalidInput, InvalidLyrics
from ..lyrics import clean, to_prompt
from ..reference import Reference
from ..settings import Account, Service, Settings
from ..song import Song, Status
from .take import Take

if TYPE_CHECKING:
    from ..audio import AudioInfo

Source = str | os.PathLike[str] | bytes | Reference
"""What a song can be requested with."""

MODEL = catalogue.find_model(catalogue.DEFAULT_MODEL)
"""The one that is requested at first."""

FIRST = 10
"""So many takes are shown at first, and with each press of “More”."""

# A rule of thumb for pop songs: ten characters a second, and a breath at each pause.
_CHARACTERS_A_SECOND = 10
_PAUSE_SECONDS = 2


@dataclass(frozen=True)
class LoadedAudio:
    """A reference that can be seen and cut.

    Attributes
    ----------
    path : pathlib.Path
        The whole of it.
    name : str
    info : AudioInfo
        What was measured in it.
    start, end : float
        The excerpt that was cut already, in seconds.
    """

    path: Path
    name: str
    info: AudioInfo = field(compare=False, repr=False)
    start: float
    end: float


@dataclass(frozen=True)
class ReferenceState:
    """The reference, as its card shows it.

    Attributes
    ----------
    source : Source or None
        What is handed to the session; None when there is nothing usable.
    note : str
        What it is, in words: name, length, format, loudness.
    doing : str
        What is being done with it right now; empty when nothing is.
    problem : str
        What is wrong with it and how to mend that.
    advice : str
        What could be better about it.
    audio : LoadedAudio or None
        What can be seen of it; None for a link.
    uploaded : bool
        Whether it came through the drop zone, which shows a line about it.
    pending : Future or None
        Gives the source once the reference is read, while that is being done.
    """

    source: Source | None = None
    note: str = ""
    doing: str = ""
    problem: str = ""
    advice: str = ""
    audio: LoadedAudio | None = None
    uploaded: bool = False
    pending: Future[Source] | None = field(default=None, compare=False, repr=False)

    @property
    def linked(self) -> bool:
        """Whether it is a link, which the service opens."""
        return isinstance(self.source, Reference) and bool(self.source.uri)


@dataclass(frozen=True)
class LyricsState:
    """The lyrics and what else is requested, measured.

    Attributes
    ----------
    used, limit : int
        Characters of the prompt as sent, and the most the model takes; 0 for one that takes no lyrics.
    lines, pauses : int
    marks : int
        How many of the characters ask for the accompaniment.
    problem : str
        Why they cannot be sent; empty when they can, and when nothing is written yet.
    advice : str
        What could be better about lyrics that can be sent.
    lacking : str
        What has to be written yet, in words.
    prompt : str
        What is sent.
    tidied : bool
        Whether that is not what was written: something that is not sung was left out.
    """

    used: int
    limit: int
    lines: int = 0
    pauses: int = 0
    problem: str = ""
    marks: int = field(default=0, compare=False)
    advice: str = field(default="", compare=False)
    lacking: str = field(default="", compare=False)
    prompt: str = field(default="", compare=False)
    tidied: bool = field(default=False, compare=False)

    @property
    def ready(self) -> bool:
        """Whether the model takes what is there."""
        return not (self.lacking or self.problem)

    @property
    def seconds(self) -> float:
        """About how long it takes to sing."""
        return self.used / _CHARACTERS_A_SECOND + self.pauses * _PAUSE_SECONDS


def measure_lyrics(
    lyrics: str, *, accompaniment: bool, model: Model = MODEL, options: Mapping[str, Any] = MappingProxyType({})
) -> LyricsState:
    """Measure lyrics as a person writes them, and check what else is requested.

    Parameters
    ----------
    lyrics : str
    accompaniment : bool
        Whether instruments play along, which takes characters too.
    model : Model
        Whose limits count.
    options : mapping
        As `Session.submit` takes them.
    """
    limit = int(model.options["lyrics"].most) if model.sings else 0
    lacking, keep_tags = _lacking(lyrics, model, options), not model.marks_accompaniment
    if lacking and not lyrics.strip():
        return LyricsState(0, limit, lacking=lacking)
    try:
        prompt = to_prompt(lyrics, accompaniment=accompaniment, keep_tags=keep_tags) if lyrics.strip() else ""
    except InvalidLyrics as error:
        return LyricsState(0, limit, problem=f"{error.what} {error.do}")
    words = clean(lyrics, keep_tags=keep_tags)
    lines = sum(bool(line.strip()) for line in words.splitlines())
    pauses = len(re.findall(r"\n\s*\n", words))
    used, marks = catalogue.characters(prompt), len(prompt) - len(words) if prompt else 0
    tidied = words.split() != lyrics.split()
    measured = LyricsState(used, limit, lines, pauses, "", marks, prompt=prompt, lacking=lacking, tidied=tidied)
    try:
        if not lacking:
            catalogue.to_fields(model, options, lyrics=prompt, rehearsal=True)
    except InvalidInput as error:
        return replace(measured, problem=f"{error.what} {error.do}")
    return replace(measured, advice=model.advice(prompt))


def _lacking(lyrics: str, model: Model, options: Mapping[str, Any]) -> str:
    """What the model cannot do without and is not there."""
    style, words = "style" in options, bool(lyrics.strip())
    needed = {name: name in model.options and model.options[name].required for name in ("lyrics", "style")}
    wanting = ["some lyrics"] if needed["lyrics"] and not words else []
    if not style and (needed["style"] or options.get("write_lyrics")):
        wanting.append("a style")
    if not wanting and not (style or words):
        wanting.append("some lyrics or a style")
    return " and ".join(wanting)


@dataclass(frozen=True)
class ServiceState:
    """Where songs are made and what that costs.

    Attributes
    ----------
    settings : Settings
        With nothing left open.
    account : Account
        Price and balance, as far as the service has said them.
    problem : str
        Why it has not.
    rejected : str
        Why the key that was given was dropped.
    host : str
        How a file reaches the service, where that is not inside the request.
    """

    settings: Settings = field(default_factory=lambda: Settings(rehearse=True))
    account: Account = field(default_factory=Account)
    problem: str = ""
    rejected: str = ""
    host: str = ""

    @property
    def has_key(self) -> bool:
        """Whether songs are made with a key, which can be changed and forgotten."""
        return self.settings.key is not None and not self.rehearsal

    @property
    def where(self) -> Service:
        """The service itself; contacts nobody."""
        try:
            return self.settings.service(secrets=False)
        except InvalidInput:  # no key yet, or a setting that cannot be used, of which the card tells
            return Service("", self.settings.key, rehearsal=self.rehearsal)

    @property
    def rehearsal(self) -> bool:
        """Whether songs are made for free."""
        return bool(self.settings.rehearse)


@dataclass(frozen=True)
class Side:
    """One of the two sounds that are compared.

    Attributes
    ----------
    song : Song
    reference : bool
        Whether it is the reference of this song, and not the song itself.
    """

    song: Song
    reference: bool = False

    @property
    def key(self) -> tuple[str, bool]:
        """What tells it from other sounds; the song may get another name."""
        return self.song.request_id, self.reference

    @property
    def path(self) -> Path | None:
        """Its file; None when there is none here, as of a reference that was a link."""
        if not self.reference:
            return self.song.path
        return None if not self.song.source or "://" in self.song.source else Path(self.song.source)


@dataclass(frozen=True)
class StudioState:
    """All of it.

    Attributes
    ----------
    model : Model
        What is requested to make the next song.
    reference : ReferenceState
    lyrics : LyricsState
    service : ServiceState
    takes : tuple of Take
        The songs that were requested or picked up here, newest first.
    latest : int or None
        The take of the latest click; while there was none, the newest one that was picked up.
    front : int or None
        The take in the song card; None when that is a song of the library.
    playing : Song or None
        The song in the player.
    waiting : Song or None
        One that got ready while another was being listened to.
    library : tuple of Song
        The songs in the list of takes, newest first.
    deleted, erased : frozenset of str
        The request ids of those that were deleted here, and of those of them whose file is gone as well.
    most_listed : int
        How many of them are shown; 0 until the library is read.
    search : str
        The words by which takes are searched.
    only_starred : bool
        Whether only favourites are looked for.
    sides : tuple of (Side or None, Side or None)
        What is compared, as A and as B.
    """

    model: Model = MODEL
    reference: ReferenceState = field(default_factory=ReferenceState)
    lyrics: LyricsState = field(default_factory=lambda: measure_lyrics("", accompaniment=True))
    service: ServiceState = field(default_factory=ServiceState)
    takes: tuple[Take, ...] = ()
    latest: int | None = None
    front: int | None = None
    playing: Song | None = None
    waiting: Song | None = None
    library: tuple[Song, ...] = ()
    deleted: frozenset[str] = frozenset()
    erased: frozenset[str] = frozenset()
    most_listed: int = 0
    search: str = ""
    only_starred: bool = False
    sides: tuple[Side | None, Side | None] = (None, None)

    @property
    def songs(self) -> tuple[Song, ...]:
        """The songs of all takes, newest first."""
        return tuple(take.song for take in self.takes if take.song is not None)

    @property
    def spent(self) -> float:
        """What these songs have cost so far, in US dollars."""
        return sum(song.cost_usd or 0.0 for song in self.songs if not song.rehearsal)

    @property
    def song(self) -> Song | None:
        """The song in the card."""
        front = self.take(self.front)
        return front.song if front else self.playing

    @property
    def found(self) -> tuple[tuple[Song, ...], tuple[Song, ...]]:
        """The favourites and all others that are looked for, newest first."""
        found = [song for song in self.library if not self.search or song.matches(self.search)]
        rest = () if self.only_starred else tuple(song for song in found if not song.starred)
        return tuple(song for song in found if song.starred), rest

    @property
    def shown(self) -> tuple[Song, ...]:
        """Those of them that are drawn: the favourites stand on top."""
        return sum(self.found, ())[: self.most_listed]

    @property
    def chosen(self) -> tuple[Song, ...]:
        """What would be exported, oldest first: what was searched for, else the favourites."""
        favourites, rest = self.found
        songs = (*favourites, *rest) if self.search.strip() else favourites
        there = [song for song in songs if song.path and song.request_id not in self.deleted]
        return tuple(sorted(there, key=lambda song: song.created))

    def take(self, number: int | None) -> Take | None:
        """A take by its number."""
        return next((take for take in self.takes if take.number == number), None)

    def begun(self, take: Take) -> StudioState:
        """With a take that was requested by a click; those that failed have been read."""
        read = [each.hidden or not (each.ended is None or each.waitable) for each in self.takes]
        before = (replace(each, hidden=hidden) for each, hidden in zip(self.takes, read, strict=True))
        return replace(self, takes=(take, *before), latest=take.number, front=take.number)

    def picked_up(self, takes: tuple[Take, ...]) -> StudioState:
        """With takes that an earlier kernel left open, newest first."""
        newest = takes[0].number if takes else None
        latest = newest if self.latest is None else self.latest
        front = newest if self.front is None and self.playing is None else self.front
        return replace(self, takes=(*self.takes, *takes), latest=latest, front=front)

    def changed(self, number: int, step: Callable[[Take], Take], *, playing: bool = False) -> StudioState:
        """With one take a step further; one that got ready goes into the player, unless one is `playing` there."""
        takes = tuple(step(take) if take.number == number else take for take in self.takes)
        state = replace(self, takes=takes)
        before, after = self.take(number), state.take(number)
        if after is None or before is None or before.done or not after.done:
            return state
        return state.made(after, playing=playing)

    def made(self, take: Take, *, playing: bool) -> StudioState:
        """With a song that got ready; it pushes neither a later one aside nor the one that is listened to."""
        front = self.take(self.front)
        may_play = self.front == take.number or (front is None and self.playing is None)
        if (may_play or (front is not None and not front.done)) and not playing:
            return replace(self, playing=take.song, waiting=None)
        return replace(self, waiting=take.song)

    def played(self, song: Song) -> StudioState:
        """With a finished song in the player."""
        front = next((take.number for take in self.takes if take.song == song), None)
        return replace(self, front=front, playing=song, waiting=None)

    def compared(self, at: int, side: Side) -> StudioState:
        """With a sound as A (0) or B (1), or without it where it was that; what was the other one changes places."""
        there, other = self.sides[at], self.sides[1 - at]
        keys = [each.key if each else None for each in (there, other)]
        pair = (None, other) if side.key == keys[0] else (side, there if side.key == keys[1] else other)
        return replace(self, sides=pair if at == 0 else pair[::-1])

    def letters(self, song: Song) -> str:
        """The letters under which a song is compared."""
        sides, key = zip("AB", self.sides, strict=True), Side(song).key
        return "".join(letter for letter, side in sides if side is not None and side.key == key)

    def relabelled(self, song: Song) -> StudioState:
        """With a song under another name, or with another note or star, wherever it is."""

        def changed(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(map(changed, value))
            if isinstance(value, Take | Side):
                return replace(value, song=changed(value.song))
            return song if isinstance(value, Song) and value.request_id == song.request_id else value

        names = ("takes", "playing", "waiting", "library", "sides")
        return replace(self, **{name: changed(getattr(self, name)) for name in names})

    def listed(self, song: Song) -> StudioState:
        """With a song in the list of takes, as it stands now."""
        if song.status not in LISTED:
            return self
        known = any(each.request_id == song.request_id for each in self.library)
        library = tuple(song if each.request_id == song.request_id else each for each in self.library)
        return replace(self, library=library if known else (song, *library))


LISTED = (Status.COMPLETED, Status.FAILED, Status.UNKNOWN)
"""The songs that are shown in the list of takes."""


def missing(state: StudioState) -> str:
    """Say what is missing before a song can be generated; empty when nothing is."""
    reference, lyrics = state.reference, state.lyrics
    wanted = state.model.reference is not None
    words = "lyrics are" if state.model.sings else "settings are"
    problems = (("reference is", reference.problem if wanted else ""), (words, lyrics.problem))
    wrong = [name for name, problem in problems if problem]
    if wrong:
        return f"The {' and the '.join(wrong)} not right yet, see above."
    # A click may come while the reference is still being read: the song waits for that.
    there = reference.source or reference.doing or not wanted
    lacking = [*([] if there else ["a reference"]), *([lyrics.lacking] if lyrics.lacking else [])]
    return f"Add {' and '.join(lacking)} to begin." if lacking else ""


class Store:
    """The state and its lock. It changes under the lock and is shown outside it, so nobody can hang the kernel."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.state = StudioState()
        self._views: tuple[_View, ...] = ()

    def show_to(self, *views: Callable[[StudioState], None]) -> None:
        """Show the state, now and after each change.

        Parameters
        ----------
        *views : callable
            Each is called in the thread that changed the state, or in the one that is showing it an earlier state
            just then. So each sees the states in their order, one at a time, and misses some when it is slow.
        """
        self._views = tuple(_View(view, self) for view in views)
        self.change(lambda state: state)

    def change(self, step: Callable[[StudioState], StudioState]) -> StudioState:
        """Take a step, and show where it led; return what was before."""
        with self.lock:
            before, self.state = self.state, step(self.state)
        for view in self._views:
            view.refresh()
        return before


class _View:
    def __init__(self, show: Callable[[StudioState], None], store: Store) -> None:
        self._show = show
        self._store = store
        self._stale = self._busy = False

    def refresh(self) -> None:
        with self._store.lock:
            self._stale = True
            if self._busy:
                return
            self._busy = True
        try:
            while self._wanted():
                self._show(self._store.state)
        except BaseException:
            # An interrupt, say: the next change is shown all the same.
            self._busy = False
            raise

    def _wanted(self) -> bool:
        with self._store.lock:
            self._busy, self._stale = self._stale, False
            return self._busy
