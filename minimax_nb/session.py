"""A session is a client, a journal and a pacer; the plain functions are the methods of a default session."""

from __future__ import annotations

import contextlib
import copy
import os
import uuid
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from math import inf
from pathlib import Path
from typing import Any, Unpack, overload

from . import catalogue
from .api.addresses import checked_base_url
from .api.client import MOST_SUBMIT_SECONDS, Client
from .api.download import MOST_DOWNLOAD_SECONDS, length_of_song
from .api.key import Key, find_key
from .api.responses import LOGS_PATIENCE, LOGS_SPAN, Look
from .api.transport import JsonBody
from .display.progress import say
from .display.table import models_table, songs_table
from .errors import (
    DownloadFailed,
    GenerationFailed,
    InvalidInput,
    InvalidReference,
    LibraryError,
    MusicError,
    NotFound,
    OutcomeUnknown,
    Refused,
    WaitTimeout,
)
from .library.drive import announce_wiping
from .library.journal import Journal
from .library.storage import locate
from .options import AnyReference, SongOptions, compose
from .reference import Reference
from .settings import Account, Choice, Service
from .song import Song, Status
from .tracking.logs import Lookup, Since, period
from .tracking.tracker import TIMEOUT, Following, Looked

NO_CHARGE_SEEN = "The answer got lost, and the service's logs show no charge."


class Session:
    """One person's way to their songs.

    Parameters
    ----------
    api_key : str, optional
        Else ``AIML_API_KEY``, then ``AIMLAPI_API_KEY``, then Colab's secret ``AIML_API_KEY``.
    base_url : str, optional
        Else ``MINIMAX_NB_BASE_URL``, then the AI/ML API.
    home : path, optional
        The library; else ``MINIMAX_NB_HOME``, then the platform's folder for user data.
    rehearse : bool, optional
        True: the free band on this computer. False: never that. Else ``MINIMAX_NB_REHEARSE=1`` rehearses,
        and so does a session that finds neither key nor URL.
    reference_host : callable, optional
        Takes the path of an mp3 and returns a URL of it, for those who host files; without it, a local
        reference is sent inside the request.

    Raises
    ------
    InvalidInput
        When an argument cannot be used. Nothing is looked up or contacted yet.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        home: str | os.PathLike[str] | None = None,
        rehearse: bool | None = None,
        reference_host: Callable[[Path], str] | None = None,
    ) -> None:
        try:
            key = None if api_key is None else Key(api_key)
        finally:
            del api_key  # some tracebacks show the variables of each frame
        self.choice = Choice(key, "" if base_url is None else checked_base_url(base_url), rehearse)
        self._home = home
        self._reference_host = reference_host
        self._journal: Journal | None = None
        self._told_home: str | os.PathLike[str] | None = None
        self._clients: dict[tuple[str, Key | None], Client] = {}
        self._lookups: dict[Client, Lookup] = {}

    @property
    def journal(self) -> Journal:
        """The book of the library, in the folder `journal.home`."""
        told = self._home or os.environ.get("MINIMAX_NB_HOME")
        if self._journal is None or self._told_home != told:
            if not told:
                announce_wiping()
            self._journal, self._told_home = Journal(locate(told)), told
        return self._journal

    def at(self, choice: Choice) -> Session:
        """The same library, with songs made where `choice` says."""
        other = copy.copy(self)
        other.choice = choice
        return other

    # The verbs

    def submit(
        self,
        lyrics: str | os.PathLike[str] | None = None,
        reference: AnyReference | None = None,
        *,
        model: str = catalogue.DEFAULT_MODEL,
        accompaniment: bool = True,
        fields: Mapping[str, Any] | None = None,
        on_sent: Callable[[], object] | None = None,
        **options: Unpack[SongOptions],
    ) -> Song:
        """Step 1: ask for a song. With the hosted service this spends money; it waits for nothing else.

        Parameters
        ----------
        lyrics : str or path, optional
            As a person writes them: a line of the song on each line, a blank line for a pause; or a text file.
            What is not sung (headings, chords, timestamps) is left out, and said. Not every model needs words,
            or takes them.
        reference : path, bytes, or str, optional
            A wav or mp3 with music and singing, for `minimax-music` longer than 15 s; or a link to one, or a
            ``data:`` URI. `models` lists which models need one; the others take none.
        model : str
            One of those that `models` lists.
        accompaniment : bool
            Whether instruments play along; only `minimax-music` can leave them out.
        fields : mapping, optional
            The whole request in the service's own names, for a model that `models` does not list; then nothing
            else is given.
        on_sent : callable, optional
            Called once the whole request has gone out and only its answer is awaited.
        **options
            What else the model takes: ``style`` and ``negative_style`` (in words), ``seconds`` (length),
            ``seconds_start``, ``steps``, ``seed``, ``instrumental``, ``write_lyrics``, ``format`` (``"mp3"`` or
            ``"wav"``), ``sample_rate`` (Hz), ``bitrate`` (bits per second); rehearsing, also ``tempo`` (BPM),
            ``key`` (such as ``"A minor"``), ``language`` (of the words, such as ``"en"``) and ``seed`` (the same
            seed, the same song).

        Returns
        -------
        Song
            Its ``id`` is what `retrieve` and `wait` take, in any kernel.

        Raises
        ------
        InvalidInput
            Before anything left this machine.
        ServiceError, Unreachable
            Nothing was spent.
        OutcomeUnknown
            The answer got lost: the song stays ``unknown`` in the library until `recover` finds out.
        """
        service = self.choice.service()
        composed = compose(
            lyrics,
            reference,
            model=model,
            accompaniment=accompaniment,
            fields=fields,
            options=options,
            references=self.journal.home / "references",
            rehearsal=service.rehearsal,
        )
        track = composed.reference
        if composed.note:
            say(composed.note)
        body = dict(composed.body)
        uri = self._host(track) if track else ""
        if uri:
            body["reference_audio_url"] = uri
        song = Song(
            request_id=f"minimax_nb-{uuid.uuid4().hex}",
            status=Status.SENDING,
            created=datetime.now(timezone.utc),
            model=model,
            request=composed.request,
            source=str(track.path or track.uri) if track else "",
            base_url=service.base_url,
            rehearsal=service.rehearsal,
        )
        file = None if uri or track is None else track.path
        return self._send(song, service, JsonBody(body, "reference_audio_url", file, on_sent))

    def retrieve(self, song: Song | str) -> Song:
        """Step 2: one free look; a song that is made arrives with its audio.

        Parameters
        ----------
        song : Song or str
            A song, or its id alone, in any kernel.

        Returns
        -------
        Song
            As it stands now.

        Raises
        ------
        ServiceError, Unreachable
            There was no look; ``.retry_after`` says when to try again, where the service says so.
        DownloadFailed, LibraryError
            It is made, and its file is not here yet.
        """
        looked = self._look(self._known(song))
        return looked.fetch() if looked.fetch else looked.song

    # A str is an iterable of str as well; the first overload that fits is the right one.
    @overload
    def wait(  # type: ignore[overload-overlap]
        self, song_or_songs: Song | str, *, timeout: float = TIMEOUT
    ) -> Song: ...

    @overload
    def wait(self, song_or_songs: Iterable[Song | str], *, timeout: float = TIMEOUT) -> list[Song]: ...

    def wait(
        self, song_or_songs: Song | str | Iterable[Song | str], *, timeout: float = TIMEOUT
    ) -> Song | list[Song]:
        """Step 2, repeated until the song is there, with a progress bar.

        Parameters
        ----------
        song_or_songs : Song, str, or several of them
        timeout : float
            In seconds.

        Returns
        -------
        Song or list of Song
            Completed; several in the order in which they were given.

        Raises
        ------
        GenerationFailed, ServiceError, DownloadFailed, LibraryError
            What became of the song instead; of several, the others are waited for first.
        WaitTimeout
            The song may still be made; the library keeps its id.
        KeyboardInterrupt
            After one line that says where the song is.
        """
        if isinstance(song_or_songs, Song | str):
            return self._wait([self._known(song_or_songs)], timeout)[0]
        return self._wait([self._known(song) for song in song_or_songs], timeout)

    def watch(self, song: Song | str, *, timeout: float | None = None) -> AsyncGenerator[Song, None]:
        """Step 2 for ``async for``: the song as it stands, then each change, the last of them final.

        Who stops (``break``, ``aclose()``, a cancelled task, the interrupt button) stops waiting; the song goes on,
        and the library keeps its id. A song that could not be made comes with its status and `Song.error`.

        Parameters
        ----------
        song : Song or str
        timeout : float, optional
            In seconds; without it, as long as it takes.

        Returns
        -------
        asynchronous generator of Song

        Raises
        ------
        WaitTimeout
            The song may still be made.
        OutcomeUnknown, ServiceError, DownloadFailed, LibraryError
            What kept it from coming to an end.
        """
        return self.follow([self._known(song)], inf if timeout is None else timeout).changes()

    def generate(
        self,
        lyrics: str | os.PathLike[str] | None = None,
        reference: AnyReference | None = None,
        *,
        timeout: float = TIMEOUT,
        model: str = catalogue.DEFAULT_MODEL,
        accompaniment: bool = True,
        fields: Mapping[str, Any] | None = None,
        **options: Unpack[SongOptions],
    ) -> Song:
        """Both steps: submit a song and wait for it.

        Parameters
        ----------
        timeout : float
            How long to wait, in seconds.
        lyrics, reference, model, accompaniment, fields, **options
            As `submit` takes them.

        Returns
        -------
        Song
            Completed.

        Raises
        ------
        MusicError
            As `submit` and `wait` raise them.

        Examples
        --------
        >>> from minimax_nb import generate, play_sample
        >>> generate("Side by side", play_sample("reference.mp3"))  # doctest: +SKIP
        """
        song = self.submit(lyrics, reference, model=model, accompaniment=accompaniment, fields=fields, **options)
        return self.wait(song, timeout=timeout)

    def recover(self, *, since: Since | None = None, timeout: float = TIMEOUT) -> list[Song]:
        """Finish what an earlier kernel left open.

        Each song is asked for at the service it was submitted to and nowhere else; one whose service this
        session has no key for is left alone. A song whose answer got lost is looked up in the provider's logs.

        Parameters
        ----------
        since : str, datetime, or a pair of datetime, optional
            Also look in the provider's logs, from then on (``"24h"``, ``"7d"`` or a moment) or from a start to
            an end, for songs of this key that the library does not know. At most 92 days.
        timeout : float
            In seconds.

        Returns
        -------
        list of Song
            The songs that were finished. Of each other one a line is said.

        Raises
        ------
        MusicError
            The first trouble, when no song could be finished for reasons that are not the song's own.
        """
        songs = self.open_songs()
        if since is not None:
            songs += self._found_in_logs(*period(since))
        if not songs:
            return []
        follow = self.follow(songs, timeout)
        follow.show()
        finished = [song for song in follow.songs if song.status is Status.COMPLETED]
        for error in follow.troubles:
            if not finished and not isinstance(error, GenerationFailed | OutcomeUnknown | WaitTimeout):
                raise error
            say(f"{error.song_id}: {error}")
        return finished

    def songs(self) -> list[Song]:
        """List every song in the library, newest first.

        Returns
        -------
        list of Song
            Which a cell shows as a table.
        """
        return songs_table(self.journal.songs())

    def models(self) -> list[catalogue.Offer]:
        """List the models: what each needs and takes, how long its songs get, and what comes out.

        Returns
        -------
        list of Offer
            Which a cell shows as a table.

        Examples
        --------
        >>> from minimax_nb import models
        >>> [offer.name for offer in models()][:2]
        ['minimax-music', 'minimax/music-2.6']
        """
        return models_table(catalogue.offers())

    def open_songs(self) -> list[Song]:
        """The songs with which something will still happen, at services this session has a key for; oldest first."""
        return [song for song in self.journal.open_songs() if self._service_of(song)]

    def account(self, model: str = catalogue.DEFAULT_MODEL) -> Account:
        """What a song costs and what is left on the key; asks the service.

        Raises
        ------
        ServiceError, Unreachable
        """
        service = self.choice.service()
        if service.rehearsal:
            return Account(price=0.0)
        client = self._client(service)
        return Account(client.price(model), client.balance())

    # What the verbs are made of

    def follow(self, songs: Iterable[Song], timeout: float = TIMEOUT, *, local: bool | None = None) -> Following:
        """Songs to iterate over until they are finished: each change of one, and None in between.

        Parameters
        ----------
        songs : iterable of Song
        timeout : float
            In seconds.
        local : bool, optional
            Whether they are made on this computer and may be asked for sooner than hosted ones; else as the
            address of each one says.
        """
        songs = list(songs)
        hosted = any(not (song.rehearsal or song.status.final) for song in songs)
        return Following((self._with_key() if hosted else self)._look, songs, timeout, local)

    def _with_key(self) -> Session:
        """The same with the key looked up here and now: Colab's secrets are not for worker threads."""
        key = None
        with contextlib.suppress(InvalidInput):  # each look says so
            key = self.choice.key or find_key()
        return self.at(replace(self.choice, key=key)) if key else self

    def _host(self, track: Reference) -> str:
        if track.path is None or self._reference_host is None:
            return track.uri
        uri = self._reference_host(track.path)
        if not isinstance(uri, str) or not uri.lower().startswith(("http://", "https://")):
            raise InvalidReference(f"reference_host gave {uri!r}.", do="It must return an http(s) URL of the file.")
        return uri

    def _send(self, song: Song, service: Service, body: JsonBody) -> Song:
        """Write the song down, then POST: whatever happens after that, the library knows of it."""
        client = self._client(service)
        self.journal.add(song, lease=MOST_SUBMIT_SECONDS)
        try:
            look = client.submit(body, song.request_id)
        except OutcomeUnknown as error:
            self.journal.step(song, Status.UNKNOWN, error=error.what)
            raise
        except MusicError as error:
            self.journal.step(song, Status.REFUSED, error=error.what)
            raise _with_way_out(error, body) from None
        except BaseException as error:
            self.journal.step(song, Status.UNKNOWN, error="Interrupted while it was being sent.")
            if isinstance(error, KeyboardInterrupt):
                say("Stopped while the song was being sent. It may have been asked for: recover() finds out.")
            raise
        return self._accept(song, look)

    def _accept(self, song: Song, look: Look) -> Song:
        sent = replace(song, id=look.id, status=Status.QUEUED)
        return self.journal.step(sent, Status.QUEUED, id=look.id, cost_usd=look.cost_usd)

    def _known(self, song: Song | str) -> Song:
        """The song as the library has it, or as new to it."""
        if isinstance(song, Song):
            return self.journal.get(song.request_id) or song
        if not isinstance(song, str) or not song.strip():
            raise InvalidInput("A song or its id is needed.", do="songs() lists the ones in your library.")
        text = song.strip()
        return self.journal.find(text) or self.journal.get(text) or _adopted(text, self.choice.service())

    def _service_of(self, song: Song) -> Service | None:
        """The service that makes this song, with the key that belongs to it."""
        if song.rehearsal and not song.base_url:
            return Service("", None, rehearsal=True)
        if song.rehearsal:
            service = self.choice.service()
            return service if service.base_url == song.base_url else None
        return self.choice.hosted(song.base_url)

    def _client(self, service: Service) -> Client:
        base_url, key = service.base_url, service.key
        if not base_url:
            # The one lazy edge: the rehearsal service is looked for, and started, only when it is needed.
            from .rehearsal import launcher as rehearsal

            address = rehearsal.address(self.journal.library.database)
            base_url, key = address.base_url, Key(address.key)
        client = self._clients.get((base_url, key))
        return client or self._clients.setdefault((base_url, key), Client(base_url, key))

    def _client_of(self, song: Song) -> Client:
        service = self._service_of(song)
        if service is None:
            raise InvalidInput(
                f"This song is made at {song.base_url}, and this session has no key for that.",
                spent=song.spent,
                do="Use Session(api_key=..., base_url=...) with the ones it was submitted with.",
                song_id=song.id,
            )
        return self._client(service)

    def _look(self, song: Song) -> Looked:
        """One step forward, if there is one to make; the download is a step of its own."""
        song = self.journal.settled(song)
        if song.status.final:
            return Looked(song)
        client = self._client_of(song)
        if not song.id:
            song = self._find_out(song, client)
            if not song.id:
                return Looked(song)
        song = self._from_disk(song)
        if song.status.final:
            return Looked(song)
        with _told_about(song):
            look = client.retrieve(song.id)
        song = self._noted(song)
        changes: dict[str, Any] = {"cost_usd": look.cost_usd} if look.cost_usd and not song.cost_usd else {}
        if look.status is Status.DOWNLOADING:
            if song.rehearsal and look.timeline:
                changes["timeline"] = look.timeline
            song = self.journal.step(song, look.status, audio_url=look.audio_url, **changes)
            return Looked(song, lambda: self._download(song, look, client))
        error = look.error or look.surprise
        if not changes and (look.status, error) == (song.status, song.error):
            return Looked(song)  # nothing new is no reason to write to the disk
        return Looked(self.journal.step(song, look.status, error=error, **changes))

    def _noted(self, song: Song) -> Song:
        """In the journal from now on, if it came as an id alone."""
        return self.journal.get(song.request_id) or self.journal.add(replace(song, status=Status.QUEUED))

    def _path_of(self, song: Song) -> Path:
        return self.journal.home / "songs" / f"{song.request_id}.mp3"

    def _from_disk(self, song: Song) -> Song:
        """Completed without asking anybody, if its file is here: it bears that name only once it is whole."""
        path = self._path_of(song)
        if song.status is Status.DOWNLOADING and path.exists():
            with contextlib.suppress(DownloadFailed, OSError):
                duration = length_of_song(path)
                return self.journal.step(song, Status.COMPLETED, path=path, duration=duration, error="")
        return song

    def _download(self, song: Song, look: Look, client: Client) -> Song:
        """Fetch the file, unless another worker is at it: then the song is as far as that one has come."""
        if not self.journal.claim(song, MOST_DOWNLOAD_SECONDS):
            return self.journal.settled(song)
        path = self._path_of(song)
        try:
            for left in path.parent.glob(f".{path.stem}-*.part"):
                left.unlink(missing_ok=True)  # of a process that ended on the way; the claim keeps others away
            with _told_about(song):
                duration = client.download(look.audio_url, path, file_size=look.file_size)
            return self.journal.step(song, Status.COMPLETED, path=path, duration=duration, error="")
        finally:
            self.journal.release(song)

    def _find_out(self, song: Song, client: Client) -> Song:
        """Look in the logs for a song whose answer was lost; as it was while there is no entry."""
        age = datetime.now(timezone.utc) - song.created
        if song.status is not Status.UNKNOWN or age > LOGS_SPAN:
            return song
        with _told_about(song):
            entry = self._lookups.setdefault(client, Lookup(client)).find(song.request_id, song.created)
        if entry is not None and (entry.succeeded or _exists(entry.id, client)):
            twin = self.journal.find(entry.id, song.base_url, song.rehearsal)
            if twin is not None and twin.request_id != song.request_id:
                return self.journal.step(song, Status.REFUSED, error=f"It is in the library already, as {twin.id}.")
            # Whether it was made is for retrieve to say, which also has the reason.
            return self.journal.step(song, Status.QUEUED, id=entry.id, cost_usd=entry.cost_usd, error="")
        if song.rehearsal:
            # The rehearsal service writes a song down before it answers: what is not in its logs was never asked.
            return self.journal.step(song, Status.REFUSED, error="It never reached the rehearsal service.")
        return self.journal.step(song, Status.UNKNOWN, error=NO_CHARGE_SEEN) if age > LOGS_PATIENCE else song

    def _found_in_logs(self, start: datetime, end: datetime) -> list[Song]:
        service = self.choice.service()
        mine = self.journal.songs(deleted=True)
        # A no that was none after all: what is in the logs was made, and can be had.
        said_no = Status.REFUSED
        known = {song.id for song in mine} | {song.request_id for song in mine if song.status is not said_no}
        found = []
        for entry in self._client(service).logs(start, end):
            strange = entry.id not in known and entry.request_id not in known
            model = catalogue.music_model(entry.model)
            if strange and entry.succeeded and model:
                song = _adopted(entry.id, service)
                song = replace(song, model=model, created=entry.created, cost_usd=entry.cost_usd)
                found.append(self._noted(song))
        return found

    def _wait(self, songs: list[Song], timeout: float) -> list[Song]:
        follow = self.follow(songs, timeout)
        follow.show()
        if follow.troubles:
            raise follow.troubles[0]
        return follow.songs


def _with_way_out(error: MusicError, body: JsonBody) -> MusicError:
    if isinstance(error, Refused) and body.has_file and "reference" in error.what.lower():
        error.do = (
            "This service takes no files inside a request: put the track on the web and give its link, or use "
            "Session(reference_host=...) with a function that uploads it and returns the link."
        )
    return error


def _adopted(generation_id: str, service: Service) -> Song:
    """A song of which nothing but the id is known; its request id follows from that, the same in every kernel."""
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{service.base_url} {generation_id}").hex
    return Song(
        request_id=f"found-{name}",
        status=Status.UNKNOWN,  # until a look shows that there is such a song
        created=datetime.now(timezone.utc),
        id=generation_id,
        model=generation_id.partition(":")[2],
        base_url=service.base_url,
        rehearsal=service.rehearsal,
    )


def _exists(generation_id: str, client: Client) -> bool:
    """Whether a failed entry of the logs is a song: the no before an answer that got lost is none."""
    try:
        client.retrieve(generation_id)
    except NotFound:
        return False
    return True


@contextlib.contextmanager
def _told_about(song: Song) -> Iterator[None]:
    """Let an error say which song it is about, and whether that one is paid for."""
    try:
        yield
    except MusicError as error:
        error.spent, error.song_id = song.spent, song.id or song.request_id
        if isinstance(error, LibraryError):
            error.what += f" The song's id is {error.song_id}."
        raise


_default: Session | None = None


def default_session() -> Session:
    """The session behind the plain functions, made on first use."""
    global _default
    if _default is None:
        _default = Session()
    return _default
