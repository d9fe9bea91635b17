"""One step of one song: send it, look up a lost response, refresh its status, fetch its audio.

Each takes the song as it stands and returns it as it stands then; the journal knows of it before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import audio, catalogue
from ..api.responses import LOGS_PATIENCE, LOGS_SPAN, Generation, LogEntry
from ..errors import DownloadFailed, LibraryError, MusicError, NotFound, OutcomeUnknown, Refused, Spent, Unavailable
from ..hosts.choice import advice
from ..library.budget import Budget
from ..library.journal import Journal
from ..library.storage import durable_file, sweep
from ..settings import Service
from ..song import Song, Status
from .logs import UsageLogs

if TYPE_CHECKING:
    from ..api.client import Client

NO_CHARGE_SEEN = "The response got lost, and the service's logs show no charge."

_CLOSE = 10.0
"""Polls that are no further apart, in seconds, tell how long the service took."""

_UNCHECKED = "It is kept as it came: whether it is complete cannot be checked here."
_CUT_OFF = "The downloaded file is cut off."
_FILE_KEPT = (
    "Free some space or make the folder writable; then recover() downloads it. Do not request the song again."
)


@dataclass(frozen=True)
class Submission:
    """What is sent to the service.

    Attributes
    ----------
    fields : mapping
        The JSON.
    names : mapping
        What a person calls the fields; an error names them so.
    on_sent : callable or None
        Called when all of it has gone out.
    price_usd : float or None
        What it is expected to cost.
    budget : Budget or None
        What it must not exceed.
    """

    fields: Mapping[str, Any]
    names: Mapping[str, str]
    on_sent: Callable[[], object] | None = None
    price_usd: float | None = None
    budget: Budget | None = None


def send(song: Song, submission: Submission, journal: Journal, client: Client, *, lease: float) -> Song:
    """Write the song down, then submit it: whatever happens after that, the library knows of it.

    Parameters
    ----------
    song : Song
    submission : Submission
    journal : Journal
    client : Client
    lease : float
        For how many seconds others leave the song alone while this process lives.

    Raises
    ------
    BudgetExceeded
        Nothing was sent.
    ServiceError, Unreachable
        Nothing was spent.
    OutcomeUnknown
    """
    journal.add(song, lease=lease, budget=submission.budget, price_usd=submission.price_usd)
    try:
        generation = client.submit(
            submission.fields, song.request_id, names=submission.names, on_sent=submission.on_sent
        )
    except OutcomeUnknown as error:
        journal.step(song, Status.UNKNOWN, error=error.what)
        raise
    except MusicError as error:
        journal.step(song, Status.REFUSED, error=error.what)
        raise _with_way_out(error, submission) from None
    except BaseException:
        journal.step(song, Status.UNKNOWN, error="Interrupted while it was being sent.")
        raise
    sent = replace(song, id=generation.id, status=Status.QUEUED)
    return journal.step(sent, Status.QUEUED, id=generation.id, cost_usd=generation.cost_usd)


def _with_way_out(error: MusicError, submission: Submission) -> MusicError:
    inline = str(submission.fields.get("reference_audio_url")).startswith("data:")
    if isinstance(error, Refused) and inline and "reference_audio_url" in error.fields:
        error.do = advice()
    return error


def look_up(song: Song, journal: Journal, client: Client, logs: UsageLogs) -> Song:
    """Find a song whose response was lost in the logs; as it was while there is no entry.

    Raises
    ------
    ServiceError, Unreachable
    """
    age = datetime.now(UTC) - song.created
    if song.status is not Status.UNKNOWN or age > LOGS_SPAN:
        return song
    with _about(song):
        entry = logs.find(song.request_id, song.created)
    if entry is not None and (entry.succeeded or _exists(entry.id, client)):
        twin = journal.find(entry.id, song.base_url, song.rehearsal)
        if twin is not None and twin.request_id != song.request_id:
            return journal.step(song, Status.REFUSED, error=f"It is in the library already, as {twin.id}.")
        # Whether it was made is for retrieve to say, which also has the reason.
        return journal.step(song, Status.QUEUED, id=entry.id, cost_usd=entry.cost_usd, error="")
    if song.rehearsal:
        # The rehearsal service writes a song down before it answers: what is not in its logs never arrived.
        return journal.step(song, Status.REFUSED, error="It never reached the rehearsal service.")
    return journal.step(song, Status.UNKNOWN, error=NO_CHARGE_SEEN) if age > LOGS_PATIENCE else song


def _exists(generation_id: str, client: Client) -> bool:
    """Whether a failed entry of the logs is a song: it may be the rejection before a response that got lost."""
    try:
        client.retrieve(generation_id)
    except NotFound:
        return False
    return True


def refresh(
    song: Song, journal: Journal, client: Client, *, known: bool, fresh: float, since: float = 0.0
) -> tuple[Song, Generation | None]:
    """Poll a song once.

    Parameters
    ----------
    song : Song
        With an id; as the journal has it.
    journal : Journal
    client : Client
    known : bool
        Whether it is in the journal.
    fresh : float
        A song that the service does not know yet may be younger than this, in seconds.
    since : float
        How old it was, in seconds, when it was last seen not to be made.

    Returns
    -------
    Song
        As it stands now.
    Generation or None
        For a song that is made: what `fetch` takes.

    Raises
    ------
    ServiceError, Unreachable
    """
    try:
        with _about(song, known):
            generation = client.retrieve(song.id)
    except (NotFound, Unavailable) as error:
        if known and error.http_status in (404, 524) and age_of(song) < fresh:
            return song, None  # just after a submit the service may not know it for a moment
        raise
    song = song if known else journal.add(replace(song, status=Status.QUEUED))
    changes: dict[str, Any] = {"cost_usd": generation.cost_usd} if generation.cost_usd and not song.cost_usd else {}
    if generation.status is Status.DOWNLOADING:
        if song.status is not Status.DOWNLOADING:
            age = age_of(song)
            changes["took"] = (since + age) / 2 if age - since <= _CLOSE else 0.0
        if song.rehearsal and generation.timeline:
            changes["timeline"] = generation.timeline
        return journal.step(song, generation.status, audio_url=generation.audio_url, **changes), generation
    changes["error"] = generation.error or generation.surprise
    if changes != {"error": song.error} or generation.status is not song.status:  # what is the same is not written
        song = journal.step(song, generation.status, **changes)
    return replace(song, place=generation.place) if generation.place else song, None


def from_disk(song: Song, journal: Journal) -> Song:
    """Completed without asking anybody, if its file is here."""
    path = journal.library.find_audio(song.request_id) if song.status is Status.DOWNLOADING else None
    if path is not None:
        with contextlib.suppress(DownloadFailed, OSError):
            return journal.step(song, Status.COMPLETED, path=path, **_judged(check(path)))
    return song


def fetch(song: Song, generation: Generation, journal: Journal, client: Client, *, lease: float) -> Song:
    """Fetch the audio, unless another worker is doing that: then the song is as far as that one has come.

    Parameters
    ----------
    song : Song
    generation : Generation
        What `refresh` found.
    journal : Journal
    client : Client
    lease : float
        For how many seconds others leave it alone while this process lives.

    Raises
    ------
    DownloadFailed
        When it does not arrive complete or is not audio.
    LibraryError
        When it cannot be written.
    """
    if not journal.claim(song, lease):
        return journal.settled(song)
    try:
        with _about(song):
            path, file = _keep_audio(song, generation, journal, client)
        return journal.step(song, Status.COMPLETED, path=path, **_judged(file))
    finally:
        journal.release(song)


def _keep_audio(song: Song, generation: Generation, journal: Journal, client: Client) -> tuple[Path, audio.SongFile]:
    """Write the audio under the ending that belongs to it, whatever its link says."""
    folder, size = journal.library.songs, 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder, song.request_id)
        blocks = client.download(generation.audio_url)
        with durable_file(folder / f"{song.request_id}.mp3") as new:
            for block in blocks:
                size += len(block)
                new.write(block)
            new.file.flush()
            file = check(new.partial)
            if file.complete is None and generation.file_size and size < generation.file_size:
                raise DownloadFailed(_CUT_OFF)
            new.path = new.path.with_suffix(file.suffix or ".mp3")
        return new.path, file
    except OSError as error:
        raise LibraryError(
            f"The song cannot be written to {folder}: {error.strerror or error}. "
            f"It can be fetched for a while from {generation.audio_url}.",
            spent=Spent.YES,
            do=_FILE_KEPT,
        ) from None


def check(path: Path) -> audio.SongFile:
    """Judge the file of a finished song.

    Raises
    ------
    DownloadFailed
        When it is surely cut off or not audio. What cannot be judged here is paid for, and kept.
    """
    try:
        file = audio.check_song(path)
    except audio.NotAudio:
        raise DownloadFailed("The downloaded file is not valid audio.") from None
    if file.complete is False:
        raise DownloadFailed(_CUT_OFF)
    return file


def _judged(file: audio.SongFile) -> dict[str, Any]:
    """What a finished song says of its file."""
    unsure = file.complete is None or file.seconds is None
    return {"duration": file.seconds, "error": _UNCHECKED if unsure else ""}


def find_in_logs(journal: Journal, service: Service, client: Client, start: datetime, end: datetime) -> list[Song]:
    """Songs of this key, between two moments, that the library does not know; it knows them after this.

    Raises
    ------
    ServiceError, Unreachable
    """
    mine = journal.songs(deleted=True)
    # A rejection may have been an error on its way here: what is in the logs was made, and can be fetched.
    rejected = Status.REFUSED
    known = {song.id for song in mine} | {song.request_id for song in mine if song.status is not rejected}
    models: dict[str, str] = {}
    return [
        journal.add(adopted(entry.id, service, replace(entry, model=model)))
        for entry in client.logs(start, end)
        if entry.succeeded and entry.id not in known and entry.request_id not in known
        if (model := _music_model(entry.model, client, models))
    ]


def _music_model(name: str, client: Client, known: dict[str, str]) -> str:
    """Our name of a model of the logs, or its own when the service says that it makes music; else empty."""
    if name not in known:
        names = (name, name.rpartition("/")[2])
        theirs = (each for each in names if each and client.makes_music(each))
        known[name] = catalogue.music_model(name) or next(theirs, "")
    return known[name]


def adopted(generation_id: str, service: Service, entry: LogEntry | None = None) -> Song:
    """A song of which nothing but the id is known; its request id follows from that, the same in every kernel."""
    import uuid

    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{service.base_url} {generation_id}").hex
    return Song(
        request_id=f"found-{name}",
        status=Status.QUEUED,
        created=entry.created if entry else datetime.now(UTC),
        id=generation_id,
        model=entry.model if entry else generation_id.partition(":")[2],
        base_url=service.base_url,
        rehearsal=service.rehearsal,
        cost_usd=entry.cost_usd if entry else None,
    )


def age_of(song: Song) -> float:
    """How long ago it was requested, in seconds."""
    return (datetime.now(UTC) - song.created).total_seconds()


@contextlib.contextmanager
def _about(song: Song, known: bool = True) -> Iterator[None]:
    """Let an error say which song it is about, and whether that one is paid for.

    Of an id that no poll has confirmed nobody knows; polling it costs nothing.
    """
    try:
        yield
    except MusicError as error:
        error.spent = song.spent if known else Spent.NO
        error.song_id = song.id or song.request_id
        if isinstance(error, LibraryError):
            error.what += f" The song's id is {error.song_id}."
        raise
