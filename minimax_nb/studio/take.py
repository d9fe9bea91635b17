"""One song of the studio from the click on, as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..display.progress import USUAL_SECONDS
from ..errors import InvalidLyrics, InvalidReference, MusicError, ServiceError, Spent, WaitTimeout
from ..song import Song, Status

SENT = "sent"
"""The step at which the request has gone out and its answer is awaited; every other step is a `Status`."""


@dataclass(frozen=True)
class Take:
    """One song of the studio, as it stands.

    Attributes
    ----------
    number : int
        Counts the takes of this studio.
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
    settled : float or None
        The same, once everybody who wanted to know has been told.
    stopped : bool
        Whether the person stopped waiting for it.
    hidden : bool
        Whether its progress is not shown any more.
    title : str
        What to call it until it is written down.
    usual : float
        How long such a song usually takes, in seconds; 0 when one's own songs do not tell yet.
    requested : float or None
        When an earlier kernel requested it, before it was picked up here; may be negative.
    """

    number: int
    rehearsal: bool
    steps: tuple[tuple[str, float], ...] = ()
    song: Song | None = None
    error: MusicError | None = None
    ended: float | None = None
    settled: float | None = None
    stopped: bool = False
    hidden: bool = False
    title: str = ""
    usual: float = 0.0
    requested: float | None = None

    @property
    def began(self) -> float:
        """When the song was requested."""
        return self.steps[0][1] if self.requested is None else self.requested

    @property
    def picked_up(self) -> bool:
        """Whether it was left open by an earlier kernel."""
        return self.requested is not None

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
        """Whether it can be played."""
        return self.status is Status.COMPLETED

    @property
    def over(self) -> bool:
        """Whether it came to its end and everybody has been told."""
        return self.ended is not None and self.settled == self.ended

    @property
    def shown(self) -> bool:
        """Whether its progress is shown."""
        return not (self.done or self.hidden)

    @property
    def invalid_field(self) -> str:
        """The field whose value could not be used: ``reference``, ``lyrics``, or empty."""
        kinds = {InvalidReference: "reference", InvalidLyrics: "lyrics"}
        return next((name for kind, name in kinds.items() if isinstance(self.error, kind)), "")

    @property
    def wants_link(self) -> bool:
        """Whether the service would not take the reference as a file."""
        return isinstance(self.error, ServiceError) and "reference_audio_url" in self.error.fields

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
            raise not_yet(self.song, "Stopped waiting for this song.")
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
        return WaitTimeout(what, spent=Spent.NO, do="Press “Generate song” in the studio.")
    return WaitTimeout(what, spent=song.spent, song_id=song.id or song.request_id)
