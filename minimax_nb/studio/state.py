"""What the studio knows, as frozen values: the reference, the lyrics' measure, a take, and what may happen next."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import catalogue
from ..display.progress import USUAL_SECONDS
from ..errors import InvalidLyrics, InvalidReference, MusicError, Spent, WaitTimeout
from ..lyrics import clean, to_prompt
from ..reference import Reference
from ..song import Song, Status

Source = str | os.PathLike[str] | bytes | Reference
"""What a song can be asked for with."""

LONG = 400
"""From so many characters on there is more to sing than a song usually holds: it ends at about a minute."""

ONE_CLICK = 2.0
"""A second click within so many seconds is the same one, made twice."""

SENT = "sent"
"""The step at which the request has gone out and its answer is awaited; every other step is a `Status`."""

# A rule of thumb for pop songs: ten characters a second, and a breath at each pause.
_CHARACTERS_A_SECOND = 10
_PAUSE_SECONDS = 2


@dataclass(frozen=True)
class Sound:
    """A reference that can be seen and cut.

    Attributes
    ----------
    path : pathlib.Path
        The whole of it.
    name : str
    duration : float
        In seconds.
    envelope : array
        See `audio.AudioInfo`.
    start, end : float
        The excerpt that was cut already, in seconds.
    """

    path: Path
    name: str
    duration: float
    envelope: Any = field(compare=False, repr=False)
    start: float
    end: float


@dataclass(frozen=True)
class Track:
    """The reference, as its card holds it.

    Attributes
    ----------
    source : Source or None
        What is handed to the session; None when there is nothing usable.
    note : str
        What it is, in words: name, length, format, loudness, size.
    doing : str
        What is being done with it right now; empty when nothing is.
    problem : str
        What is wrong with it and how to mend that.
    advice : str
        What could be better about it.
    sound : Sound or None
        What can be seen of it; None for a link.
    """

    source: Source | None = None
    note: str = ""
    doing: str = ""
    problem: str = ""
    advice: str = ""
    sound: Sound | None = None

    @property
    def linked(self) -> bool:
        """Whether it is a link, which the service opens."""
        return isinstance(self.source, Reference) and bool(self.source.uri)


@dataclass(frozen=True)
class Meter:
    """The lyrics, measured.

    Attributes
    ----------
    used, limit : int
        Characters of the prompt as sent, and the most the model takes.
    lines, pauses : int
    problem : str
        Why they cannot be sent; empty when they can, and when nothing is written yet.
    prompt : str
        What is sent.
    """

    used: int
    limit: int
    lines: int = 0
    pauses: int = 0
    problem: str = ""
    prompt: str = field(default="", compare=False)

    @property
    def ready(self) -> bool:
        """Whether there is something to sing that the model takes."""
        return self.used > 0 and not self.problem

    @property
    def seconds(self) -> float:
        """About how long it takes to sing."""
        return self.used / _CHARACTERS_A_SECOND + self.pauses * _PAUSE_SECONDS

    @property
    def advice(self) -> str:
        """What could be better about lyrics that can be sent."""
        if self.problem or self.used < LONG:
            return ""
        return "Songs end at about a minute: the last lines may not be sung."


def measure(lyrics: str, *, accompaniment: bool, model: str = catalogue.DEFAULT_MODEL) -> Meter:
    """Measure lyrics as a person writes them.

    Parameters
    ----------
    lyrics : str
    accompaniment : bool
        Whether instruments play along, which takes characters too.
    model : str
        Whose limit counts.
    """
    row = catalogue.find_model(model)
    limit = int(row.options["lyrics"].most)
    if not lyrics.strip():
        return Meter(0, limit)
    try:
        prompt = to_prompt(lyrics, accompaniment=accompaniment)
    except InvalidLyrics as error:
        return Meter(0, limit, problem=f"{error.what} {error.do}")
    words = clean(lyrics)
    lines = sum(bool(line.strip()) for line in words.splitlines())
    meter = Meter(len(prompt), limit, lines, len(re.findall(r"\n\s*\n", words)), prompt=prompt)
    try:
        catalogue.check_lyrics(row, prompt)
    except InvalidLyrics as error:
        return replace(meter, problem=f"{error.what} {error.do}")
    return meter


@dataclass(frozen=True)
class Take:
    """One song of the studio, as it stands.

    Attributes
    ----------
    rehearsal : bool
        Whether it is made for free.
    steps : tuple of (str, float)
        When each status, and `SENT`, was reached as far as we saw it; moments of `time.monotonic`, in seconds.
    song : Song or None
        None until it is written down.
    error : MusicError or None
        What became of it instead of a song.
    ended : float or None
        When it was over; None while it is under way.
    stopped : bool
        Whether the person stopped waiting for it.
    title : str
        What to call it until it is written down.
    usual : float
        How long such a song usually takes, in seconds; 0 when one's own songs do not tell yet.
    asked : float or None
        When an earlier kernel asked for it, before it was picked up here; may be negative.
    """

    rehearsal: bool
    steps: tuple[tuple[str, float], ...]
    song: Song | None = None
    error: MusicError | None = None
    ended: float | None = None
    stopped: bool = False
    title: str = ""
    usual: float = 0.0
    asked: float | None = None

    @property
    def began(self) -> float:
        """When the song was asked for."""
        return self.steps[0][1] if self.asked is None else self.asked

    @property
    def picked_up(self) -> bool:
        """Whether it was left open by an earlier kernel."""
        return self.asked is not None

    @property
    def usual_seconds(self) -> float:
        """How long such a song usually takes."""
        return self.usual or USUAL_SECONDS[self.rehearsal]

    @property
    def status(self) -> Status:
        """Where the song stands."""
        return self.song.status if self.song else Status.SENDING

    @property
    def step(self) -> str:
        """The same, or `SENT` where it stands there."""
        return SENT if self.song is None and self.steps[-1][0] == SENT else self.status

    @property
    def done(self) -> bool:
        """Whether it can be heard."""
        return self.status is Status.COMPLETED

    @property
    def misfit(self) -> str:
        """The field whose value could not be used: ``reference``, ``lyrics``, or empty."""
        kinds = {InvalidReference: "reference", InvalidLyrics: "lyrics"}
        return next((field for kind, field in kinds.items() if isinstance(self.error, kind)), "")

    @property
    def waitable(self) -> bool:
        """Whether there is an unfinished song that can be waited for."""
        return self.song is not None and not self.song.status.final

    def outcome(self) -> Song:
        """The song of a take that is over.

        Raises
        ------
        MusicError
            What became of it instead.
        """
        if self.error:
            raise self.error
        if self.stopped or self.song is None:
            raise not_yet(self.song, "Nobody waits for this song any more.")
        return self.song

    def sent(self, now: float) -> Take:
        """The same, with the request gone out; a second attempt begins no new step."""
        return self if self.step == SENT else replace(self, steps=(*self.steps, (SENT, now)))

    def moved(self, song: Song, now: float) -> Take:
        """The same, with the song as it stands now; a completed song ends it."""
        # Of a song that was picked up nobody knows when it came to where it stands.
        same = self.song is not None and song.status is self.status
        steps = self.steps if same else (*self.steps, (song.status, now))
        return replace(self, song=song, steps=steps, ended=now if song.status is Status.COMPLETED else None)

    def failed(self, error: MusicError, now: float) -> Take:
        """The same, ended by an error."""
        return replace(self, error=error, ended=now)

    def left(self, now: float) -> Take:
        """The same, with nobody waiting for it any more."""
        return replace(self, stopped=True, ended=now)

    def resumed(self) -> Take:
        """The same, waited for again; its time counts on."""
        return replace(self, error=None, ended=None, stopped=False)


def not_yet(song: Song | None, what: str) -> WaitTimeout:
    """The error that there is no song yet."""
    if song is None:
        return WaitTimeout(what, spent=Spent.NO, do="Press Generate in the studio.")
    return WaitTimeout(what, spent=song.spent, song_id=song.id or song.request_id)


def missing(track: Track, meter: Meter, latest: Take | None = None, now: float = 0.0) -> str:
    """Say what is missing before a song can be generated; empty when nothing is.

    Parameters
    ----------
    track : Track
    meter : Meter
    latest : Take or None
        Of the latest click.
    now : float
        A moment of `time.monotonic`, in seconds.
    """
    if latest is not None and latest.ended is None and now - latest.began < ONE_CLICK:
        return "On its way."
    wrong = [name for name, problem in (("reference is", track.problem), ("lyrics are", meter.problem)) if problem]
    if wrong:
        return f"The {' and the '.join(wrong)} not right yet, see above."
    # A click may come while the reference is still looked at: the song waits for that.
    reference = track.source or track.doing
    lacking = [name for name, there in (("a reference", reference), ("some lyrics", meter.ready)) if not there]
    return f"Add {' and '.join(lacking)} to begin." if lacking else ""
