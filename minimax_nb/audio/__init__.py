"""Sound files: what they are, how long they last, what is in them; cut and written as mp3.

Names are bound on first use: whoever only submits a link needs none of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .kinds import NotAudio
    from .recording import ENVELOPE_RATE, AudioInfo, read_info, seconds_of, write_excerpt
    from .songs import SongFile, check_song

__all__ = [
    "ENVELOPE_RATE",
    "AudioInfo",
    "NotAudio",
    "SongFile",
    "check_song",
    "read_info",
    "seconds_of",
    "write_excerpt",
]

_HOMES = {"NotAudio": "kinds", "SongFile": "songs", "check_song": "songs"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f".{_HOMES.get(name, 'recording')}", __name__), name)
    return value
