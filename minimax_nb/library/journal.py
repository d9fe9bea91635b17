"""The library's book: one SQLite file, in which a song is written down before it is paid for."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import LibraryError, Spent
from ..song import ALLOWED_STEPS, Song, Status
from .budget import Budget, Spending, read_spending
from .schema import ADDED_LATER, set_up, to_columns, to_row, to_song
from .storage import Library, is_alive, this_worker

if TYPE_CHECKING:
    import sqlite3

_ASKED_AGAIN = frozenset({Status.GENERATING, Status.DOWNLOADING, Status.COMPLETED, Status.FAILED})
"""What the service, or the file on disk, says again after a power failure; what led there is on disk before it."""

_LONG_SECONDS = 600.0
_ENOUGH = 3

_LOOKED_AT = 0.25  # s; how often it is looked whether somebody else has written, of a song that is polled

_CARRY_ON = "Free some space or make the folder writable; then recover() carries on. Do not request the song again."


class Journal:
    """The songs of one library.

    Parameters
    ----------
    library : Library
        Its folders are made when something is first written or read.
    patience : float
        For how many seconds to wait while another process writes.

    Notes
    -----
    Every method may be called from any thread and any number of processes. Each raises `LibraryError`
    when the file cannot be used.
    """

    def __init__(self, library: Library, patience: float = 30.0) -> None:
        self.library = library
        self._patience = patience
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        self._known: dict[str, Song] = {}
        self._looked_at, self._version = -inf, 0

    def __del__(self) -> None:
        if self._connection is not None:
            self._connection.close()

    @property
    def home(self) -> Path:
        """The folder of the songs."""
        return self.library.home

    def add(
        self, song: Song, *, lease: float = 0.0, budget: Budget | None = None, price_usd: float | None = None
    ) -> Song:
        """Write a song down; on disk when this returns.

        Parameters
        ----------
        song : Song
        lease : float
            For how many seconds this worker is at work on it, if it lives so long: until then the others
            leave it alone.
        budget : Budget, optional
            What it must not exceed, together with what other kernels submit at the same time.
        price_usd : float, optional
            What it is expected to cost.

        Returns
        -------
        Song
            As it stands in the journal; another process may have written the same one before.

        Raises
        ------
        BudgetExceeded
        """
        row = to_row(song, self.home) | _leased(lease) | {"price_usd": price_usd}
        with self._transaction(song if song.id else None) as connection:
            if budget is not None:
                budget.check(connection, price_usd or 0.0)
            _insert(connection, row)
            self._note(connection, song.request_id)
        return self.get(song.request_id) or self.find(song.id, song.base_url, song.rehearsal) or song

    def step(self, song: Song, to: Status, **changes: Any) -> Song:
        """Move a song on, if it may still go there.

        One guarded update: of two processes that want the same step, one makes it.

        Parameters
        ----------
        song : Song
        to : Status
        **changes
            Other attributes of the song that change with it.

        Returns
        -------
        Song
            As it stands in the journal now, whoever moved it.
        """
        values = to_columns(changes, self.home) | {"status": to.value}
        if to is not Status.DOWNLOADING:  # nobody works on it any more
            values |= _leased(0.0)
        if to is Status.COMPLETED:
            values["finished"] = datetime.now(UTC).isoformat()
        before = [status.value for status, after in ALLOWED_STEPS.items() if to in after]
        assignments = ", ".join(f"{name} = ?" for name in values)
        marks = ", ".join("?" for _ in before)
        with self._transaction(song, durable=to not in _ASKED_AGAIN) as connection:
            connection.execute(
                f"UPDATE songs SET {assignments} WHERE request_id = ? AND status IN ({marks})",
                [*values.values(), song.request_id, *before],
            )
            self._note(connection, song.request_id)
        return self.get(song.request_id) or song

    def claim(self, song: Song, lease: float) -> bool:
        """Take the download of a song on, unless another worker that still lives is at it.

        Parameters
        ----------
        song : Song
        lease : float
            For how many seconds.
        """
        with self._transaction(song, durable=False) as connection:
            row = connection.execute(
                "SELECT owner, deadline FROM songs WHERE request_id = ? AND status = ?",
                (song.request_id, Status.DOWNLOADING.value),
            ).fetchone()
            if row is None or _at_work(row):
                return False
            values = _leased(lease) | {"request_id": song.request_id}
            connection.execute(
                "UPDATE songs SET owner = :owner, deadline = :deadline WHERE request_id = :request_id", values
            )
        return True

    def release(self, song: Song) -> None:
        """Let others go on with a song, if it is still this worker that works on it."""
        with self._transaction(song, durable=False) as connection:
            connection.execute(
                "UPDATE songs SET owner = '', deadline = 0 WHERE request_id = ? AND owner = ?",
                (song.request_id, this_worker()),
            )

    def get(self, request_id: str) -> Song | None:
        """The song with this request id."""
        return next(iter(self._select("WHERE request_id = ?", request_id)), None)

    def find(self, generation_id: str, base_url: str | None = None, rehearsal: bool | None = None) -> Song | None:
        """The song with this generation id (at this service, where one is named)."""
        for song in self._select("WHERE id = ? AND id != '' ORDER BY created DESC", generation_id):
            if base_url in (None, song.base_url) and rehearsal in (None, song.rehearsal):
                return song
        return None

    def songs(self, *, deleted: bool = False) -> list[Song]:
        """All songs, newest first; deleted ones only on request."""
        return self._select(f"{'' if deleted else 'WHERE deleted = 0 '}ORDER BY created DESC, request_id")

    def delete(self, song: Song) -> bool:
        """Take a finished song off the list; its file stays. One that is still under way is not touched.

        Returns
        -------
        bool
            Whether it is off the list now.
        """
        over = ", ".join(f"'{status.value}'" for status in Status if status.final)
        return self._mark(song, {"deleted": 1}, f"AND status IN ({over})")

    def restore(self, song: Song) -> bool:
        """Put a deleted song back on the list."""
        return self._mark(song, {"deleted": 0})

    def label(self, song: Song, **labels: str | bool) -> Song:
        """Give a song a ``name``, a ``note`` or a star (``starred``).

        Returns
        -------
        Song
            As it stands in the journal now.
        """
        self._mark(song, labels)
        return self.get(song.request_id) or song

    def _mark(self, song: Song, values: Mapping[str, Any], condition: str = "") -> bool:
        """Write down what a person says of a song."""
        values = {**values, "marked": datetime.now(UTC).isoformat()}
        assignments = ", ".join(f"{name} = ?" for name in values)
        with self._transaction(song) as connection:
            statement = f"UPDATE songs SET {assignments} WHERE request_id = ? {condition}"
            changed = connection.execute(statement, (*values.values(), song.request_id)).rowcount
            self._note(connection, song.request_id)
        return changed > 0

    def version(self) -> int:
        """A number that is another one once somebody else has written, such as another kernel."""
        with self._reading() as connection:
            return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def spending(self) -> Spending:
        """What was spent from this library in the last 24 hours."""
        with self._reading() as connection:
            return read_spending(connection)

    def usual_seconds(self, *, rehearsal: bool) -> float | None:
        """How long one's own songs took lately, from click to file: the median; None while there are too few."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT created, finished FROM songs WHERE finished != '' AND rehearsal = ? "
                "ORDER BY created DESC LIMIT 20",
                (int(rehearsal),),
            ).fetchall()
        moments = [(datetime.fromisoformat(row["created"]), datetime.fromisoformat(row["finished"])) for row in rows]
        spans = [(finished - created).total_seconds() for created, finished in moments]
        # One that was picked up the next morning says nothing about how long songs take.
        spans = [span for span in spans if 0 < span < _LONG_SECONDS]
        import statistics

        return statistics.median(spans) if len(spans) >= _ENOUGH else None

    def durations(self, model: str, base_url: str) -> tuple[float, ...]:
        """How long the service took for the latest songs by a model, in seconds, the latest last."""
        # Where it was not noted, a song was found and fetched about a second after it was ready.
        took = "COALESCE(took, (julianday(finished) - julianday(created)) * 86400 - 1)"
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT {took} AS took FROM songs WHERE model = ? AND base_url = ? AND rehearsal = 0 "
                "AND status = 'completed' AND finished != '' ORDER BY created DESC LIMIT 60",
                (model, base_url),
            ).fetchall()
        return tuple(row["took"] for row in reversed(rows) if 0 < row["took"] < _LONG_SECONDS)

    def open_songs(self) -> list[Song]:
        """The songs with which something will still happen, oldest first, but those that a living worker sends."""
        unfinished = [status.value for status in Status if not status.final]
        marks = ", ".join("?" for _ in unfinished)
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT * FROM songs WHERE status IN ({marks}) ORDER BY created", unfinished
            ).fetchall()
        return [
            self.settled(to_song(row, self.home)) for row in rows if row["status"] != "sending" or not _at_work(row)
        ]

    def settled(self, song: Song) -> Song:
        """The song as it stands; one whose sender died without an answer is ``unknown``."""
        return self.known(song) or song

    def known(self, song: Song) -> Song | None:
        """See `settled`; None for a song that is not in the library.

        It is asked at each poll, and read only when it may be another one: what somebody else writes is seen
        `_LOOKED_AT` later. No step is taken on the strength of it that the file does not allow.
        """
        with self._reading() as connection:
            self._forget_if_written(connection)
            if (same := self._known.get(song.request_id)) is not None:
                return same
            row = connection.execute("SELECT * FROM songs WHERE request_id = ?", (song.request_id,)).fetchone()
            if row is None:
                return None
            song = to_song(row, self.home)
            if song.status is not Status.SENDING:
                if not song.status.final:
                    self._known[song.request_id] = song
                return song
        if _at_work(row):
            return song
        return self.step(song, Status.UNKNOWN, error="Its kernel ended before a response came.")

    def _forget_if_written(self, connection: sqlite3.Connection) -> None:
        """Forget the songs that were read when somebody else has written since."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOKED_AT:
            version = connection.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version:
                self._known.clear()
            self._looked_at, self._version = now, version

    def _select(self, rest: str, *values: object) -> list[Song]:
        with self._reading() as connection:
            rows = connection.execute(f"SELECT * FROM songs {rest}", values).fetchall()
        return [to_song(row, self.home) for row in rows]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        import sqlite3

        try:
            with self._lock:
                yield self._connect()
        except (sqlite3.Error, OSError, UnicodeError) as error:
            raise LibraryError(f"The library in {self.home} cannot be read: {error}.") from None

    @contextmanager
    def _transaction(self, song: Song | None = None, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Write, `durable` until it is on disk; when it fails, the error shows what is known of the song."""
        import sqlite3

        try:
            with self._lock:
                connection = self._connect()
                # A write of either kind takes the ones before it to the disk, or leaves out itself alone.
                connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
        except (sqlite3.Error, OSError, UnicodeError) as error:
            known = f" The song's id is {song.id}." if song and song.id else ""
            spent = song.spent if song else Spent.NO
            raise LibraryError(
                f"The library in {self.home} cannot be written: {error}.{known}",
                spent=spent,
                do=None if spent is Spent.NO else _CARRY_ON,
                song_id=song.id or song.request_id if song else "",
            ) from None

    def _connect(self) -> sqlite3.Connection:
        # A connection must not be carried across a fork.
        if self._connection is None or self._process != os.getpid():
            import sqlite3

            folder = self.library.database
            folder.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                folder / "library.db", timeout=self._patience, isolation_level=None, check_same_thread=False
            )
            try:
                connection.row_factory = sqlite3.Row
                set_up(connection, self._patience)
                for note in self.library.notes():
                    _take_in(connection, note)
            except BaseException:
                connection.close()
                raise
            self._connection, self._process, self._version = connection, os.getpid(), -1
            self._looked_at = -inf
        return self._connection

    def _note(self, connection: sqlite3.Connection, request_id: str) -> None:
        self._known.pop(request_id, None)
        if self.library.remote:
            row = connection.execute("SELECT * FROM songs WHERE request_id = ?", (request_id,)).fetchone()
            if row is not None:
                self.library.note(dict(row))


def _leased(seconds: float) -> dict[str, Any]:
    return {"owner": this_worker() if seconds else "", "deadline": time.time() + seconds if seconds else 0.0}


def _at_work(row: sqlite3.Row) -> bool:
    """Whether a living worker has this row in its hands."""
    return time.time() < row["deadline"] and is_alive(row["owner"])


def _insert(connection: sqlite3.Connection, row: Mapping[str, Any]) -> None:
    columns, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT OR IGNORE INTO songs ({columns}) VALUES ({marks})", row)


def _take_in(connection: sqlite3.Connection, note: Mapping[str, Any]) -> None:
    """Read a song that another computer wrote down, or finished; a note that makes no sense is skipped."""
    import sqlite3

    columns = [row["name"] for row in connection.execute("PRAGMA table_info(songs)")]
    note = {**ADDED_LATER, **note}
    if set(note) != set(columns) or note["status"] not in [status.value for status in Status]:
        return
    with contextlib.suppress(sqlite3.IntegrityError, sqlite3.InterfaceError):
        _insert(connection, note)
        if Status(note["status"]).final:
            assignments = ", ".join(f"{name} = :{name}" for name in columns)
            unfinished = ", ".join(f"'{status.value}'" for status in Status if not status.final)
            connection.execute(
                f"UPDATE songs SET {assignments} WHERE request_id = :request_id AND status IN ({unfinished})", note
            )
        marks = ", ".join(f"{name} = :{name}" for name in ("name", "note", "starred", "deleted", "marked"))
        connection.execute(f"UPDATE songs SET {marks} WHERE request_id = :request_id AND marked < :marked", note)
