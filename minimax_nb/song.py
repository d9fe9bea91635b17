"""What is requested (`SongRequest`), what became of it (`Song`), and where it stands (`Status`).

All of it is frozen; a song touches nothing but its own finished file.
"""

from __future__ import annotations

import itertools
import re
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .audio.timeline import Timeline
from .errors import LibraryError, MusicError, Spent
from .lyrics import clean

if TYPE_CHECKING:
    from .display.card import Card, Player
    from .display.picture import Picture


class Status(StrEnum):
    """Where a song stands.

    ========================  =====================================================
    ``sending``               written down, the request is on its way
    ``unknown``               no response came; it is looked up, never re-sent
    ``refused``               the service rejected the request; free
    ``queued``                paid for, waiting its turn
    ``generating``            being made
    ``downloading``           made; the file is not here yet
    ``completed``             on disk
    ``failed``                the service could not make it; free
    ========================  =====================================================
    """

    SENDING = "sending"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    QUEUED = "queued"
    GENERATING = "generating"
    DOWNLOADING = "downloading"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen."""
        return not ALLOWED_STEPS[self]


ALLOWED_STEPS: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        Status.SENDING: frozenset({Status.UNKNOWN, Status.REFUSED, Status.QUEUED}),
        Status.UNKNOWN: frozenset({Status.UNKNOWN, Status.REFUSED, Status.QUEUED}),
        Status.QUEUED: frozenset({Status.QUEUED, Status.GENERATING, Status.DOWNLOADING, Status.FAILED}),
        Status.GENERATING: frozenset({Status.GENERATING, Status.DOWNLOADING, Status.FAILED}),
        Status.DOWNLOADING: frozenset({Status.DOWNLOADING, Status.COMPLETED, Status.FAILED}),
        Status.REFUSED: frozenset(),
        Status.COMPLETED: frozenset(),
        Status.FAILED: frozenset(),
    }
)
"""Which status may follow which. The journal takes no step that is not here, whoever asks for it."""


@dataclass(frozen=True)
class SongRequest:
    """What is requested.

    Attributes
    ----------
    model : str
        The model's name.
    lyrics : str
        As written.
    prompt : str
        The lyrics as sent.
    reference : str
        A short description of the reference track, never its bytes.
    options : mapping
        As given, read-only.
    accompaniment : bool
        Whether instruments play along.
    """

    model: str
    lyrics: str
    prompt: str
    reference: str
    options: Mapping[str, Any] = field(default_factory=dict)
    accompaniment: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))

    def __reduce__(self) -> tuple[Any, ...]:
        # A read-only mapping cannot be pickled or deep-copied; a plain one can.
        values = (getattr(self, name) for name in ("model", "lyrics", "prompt", "reference"))
        return SongRequest, (*values, dict(self.options), self.accompaniment)


@dataclass(frozen=True)
class QueuePlace:
    """Where a song stands in the queue of a rehearsal service.

    Attributes
    ----------
    ahead : int
        How many songs are made before it.
    seconds : float
        In about how many seconds it is made itself.
    """

    ahead: int
    seconds: float = field(default=0.0, compare=False)  # a new one with each poll is no news

    def __str__(self) -> str:
        return f"{f'{self.ahead} before you' if self.ahead else 'next'}, about {max(1, round(self.seconds))} s"


@dataclass(frozen=True, repr=False)
class Song:
    """What became of a request; a new value replaces the old one at every step.

    Attributes
    ----------
    request_id : str
        Ours; sent as ``X-Client-Request-Id``.
    status : Status
    created : datetime.datetime
        When it was requested, with time zone.
    id : str
        The generation id; empty until it is known.
    model : str
    request : SongRequest or None
        None for a song that was found at the service without its request.
    source : str
        The reference as it can be given again: a link, or the path of the mp3 in the library.
    base_url : str
        The service that makes it; empty for this library's own rehearsal service.
    rehearsal : bool
        Whether it is made by the rehearsal band, which is free.
    audio_url : str
        Where the service keeps the audio; may expire.
    path : pathlib.Path or None
        The file in the library, once completed.
    duration : float or None
        In seconds, once completed.
    cost_usd : float or None
        In US dollars, as the service reports it.
    error : str
        What went wrong; empty when nothing did.
    timeline : Timeline or None
        When which syllable is sung, once a rehearsed song is made; the hosted service does not say.
    name, note : str
        What a person calls it and says about it; see `Session.label`.
    starred : bool
        Whether it is one of their favourites.
    place : QueuePlace or None
        Where it stands in the queue of a rehearsal service, as far as the last poll said; kept nowhere.
    """

    request_id: str
    status: Status
    created: datetime
    id: str = ""
    model: str = ""
    request: SongRequest | None = None
    source: str = ""
    base_url: str = ""
    rehearsal: bool = False
    audio_url: str = field(default="", compare=False)
    path: Path | None = None
    duration: float | None = None
    cost_usd: float | None = None
    error: str = ""
    timeline: Timeline | None = None
    name: str = ""
    note: str = ""
    starred: bool = False
    place: QueuePlace | None = None

    @property
    def audio(self) -> bytes | None:
        """The bytes of the finished file, read anew each time; None before it is completed.

        Raises
        ------
        LibraryError
            When the file is no longer there.
        """
        if self.path is None:
            return None
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise self._lost(error) from None

    @property
    def spent(self) -> Spent:
        """Whether money was spent on it."""
        if self.rehearsal or self.status in (Status.REFUSED, Status.FAILED):
            return Spent.NO
        return Spent.MAYBE if self.status in (Status.SENDING, Status.UNKNOWN) else Spent.YES

    @property
    def seed(self) -> int | None:
        """What made this rehearsal differ from another take; None for a hosted song."""
        if not self.rehearsal:
            return None
        given = self.request.options.get("seed") if self.request else None
        return rehearsal_seed(self.request_id) if given is None else given

    @property
    def notes(self) -> tuple[str, ...]:
        """What the rehearsal band has to say about it, such as words that it could not sing."""
        return self.timeline.notes if self.timeline else ()

    @property
    def title(self) -> str:
        """Its name; else the first line of the lyrics that has words, else of the style, at most 40 characters."""
        if self.request is None or self.name:
            return self.name or title_of("")
        return title_of(self.request.lyrics or str(self.request.options.get("style", "")))

    @property
    def facts(self) -> str:
        """Length, model, cost, time and seed in one line."""
        return " · ".join(self._facts())

    @property
    def made_by(self) -> str:
        """Who makes it, in words."""
        return "rehearsal band" if self.rehearsal else self.model

    @property
    def cost(self) -> str:
        """What it costs, such as ``"$0.037"`` or ``"free"``; empty while that is unknown."""
        if self.spent is Spent.NO:
            return "free"
        return "" if self.cost_usd is None else f"${self.cost_usd:.3f}"

    def _facts(self) -> list[str]:
        length = f"{int(self.duration) // 60}:{int(self.duration) % 60:02d}" if self.duration else str(self.status)
        seed = f"seed {self.seed}" if self.seed is not None else ""
        when = self.created.astimezone().strftime("%Y-%m-%d %H:%M")
        return [fact for fact in (length, self.made_by, self.cost, when, seed) if fact]

    def matches(self, words: str) -> bool:
        """Whether each of these words is in its title, lyrics, style, note or model, whatever their case."""
        request = self.request
        said = (request.lyrics, str(request.options.get("style", "")), request.reference) if request else ()
        text = " ".join((self.title, self.note, self.made_by, *said)).casefold()
        return all(word in text for word in words.casefold().split())

    def save(self, path: str | Path) -> Path:
        """Copy the finished song.

        Parameters
        ----------
        path : str or pathlib.Path
            A file, which is overwritten, or a folder, in which it gets a new name after its title.

        Returns
        -------
        pathlib.Path
            The file that was written.

        Raises
        ------
        MusicError
            When the song is not completed yet.
        LibraryError
            When it cannot be written there.

        Examples
        --------
        >>> song.save("my_song.mp3")  # doctest: +SKIP
        PosixPath('my_song.mp3')
        """
        finished = self._finished()
        target = Path(path).expanduser()
        if target.is_dir():
            # What some file system does not take in a name.
            name = "".join(c for c in self.title if c.isprintable() and c not in '<>:"/\\|?*').strip(" .…")
            target = free_name(target, name or "song", finished.suffix)
        try:
            shutil.copyfile(finished, target)
        except OSError as error:
            raise LibraryError(
                f"The song cannot be written to {target}: {error.strerror or error}.",
                spent=self.spent,
                do=f"It is safe in {finished}; choose another place.",
                song_id=self.id,
            ) from None
        return target

    def player(self) -> Player:
        """Put the audio itself into the notebook, to be played without a kernel or a file.

        A minute of song adds about 1.3 MB to the .ipynb; the song as the last line of a cell adds a few KB.

        Returns
        -------
        Player
            An `IPython.display.Audio`, which a cell shows together with its size in MB.

        Raises
        ------
        MusicError
            When the song is not completed yet.
        LibraryError
            When its file is gone.

        Examples
        --------
        >>> song.player()  # doctest: +SKIP
        <Player, The audio is inside this notebook: 1.3 MB.>
        """
        from .display.card import Player

        return Player(filename=str(self.existing_file()), embed=True)

    def plot(self) -> Picture:
        """Draw the waveform, the loudness, the spectrogram and, of a rehearsed song, the syllables.

        Returns
        -------
        Picture
            A `matplotlib.figure.Figure`, which a cell shows together with an alternative text; see
            `minimax_nb.plot`, which draws any sound file.

        Raises
        ------
        MusicError
            When the song is not completed yet.
        InvalidInput
            When matplotlib, the extra ``plot``, is not installed.

        Examples
        --------
        >>> song.plot().savefig("song.png")  # doctest: +SKIP
        """
        from .display.plot import plot

        return plot(self.existing_file(), self.timeline, self.title)

    def hand_in(self, name: str) -> str:
        """Give the song to the class: to the room that ``MINIMAX_NB_ROOM`` names, else as a file for the teacher.

        The file carries name, title and words. Handed in again, it takes the place of the first one.

        Parameters
        ----------
        name : str
            Whose song it is, as the class shall read it.

        Returns
        -------
        str
            What was done, in words.

        Raises
        ------
        MusicError
            When the song is not completed yet, or the room does not take it.

        Examples
        --------
        >>> song.hand_in("Mia")  # doctest: +SKIP
        'Handed in as “Mia”.'
        """
        from .classroom.handing_in import hand_in

        return hand_in(self, name)

    def _finished(self) -> Path:
        if self.path is None:
            raise MusicError(
                f"This song is {self.status}, not completed.",
                spent=self.spent,
                do="wait(song) waits for it.",
                song_id=self.id,
            )
        return self.path

    def existing_file(self) -> Path:
        """The finished file, which is there.

        Raises
        ------
        MusicError
            When the song is not completed yet.
        LibraryError
            When its file is gone.
        """
        path = self._finished()
        if not path.exists():
            raise self._lost("the file is gone")
        return path

    def _lost(self, why: object) -> LibraryError:
        return LibraryError(f"The file of this song cannot be read: {why}.", spent=self.spent, do="", song_id=self.id)

    def __repr__(self) -> str:
        where = f"id={self.id!r}" if self.id else f"request_id={self.request_id!r}"
        return f"<Song {self.title!r}, {self.facts}, {where}>"

    def _repr_html_(self) -> str:
        return self._card().html()

    def _ipython_display_(self) -> None:
        card = self._card()
        if not card.needs_kernel:
            raise NotImplementedError  # by which IPython knows to show the html, as ever
        card.show(repr(self))

    def _card(self) -> Card:
        from .display.card import Card, find_copy

        path = self.path if self.path is not None and self.path.exists() else None
        notes = " ".join(filter(None, [*self.notes, self.error]))
        *facts, seed = [*self._facts(), ""] if self.seed is None else self._facts()
        details = " · ".join(filter(None, [seed, f"id {self.id}" if self.id else ""]))
        return Card(self.title, " · ".join(facts), notes, path, find_copy(path) if path else "", details)


_TAG = re.compile(r"\[[^\]]*\]")


def free_name(folder: Path, name: str, suffix: str = "") -> Path:
    """A name that nothing in a folder has yet: another take of the same song must not overwrite the first."""
    names = (f"{name}{suffix}" if number == 1 else f"{name} {number}{suffix}" for number in itertools.count(1))
    return next(folder / each for each in names if not (folder / each).exists())


def title_of(lyrics: str) -> str:
    """The title of a song with these lyrics, before there is one: the first line with words, at most 40 characters.

    A line that is only a tag, such as ``[Verse 1]``, has none.
    """
    lines = (line.strip() for line in clean(lyrics).splitlines())
    sung = (line for line in lines if any(map(str.isalnum, line)) and not _TAG.fullmatch(line))
    first = next(sung, "Untitled song").rstrip(",;: ")
    return first if len(first) <= 40 else first[:39].rstrip() + "…"


def rehearsal_seed(request_id: str) -> int:
    """The seed the rehearsal band takes when none is given: the request id, as a number of six digits."""
    return zlib.crc32(request_id.encode()) % 1_000_000
