"""The verbs: what a person does with songs. The plain functions are the methods of a default session."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload

from . import catalogue
from .api.key import Key, checked_base_url, is_loopback
from .api.timeouts import Timeouts
from .display.environment import place
from .display.progress import say, with_progress
from .display.table import models_table, songs_table
from .errors import BudgetExceeded, GenerationFailed, InvalidInput, OutcomeUnknown, WaitTimeout
from .hosts.choice import ReferenceHost, choose
from .library.budget import Budget
from .library.journal import Journal
from .library.storage import locate
from .options import AnyReference, Composed, SongOptions, compose
from .settings import Account, Service, Settings
from .song import Song, Status
from .tracking import steps
from .tracking.logs import Since, period
from .tracking.services import Services
from .tracking.tracker import TIMEOUT, Tracker

if TYPE_CHECKING:
    from .api.client import Client
    from .tracking.logs import UsageLogs

_NO_KEY = "No key found: rehearsing on {}, free. The song is made by a built-in band, not by minimax-music."
_LONGEST_NAME = 80


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
    reference_host : str or callable, optional
        How a reference on this computer reaches the service. Without it, inside the request. ``"tunnel"``: the one
        file through a temporary public address, while the song is being made. ``"s3://bucket/folder"`` (``gs://``,
        ``abfs://``): a file there, behind a signed link of one hour, deleted afterwards. A function: takes the path
        of an mp3 and returns a link to it. Else ``MINIMAX_NB_REFERENCE_HOST``.
    budget_usd, budget_songs : float and int, optional
        How much may be spent, in US dollars and in songs: all that was submitted from this library in the last
        24 hours counts, by whichever kernel. A rehearsal is free and never counts.
    timeouts : Timeouts, optional
        How long everything may take.

    Attributes
    ----------
    budget : Budget or None
        What was given with `budget_usd` and `budget_songs`; `journal.spending()` says what counts towards it.
    host : Host
        What was chosen with `reference_host`; `Host.name` says it in words.

    Raises
    ------
    InvalidInput
        When an argument cannot be used. Nothing is looked up or contacted yet.

    Examples
    --------
    >>> from minimax_nb import Session
    >>> session = Session(rehearse=True)
    >>> session.generate("La la la", "reference.mp3")  # doctest: +SKIP
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        home: str | os.PathLike[str] | None = None,
        rehearse: bool | None = None,
        reference_host: ReferenceHost = None,
        *,
        budget_usd: float | None = None,
        budget_songs: int | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        try:
            key = None if api_key is None else Key(api_key)
        finally:
            del api_key  # some tracebacks show the variables of each frame
        self.settings = Settings(key, "" if base_url is None else checked_base_url(base_url), rehearse)
        self.timeouts = timeouts or Timeouts()
        limited = budget_usd is not None or budget_songs is not None
        self.budget = Budget(budget_usd, budget_songs) if limited else None
        self._home = home
        self.host = choose(reference_host)
        self._journals: dict[str, Journal] = {}
        self._clients: dict[tuple[str, Key | None], Client] = {}
        self._logs: dict[Client, UsageLogs] = {}

    @property
    def journal(self) -> Journal:
        """The songs of the library, in the folder `journal.home`."""
        home = str(self._home or os.environ.get("MINIMAX_NB_HOME") or "")
        if home not in self._journals:
            self._journals[home] = Journal(locate(home), self.timeouts.database)
        return self._journals[home]

    def at(self, settings: Settings) -> Session:
        """The same library, with songs made where `settings` say."""
        other = Session(home=self._home, timeouts=self.timeouts)
        other.settings, other.host, other.budget = settings, self.host, self.budget
        other._journals, other._clients, other._logs = self._journals, self._clients, self._logs
        return other

    @property
    def services(self) -> Services:
        """Who makes the songs, and the steps taken with them."""
        return Services(self.journal, self.settings, self.timeouts, self._clients, self._logs)

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
        r"""Step 1: submit a song. With the hosted service this spends money; it does not wait for the song.

        Parameters
        ----------
        lyrics : str or path, optional
            As a person writes them: a line of the song on each line, a blank line for a pause; or a text file.
            What is not sung (headings, chords, timestamps) is left out, and said. Not every model needs words,
            or takes them.
        reference : path, bytes, or str, optional
            An audio file with music and singing, for `minimax-music` longer than 15 s; or a link to one, or a
            ``data:`` URI. `models` lists which models need one; the others take none.
        model : str
            One of those that `models` lists.
        accompaniment : bool
            Whether instruments play along; only `minimax-music` can leave them out.
        fields : mapping, optional
            The whole request in the service's own names, for a model that `models` does not list; then nothing
            else is given.
        on_sent : callable, optional
            Called once the whole request has gone out and only its response is awaited.
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
            The response got lost: the song stays ``unknown`` in the library until `recover` finds out.

        Examples
        --------
        >>> from minimax_nb import submit, wait
        >>> song = submit("Side by side\n\nWe always win", "reference.mp3")  # doctest: +SKIP
        >>> wait(song).save("my_song.mp3")  # doctest: +SKIP
        """
        service = self.settings.service()
        if service.rehearsal and not service.base_url and reference is not None:
            from .rehearsal.launcher import start_ahead

            start_ahead(self.journal.library.database)  # while the reference is read
        composed = compose(
            lyrics,
            reference,
            model=model,
            accompaniment=accompaniment,
            fields=fields,
            options=options,
            references=self.journal.library.references,
            rehearsal=service.rehearsal,
        )
        self._say_before(composed, service)
        song = _new_song(composed, service)
        budget = None if service.rehearsal else self.budget
        price = self._price_within(budget, model) if budget else None
        from .hosts.arrival import arrange

        local = service.rehearsal or is_loopback(service.base_url)
        with arrange(composed.reference, self.host, song.request_id, model=model, local=local) as link:
            names = catalogue.names_of_fields(model)
            submission = steps.Submission({**composed.body, **link}, names, on_sent, price, budget)
            try:
                return self.services.send(song, submission, service)
            except KeyboardInterrupt:
                say("Stopped while the song was being sent. It may have been submitted: recover() finds out.")
                raise

    def retrieve(self, song: Song | str) -> Song:
        """Step 2: poll a song once, free; one that is made arrives with its audio.

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
            The poll failed; ``.retry_after`` says when to try again, where the service says so.
        DownloadFailed, LibraryError
            It is made, and its file is not here yet.

        Examples
        --------
        >>> from minimax_nb import retrieve
        >>> retrieve("906aec79-b0af-40c4-adae-15e6c4410e29:minimax-music").status  # doctest: +SKIP
        """
        services = self.services
        known, made = services.refresh(self._known(song))
        return services.fetch(known, made) if made else known

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

        Examples
        --------
        >>> from minimax_nb import submit, wait
        >>> takes = [submit("La la la", "reference.mp3", seed=seed) for seed in (1, 2)]  # doctest: +SKIP
        >>> wait(takes)  # doctest: +SKIP
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

        Examples
        --------
        >>> from minimax_nb import watch
        >>> async for song in watch(song):  # doctest: +SKIP
        ...     print(song.status)
        """
        return self.track([self._known(song)], inf if timeout is None else timeout).changes()

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

        Each song is polled at the service it was submitted to and nowhere else; one whose service this
        session has no key for is left alone. A song whose response got lost is looked up in the provider's logs.
        Songs are said as they get ready, and one that makes no progress holds up nobody. References that an earlier
        kernel left behind in a cloud storage are deleted.

        Parameters
        ----------
        since : str, datetime, or a pair of datetime, optional
            Also search the provider's logs, from then on (``"24h"``, ``"7d"`` or a moment) or from a start to
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
            The first one, when no song could be finished for reasons that are not the song's own.

        Examples
        --------
        >>> from minimax_nb import recover
        >>> recover(since="24h")  # doctest: +SKIP
        """
        from .hosts.bucket import sweep

        try:
            return self._recovered(since, timeout)
        finally:
            for left in sweep(self.journal.library.references):
                say(f"{left} could not be deleted yet; recover() tries again.")

    def _recovered(self, since: Since | None, timeout: float) -> list[Song]:
        songs = self.open_songs()
        if since is not None:
            service = self.settings.service()
            client = self.services.client(service)
            songs += steps.find_in_logs(self.journal, service, client, *period(since))
        if not songs:
            return []
        tracker = self.track(songs, timeout)
        for _ in with_progress(tracker, say_ready=True):
            if tracker.stuck:
                tracker.give_up()
        finished = [song for song in tracker.songs if song.status is Status.COMPLETED]
        for error in tracker.errors:
            if not finished and not isinstance(error, GenerationFailed | OutcomeUnknown | WaitTimeout):
                raise error
            say(f"{error.song_id}: {error}")
        return finished

    def songs(self, search: str = "", *, starred: bool | None = None) -> list[Song]:
        """List the songs in the library, newest first.

        Parameters
        ----------
        search : str
            Only those with each of these words in their title, lyrics, style, note or model.
        starred : bool, optional
            True: only the favourites; False: only the others.

        Returns
        -------
        list of Song
            Which a cell shows as a table.

        Examples
        --------
        >>> from minimax_nb import songs
        >>> songs("side", starred=True)[0].title  # doctest: +SKIP
        'Side by side'
        """
        self._say_where_songs_go()
        found = (song for song in self.journal.songs() if song.matches(search))
        return songs_table(song for song in found if starred in (None, song.starred))

    def label(
        self, song: Song | str, *, name: str | None = None, note: str | None = None, starred: bool | None = None
    ) -> Song:
        """Give a song another name, a note, or a star; what is not given stays.

        Parameters
        ----------
        song : Song or str
            A song of the library, or its id.
        name : str, optional
            Its title from now on, one line; the empty one gives it back the first line of its lyrics.
        note : str, optional
            What you want to remember about it.
        starred : bool, optional
            Whether it is one of your favourites.

        Returns
        -------
        Song
            As it stands now. Other kernels see it so too.

        Raises
        ------
        InvalidInput
            When the song is not in the library, or the name is too long.
        LibraryError

        Examples
        --------
        >>> from minimax_nb import label, songs
        >>> label(songs()[0], name="Rainy window", starred=True)  # doctest: +SKIP
        <Song 'Rainy window', 0:41 · rehearsal band · free · 2026-11-22 14:02, id='906aec79'>
        """
        known = self._known(song)
        if self.journal.get(known.request_id) is None:
            raise InvalidInput("This song is not in your library.", do="songs() lists the ones that are.")
        if name is not None and len(name := " ".join(name.split())) > _LONGEST_NAME:
            raise InvalidInput(f"A name has at most {_LONGEST_NAME} characters.", do="The note has room for more.")
        given = {"name": name, "note": note if note is None else note.strip(), "starred": starred}
        return self.journal.label(known, **{each: value for each, value in given.items() if value is not None})

    def export(
        self,
        folder: str | os.PathLike[str],
        songs: Iterable[Song | str] | None = None,
        *,
        title: str = "Songs",
        notes: bool = False,
        overwrite: bool = False,
    ) -> Path:
        """Write songs and a page that plays them into a folder, to hand in or to put on a web server.

        The page needs neither network nor server; the words of a rehearsed song light up as they are sung. Nothing
        in it says ids, costs or keys.

        Parameters
        ----------
        folder : path
            Is made where it is not there.
        songs : iterable of Song or str, optional
            In the order of the page; else the favourites, oldest first.
        title : str
            Of the page.
        notes : bool
            Whether your notes are on it.
        overwrite : bool
            Whether an earlier page and its songs in this folder may be replaced.

        Returns
        -------
        pathlib.Path
            The page, ``index.html``.

        Raises
        ------
        InvalidInput
            When there is no song to export.
        MusicError
            When one of them is not completed.
        LibraryError
            When it cannot be written, or something of these names is there already.

        Examples
        --------
        >>> from minimax_nb import export, songs
        >>> export("our songs", songs("rain"))  # doctest: +SKIP
        PosixPath('our songs/index.html')
        """
        from .display import page

        if songs is None:
            songs = reversed([song for song in self.songs(starred=True) if song.path])
        entries = [page.entry_of(self._known(song), note=notes) for song in songs]
        return page.export(entries, Path(folder).expanduser(), title=title, overwrite=overwrite)

    def models(self, *, refresh: bool = False) -> list[catalogue.Offer]:
        """List the models: what each needs and takes, how long its songs get, and what comes out.

        Parameters
        ----------
        refresh : bool
            Whether to ask the service what it has today, and at what price; free, and without a key.

        Returns
        -------
        list of Offer
            Which a cell shows as a table.

        Raises
        ------
        ServiceError, Unreachable
            When the service is asked and does not answer.

        Examples
        --------
        >>> from minimax_nb import models
        >>> [offer.name for offer in models()][:2]
        ['minimax-music', 'minimax/music-2.6']
        """
        served = None
        if refresh:
            service = self.settings.service()
            if service.rehearsal and not service.chosen:  # for want of a key, which this needs none of
                service = Service(self.settings.hosted_url, None, rehearsal=False)
            served = self.services.client(service).music_models()
        return models_table(catalogue.offers(served))

    def open_songs(self) -> list[Song]:
        """The songs with which something will still happen, at services this session has a key for; oldest first."""
        self._say_where_songs_go()
        return [song for song in self.journal.open_songs() if self.services.service_of(song)]

    def quote(self, model: str = catalogue.DEFAULT_MODEL) -> float | None:
        """Ask the service what a song of a model costs.

        Parameters
        ----------
        model : str

        Returns
        -------
        float or None
            In US dollars; None where the service does not say, 0 for a rehearsal.

        Raises
        ------
        ServiceError, Unreachable

        Examples
        --------
        >>> from minimax_nb import Session
        >>> Session(rehearse=True).quote()
        0.0
        """
        service = self.settings.service()
        return 0.0 if service.rehearsal else self.services.client(service).price(model)

    def balance(self) -> float | None:
        """Ask the service how much money is left on the key.

        Returns
        -------
        float or None
            In US dollars; None where the service does not say, and for a rehearsal.

        Raises
        ------
        ServiceError, Unreachable

        Examples
        --------
        >>> from minimax_nb import Session
        >>> Session(rehearse=True).balance()
        """
        service = self.settings.service()
        return None if service.rehearsal else self.services.client(service).balance()

    def account(self, model: str = catalogue.DEFAULT_MODEL) -> Account:
        """Ask the service what a song costs and what is left on the key.

        Raises
        ------
        ServiceError, Unreachable
        """
        return Account(self.quote(model), self.balance())

    def track(self, songs: Iterable[Song], timeout: float = TIMEOUT) -> Tracker:
        """Songs to iterate over until they are finished: each change of one, and None in between.

        Parameters
        ----------
        songs : iterable of Song
        timeout : float
            In seconds.
        """
        songs = list(songs)
        hosted = any(not (song.rehearsal or song.status.final) for song in songs)
        services = self.services.with_key() if hosted else self.services
        journal = self.journal
        return Tracker(
            services,
            songs,
            timeout,
            timeouts=self.timeouts,
            past=journal.durations,
            library=journal.library.database,
        )

    def _price_within(self, budget: Budget, model: str) -> float | None:
        """What a song costs, which a budget in dollars has to know."""
        price = None if budget.usd is None else self.quote(model)
        if budget.usd is not None and price is None:
            raise BudgetExceeded(
                f"The service does not say what a song by {model} costs, so that a budget in dollars cannot be kept.",
                do="Use budget_songs in place of budget_usd.",
            )
        return price

    def _wait(self, songs: list[Song], timeout: float) -> list[Song]:
        tracker = self.track(songs, timeout)
        for _ in with_progress(tracker):
            pass
        if tracker.errors:
            raise tracker.errors[0]
        return tracker.songs

    def _known(self, song: Song | str) -> Song:
        """The song as the library has it, or as new to it."""
        if isinstance(song, Song):
            return self.journal.get(song.request_id) or song
        if not isinstance(song, str) or not song.strip():
            raise InvalidInput("A song or its id is needed.", do="songs() lists the ones in your library.")
        text = song.strip()
        return self.journal.find(text) or self.journal.get(text) or steps.adopted(text, self.settings.service())

    def _say_before(self, composed: Composed, service: Service) -> None:
        """Say what a person should know before a song is sent."""
        if not service.chosen:
            _say_once(_NO_KEY.format(place().computer))
        self._say_where_songs_go()
        for line in (composed.note, "" if service.rehearsal else composed.advice):
            if line:
                say(line)

    def _say_where_songs_go(self) -> None:
        if not (self._home or os.environ.get("MINIMAX_NB_HOME")) and place().forgets:
            _say_once(place().forgets)


def _new_song(composed: Composed, service: Service) -> Song:
    """The song as it stands before anything of it is sent."""
    track = composed.reference
    return Song(
        request_id=f"minimax_nb-{os.urandom(16).hex()}",
        status=Status.SENDING,
        created=datetime.now(UTC),
        model=composed.request.model,
        request=composed.request,
        source=str(track.path or track.uri) if track else "",
        base_url=service.base_url,
        rehearsal=service.rehearsal,
    )


_said: set[str] = set()


def _say_once(text: str) -> None:
    """Say a line, but once in this process; a worker thread says nothing."""
    if text not in _said and say(text):
        _said.add(text)


_default: Session | None = None


def default_session() -> Session:
    """The session behind the plain functions, made on first use."""
    global _default
    if _default is None:
        _default = Session()
    return _default
