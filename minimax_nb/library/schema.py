"""The tables of the library's SQLite file, and how a row becomes a Song and a Song a row."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..audio.timeline import read_timeline
from ..song import Song, SongRequest, Status

if TYPE_CHECKING:
    import sqlite3

Row = Mapping[str, Any]

MIGRATIONS = (
    (
        """
        CREATE TABLE songs (
            request_id TEXT PRIMARY KEY,
            id TEXT NOT NULL,
            status TEXT NOT NULL,
            created TEXT NOT NULL,
            model TEXT NOT NULL,
            lyrics TEXT,
            prompt TEXT,
            reference TEXT,
            options TEXT,
            source TEXT NOT NULL,
            base_url TEXT NOT NULL,
            rehearsal INTEGER NOT NULL,
            audio_url TEXT NOT NULL,
            file TEXT,
            duration REAL,
            cost_usd REAL,
            error TEXT NOT NULL,
            owner TEXT NOT NULL,
            deadline REAL NOT NULL
        )
        """,
        "CREATE UNIQUE INDEX songs_by_id ON songs (base_url, rehearsal, id) WHERE id != ''",
        "CREATE INDEX songs_by_time ON songs (created)",
    ),
    (
        "ALTER TABLE songs ADD COLUMN finished TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE songs ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0",
    ),
    ("ALTER TABLE songs ADD COLUMN timeline TEXT",),
    (
        "ALTER TABLE songs ADD COLUMN accompaniment INTEGER NOT NULL DEFAULT 1",
        "UPDATE songs SET accompaniment = 0 WHERE prompt NOT LIKE '##%##'",
    ),
    ("ALTER TABLE songs ADD COLUMN price_usd REAL",),
    (
        "ALTER TABLE songs ADD COLUMN name TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE songs ADD COLUMN note TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE songs ADD COLUMN starred INTEGER NOT NULL DEFAULT 0",
        # When a person last named, noted, starred, deleted or restored it: of two computers the later one counts.
        "ALTER TABLE songs ADD COLUMN marked TEXT NOT NULL DEFAULT ''",
    ),
    # How long the service took, in seconds; 0 where polls were too far apart to say.
    ("ALTER TABLE songs ADD COLUMN took REAL",),
)
"""Numbered by their place: `PRAGMA user_version` says how many of them a file has had."""

ADDED_LATER: Row = {
    **dict.fromkeys(("finished", "name", "note", "marked"), ""),
    **dict.fromkeys(("deleted", "starred"), 0),
    **dict.fromkeys(("timeline", "price_usd", "took")),
    "accompaniment": 1,
}
"""What a note beside a song does not have when an older version wrote it."""


def set_up(connection: sqlite3.Connection, patience: float) -> None:
    """Prepare a connection: readers and writers side by side, every commit on disk, the newest tables.

    Parameters
    ----------
    connection : sqlite3.Connection
    patience : float
        For how many seconds to wait for another process that opens the file for the first time.
    """
    import sqlite3

    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError:
            # Of several processes that open a new file at once one changes its mode, and SQLite does not
            # let the others wait for that by themselves.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    connection.execute("PRAGMA synchronous = FULL")
    migrate(connection)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a file up to date, step by step; a file of a newer version is left alone."""
    import sqlite3

    connection.execute("BEGIN IMMEDIATE")
    try:
        done = connection.execute("PRAGMA user_version").fetchone()[0]
        if done > len(MIGRATIONS):
            raise sqlite3.DatabaseError("it was written by a newer version of minimax_nb")
        for number, statements in enumerate(MIGRATIONS[done:], start=done + 1):
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def to_row(song: Song, home: Path) -> dict[str, Any]:
    """A song as a row; see `to_columns` for its files."""
    request = song.request
    return {
        "request_id": song.request_id,
        "status": song.status.value,
        "created": song.created.astimezone(UTC).isoformat(),
        "model": song.model,
        "lyrics": request.lyrics if request else None,
        "prompt": request.prompt if request else None,
        "accompaniment": int(request.accompaniment) if request else 1,
        "reference": request.reference if request else None,
        "options": json.dumps(dict(request.options)) if request else None,
        "base_url": song.base_url,
        "rehearsal": int(song.rehearsal),
        "error": song.error,
    } | to_columns({name: getattr(song, name) for name in _CHANGING}, home)


_CHANGING = ("id", "source", "audio_url", "path", "duration", "cost_usd", "timeline")


def to_columns(changes: Row, home: Path) -> dict[str, Any]:
    """Attributes of a song as columns; files of the library are kept relative to it, so that it can be moved."""
    columns = dict(changes)
    if "path" in columns:
        path = columns.pop("path")
        columns["file"] = path.relative_to(home).as_posix() if path else None
    if "source" in columns and columns["source"].startswith(str(home)):
        columns["source"] = Path(columns["source"]).relative_to(home).as_posix()
    if "timeline" in columns:
        timeline = columns["timeline"]
        columns["timeline"] = json.dumps(timeline.to_data(), ensure_ascii=False) if timeline else None
    return columns


def to_song(row: sqlite3.Row, home: Path) -> Song:
    """A row as a song."""
    source = row["source"]
    return Song(
        request_id=row["request_id"],
        status=Status(row["status"]),
        created=datetime.fromisoformat(row["created"]),
        id=row["id"],
        model=row["model"],
        request=_to_request(row),
        source=str(home / source) if source.startswith("references/") else source,
        base_url=row["base_url"],
        rehearsal=bool(row["rehearsal"]),
        audio_url=row["audio_url"],
        path=home / row["file"] if row["file"] else None,
        duration=row["duration"],
        cost_usd=row["cost_usd"],
        error=row["error"],
        timeline=read_timeline(json.loads(row["timeline"])) if row["timeline"] else None,
        name=row["name"],
        note=row["note"],
        starred=bool(row["starred"]),
    )


def _to_request(row: sqlite3.Row) -> SongRequest | None:
    if row["lyrics"] is None:
        return None
    return SongRequest(
        model=row["model"],
        lyrics=row["lyrics"],
        prompt=row["prompt"],
        reference=row["reference"],
        options=json.loads(row["options"]),
        accompaniment=bool(row["accompaniment"]),
    )
