"""What students want the class to hear: songs that are handed in, kept until the teacher deletes them."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ...audio import NotAudio
from ...audio.songs import check_song
from ...library.storage import durable_file, write_durably
from .responses import Rejection

MOST_SONG_BYTES = 20_000_000
MOST_SONGS = 20
"""So many each; the same song again takes the place of the first."""

NO_MP3 = "Only an mp3 can be handed in, and this is none."


@dataclass(frozen=True)
class HandedIn:
    """One song that was handed in.

    Attributes
    ----------
    id : str
    by : str
        Whose token it was.
    owner : str
        The prefix of that token.
    when : float
        Seconds since 1970.
    """

    id: str
    by: str
    owner: str
    when: float


class HandedInStore:
    """The songs in a folder: an mp3 each, with a JSON file beside it that is written last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> list[HandedIn]:
        """Return all of them, the oldest first."""
        found = [HandedIn(**json.loads(path.read_text(encoding="utf-8"))) for path in self._folder.glob("*.json")]
        return sorted(found, key=lambda song: song.when)

    def path(self, song_id: str) -> Path:
        """Return where the mp3 of a song lies."""
        return self._folder / f"{song_id}.mp3"

    def add(self, audio: bytes, song: str, by: str, owner: str) -> HandedIn:
        """Keep a song; it is on disk when this returns.

        Raises
        ------
        Rejection
            When it is too large or no mp3, or there are too many.
        """
        if len(audio) > MOST_SONG_BYTES:
            raise Rejection(413, f"The song is too large. Expected at most {MOST_SONG_BYTES // 1_000_000} MB.")
        kept = HandedIn(hashlib.sha256(f"{owner} {song}".encode()).hexdigest()[:32], by, owner, time.time())
        others = [each for each in self.all() if each.owner == owner and each.id != kept.id]
        if len(others) >= MOST_SONGS:
            raise Rejection(409, f"{MOST_SONGS} of your songs are handed in already.")
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with durable_file(self.path(kept.id), mode=0o600) as new:
            new.write(audio)
            new.file.flush()
            _check_mp3(new.partial)
        write_durably(self._folder / f"{kept.id}.json", json.dumps(asdict(kept)).encode(), mode=0o600)
        return kept

    def clear(self) -> int:
        """Delete all; return how many there were."""
        songs = self.all()
        for song in songs:
            (self._folder / f"{song.id}.json").unlink(missing_ok=True)
            self.path(song.id).unlink(missing_ok=True)
        return len(songs)


def _check_mp3(path: Path) -> None:
    try:
        kind = check_song(path).format
    except NotAudio:
        kind = ""
    if kind != "MP3":
        raise Rejection(400, NO_MP3)
