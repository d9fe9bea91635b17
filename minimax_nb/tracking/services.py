"""The services at which the songs of one library are made, and the steps taken with them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..api.key import Key
from ..api.timeouts import Timeouts
from ..errors import InvalidInput
from ..hosts import open_links
from ..library.journal import Journal
from ..settings import Service, Settings, find_key, room_from_environment
from ..song import Song, Status
from . import steps
from .logs import UsageLogs

if TYPE_CHECKING:
    from ..api.client import Client
    from ..api.responses import Generation


@dataclass(frozen=True)
class Services:
    """Finds the service of each song, and takes its next step there.

    Attributes
    ----------
    journal : Journal
    settings : Settings
        Which services this person has a key for.
    polled : dict
        How old each song was, in seconds, when it was last seen not to be made.
    timeouts : Timeouts
    clients, logs : dict
        One of each for each service and key; shared by whoever uses the same library.
    """

    journal: Journal
    settings: Settings
    timeouts: Timeouts = field(default_factory=Timeouts)
    clients: dict[tuple[str, Key | None], Client] = field(default_factory=dict, repr=False)
    logs: dict[Client, UsageLogs] = field(default_factory=dict, repr=False)
    polled: dict[str, float] = field(default_factory=dict, repr=False)

    def with_key(self) -> Services:
        """The same with the key looked up here and now: Colab's secrets are not for worker threads."""
        with contextlib.suppress(InvalidInput):  # each poll says so
            return replace(self, settings=replace(self.settings, key=self.settings.key or find_key()))
        return self

    def service_of(self, song: Song) -> Service | None:
        """The service that makes this song, with the key that belongs to it; None without such a key."""
        if song.rehearsal and not song.base_url:
            return Service("", None, rehearsal=True)
        if song.rehearsal and song.base_url == room_from_environment():
            return Service(song.base_url, None, rehearsal=True)
        if song.rehearsal:
            service = self.settings.service()
            return service if service.base_url == song.base_url else None
        return self.settings.hosted(song.base_url)

    def client(self, service: Service) -> Client:
        """The client of a service; the rehearsal service is found, or started, only when it is needed."""
        base_url, key = service.base_url, service.key
        if not base_url:
            from ..rehearsal import launcher

            address = launcher.address(self.journal.library.database)
            base_url, key = address.base_url, Key(address.key)
        elif service.room:
            from ..rehearsal.guest import room_key

            key = room_key(base_url, self.journal.library.database)
        from ..api.client import Client

        client = self.clients.get((base_url, key))
        return client or self.clients.setdefault((base_url, key), Client(base_url, key, self.timeouts))

    def client_of(self, song: Song) -> Client:
        """The client of the service that makes this song.

        Raises
        ------
        InvalidInput
            When this person has no key for it.
        """
        service = self.service_of(song)
        if service is None:
            raise InvalidInput(
                f"This song is made at {song.base_url}, and this session has no key for that.",
                spent=song.spent,
                do="Use Session(api_key=..., base_url=...) with the ones it was submitted with.",
                song_id=song.id,
            )
        return self.client(service)

    def send(self, song: Song, submission: steps.Submission, service: Service) -> Song:
        """Step 1; see `steps.send`."""
        client = self.client(service)
        return steps.send(song, submission, self.journal, client, lease=self.timeouts.longest_submit)

    def refresh(self, song: Song) -> tuple[Song, Generation | None]:
        """Step 2, once: look a lost song up, or poll it; a song that is made needs its reference no more."""
        song, made = self._next(song)
        if song.status.final or song.status is Status.DOWNLOADING:
            open_links.end(song.request_id)
        return song, made

    def _next(self, song: Song) -> tuple[Song, Generation | None]:
        known = self.journal.known(song)
        song = known or song
        if not song.status.final and not song.id:
            client = self.client_of(song)
            max_age = self.timeouts.rehearsal_logs if song.rehearsal else self.timeouts.logs
            logs = self.logs.setdefault(client, UsageLogs(client, max_age))
            song = steps.look_up(song, self.journal, client, logs)
        if song.id:
            song = steps.from_disk(song, self.journal)
        if song.status.final or not song.id:
            return song, None
        client, fresh = self.client_of(song), self.timeouts.fresh
        since = self.polled.pop(song.request_id, 0.0)
        song, made = steps.refresh(song, self.journal, client, known=known is not None, fresh=fresh, since=since)
        if not made:
            self.polled[song.request_id] = steps.age_of(song)
        return song, made

    def fetch(self, song: Song, generation: Generation) -> Song:
        """The audio of a song that is made; see `steps.fetch`."""
        client = self.client_of(song)
        return steps.fetch(song, generation, self.journal, client, lease=self.timeouts.download)
