"""Sound files: what they are, how long they last, what is in them; cut and written as mp3.

Names are bound on first use: whoever only submits a link needs none of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .excerpt import polish, trim, write_excerpt, write_mp3
    from .kinds import NotAudio
    from .recording import AudioInfo, OnProgress, Recording, read, read_info
    from .songs import SongFile, check_song
    from .window import ENVELOPE_RATE

__all__ = [
    "ENVELOPE_RATE",
    "AudioInfo",
    "NotAudio",
    "OnProgress",
    "Recording",
    "SongFile",
    "check_song",
    "polish",
    "read",
    "read_info",
    "trim",
    "write_excerpt",
    "write_mp3",
]

_HOMES = {
    "ENVELOPE_RATE": "window",
    "NotAudio": "kinds",
    "SongFile": "songs",
    "check_song": "songs",
    **dict.fromkeys(("polish", "trim", "write_excerpt", "write_mp3"), "excerpt"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f".{_HOMES.get(name, 'recording')}", __name__), name)
    return value
