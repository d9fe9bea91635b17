"""A song for the class to hear: handed in to the room, or written to a file that says whose it is."""

from __future__ import annotations

import base64
import contextlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ..api.timeouts import Timeouts
from ..api.transport import NoResponse, RequestBody, Response, Transport
from ..audio.tags import Tags, tagged
from ..display.environment import in_colab, notebook_folder
from ..errors import InvalidInput, LibraryError, Refused, Unreachable
from ..settings import room_from_environment
from .access import room_key_here

if TYPE_CHECKING:
    from ..song import Song

_MOST_NAME = 80
_SECONDS = 60.0


def hand_in(song: Song, name: str) -> str:
    """Hand a finished song in, under a name; see `Song.hand_in`."""
    name = " ".join(name.split())
    if not 0 < len(name) <= _MOST_NAME:
        raise InvalidInput("A song is handed in under a name.", do='Give yours: song.hand_in("Mia").')
    path = song.existing_file()
    if path.suffix != ".mp3":
        raise InvalidInput(f"Only an mp3 can be handed in, and this song is a {path.suffix[1:]}.")
    words = song.request.lyrics if song.request else ""
    mp3 = tagged(path.read_bytes(), Tags(name, song.title, words))
    room = room_from_environment()
    return _send(room, song.request_id, mp3, name) if room else _download(mp3, f"{name} – {song.title}")


def _send(room: str, song: str, mp3: bytes, name: str) -> str:
    transport = Transport(room, room_key_here(room), replace(Timeouts(), submit=_SECONDS))
    body = RequestBody({"song": song, "audio": base64.b64encode(mp3).decode()})
    outcome = transport.post("/rehearsal/handed-in", body, {})
    if isinstance(outcome, Response) and outcome.status == 201:
        return f"Handed in as “{name}”."
    if isinstance(outcome, NoResponse) or outcome.status >= 500:
        why = outcome.why if isinstance(outcome, NoResponse) else f"HTTP {outcome.status}"
        raise Unreachable(f"The room did not answer ({why}).", do="Hand it in again: it takes the same place.")
    said = outcome.fields.get("message")
    raise Refused(f"The room did not take the song (HTTP {outcome.status}): {said or 'no reason given'}", do="")


def _download(mp3: bytes, title: str) -> str:
    """Write the file beside the notebook; in Colab the browser downloads it as well."""
    stem = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "", title).strip(" .…")[:100]
    path = notebook_folder() / f"{stem}.mp3"
    try:
        path.write_bytes(mp3)
    except OSError as error:
        raise LibraryError(f"{path} cannot be written: {error.strerror}.", do="Choose another folder.") from None
    if in_colab():
        with contextlib.suppress(Exception):  # of Colab's own: the file is there all the same
            from google.colab import files

            files.download(str(path))
    return f"There is no room, so the song is in “{path.name}” beside the notebook: give that file to your teacher."
