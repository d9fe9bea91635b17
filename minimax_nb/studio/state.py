"""What the studio knows, as frozen values: the reference, the lyrics' measure, a take, and what may happen next."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import catalogue
from ..errors import InvalidLyrics, InvalidReference, MusicError
from ..lyrics import ACCOMPANIMENT, to_prompt
from ..progress import USUAL_SECONDS
from ..reference import Reference
from ..song import Song, Status

Source = str | os.PathLike[str] | bytes | Reference
"""What a song can be asked for with."""

LONG = 400
"""From so many characters on there is more to sing than a song usually holds: it ends at about a minute."""

ONE_CLICK = 2.0
"""A second click within so many seconds is the same one, made twice."""

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
        See `audio.Measured`.
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
    limit = row.words_limit[1]
    if not lyrics.strip():
        return Meter(0, limit)
    try:
        prompt = to_prompt(lyrics, accompaniment=accompaniment)
    except InvalidLyrics as error:
        return Meter(0, limit, problem=f"{error.what} {error.do}")
    words = prompt.replace(ACCOMPANIMENT, "").strip()
    lines = sum(bool(line.strip()) for line in words.splitlines())
    meter = Meter(len(prompt), limit, lines, len(re.findall(r"\n\s*\n", words)), prompt=prompt)
    try:
        catalogue.check_words(row, prompt)
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
    steps : tuple of (Status, float)
        When each status was reached; moments of `time.monotonic`, in seconds.
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
    picked_up : bool
        Whether it was left open by an earlier kernel.
    """

    rehearsal: bool
    steps: tuple[tuple[Status, float], ...]
    song: Song | None = None
    error: MusicError | None = None
    ended: float | None = None
    stopped: bool = False
    title: str = ""
    usual: float = 0.0
    picked_up: bool = False

    @property
    def began(self) -> float:
        """When the button was clicked, or waiting was taken up again."""
        return self.steps[0][1]

    @property
    def usual_seconds(self) -> float:
        """How long such a song usually takes."""
        return self.usual or USUAL_SECONDS[self.rehearsal]

    @property
    def status(self) -> Status:
        """Where the song stands."""
        return self.song.status if self.song else Status.SENDING

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

    def moved(self, song: Song, now: float) -> Take:
        """The same, with the song as it stands now; a completed song ends it."""
        steps = self.steps if song.status is self.steps[-1][0] else (*self.steps, (song.status, now))
        return replace(self, song=song, steps=steps, ended=now if song.status is Status.COMPLETED else None)

    def failed(self, error: MusicError, now: float) -> Take:
        """The same, ended by an error."""
        return replace(self, error=error, ended=now)

    def left(self, now: float) -> Take:
        """The same, with nobody waiting for it any more."""
        return replace(self, stopped=True, ended=now)

    def resumed(self, now: float) -> Take:
        """The same, waited for again."""
        return replace(self, steps=((self.status, now),), error=None, ended=None, stopped=False)


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
    if track.doing:
        return "The reference is being looked at."
    wrong = [name for name, problem in (("reference is", track.problem), ("lyrics are", meter.problem)) if problem]
    if wrong:
        return f"The {' and the '.join(wrong)} not right yet, see above."
    lacking = [name for name, there in (("a reference", track.source), ("some lyrics", meter.ready)) if not there]
    return f"Add {' and '.join(lacking)} to begin." if lacking else ""
