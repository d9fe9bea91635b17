"""Make songs in a Jupyter notebook: a reference track, some lyrics, one button.

>>> from minimax_nb import MusicStudio
>>> MusicStudio()  # doctest: +SKIP

or, without a page, ``generate(lyrics, reference)``. Names are bound on first use, so that importing the
package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import MusicError
    from .library.drive import keep_on_drive
    from .session import Session, default_session
    from .song import Song, SongRequest, Status
    from .studio.studio import MusicStudio

    submit = default_session().submit
    retrieve = default_session().retrieve
    wait = default_session().wait
    generate = default_session().generate
    recover = default_session().recover
    songs = default_session().songs
    watch = default_session().watch

__version__ = "0.1.0"

__all__ = [
    "MusicError",
    "MusicStudio",
    "Session",
    "Song",
    "SongRequest",
    "Status",
    "generate",
    "keep_on_drive",
    "recover",
    "retrieve",
    "songs",
    "submit",
    "wait",
    "watch",
]

_HOMES = {
    "MusicError": "errors",
    "MusicStudio": "studio.studio",
    "Session": "session",
    "Song": "song",
    "SongRequest": "song",
    "Status": "song",
    "keep_on_drive": "library.drive",
}
_VERBS = ("generate", "recover", "retrieve", "songs", "submit", "wait", "watch")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    elif name in _VERBS:
        value = getattr(importlib.import_module(".session", __name__).default_session(), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(ipython: Any) -> None:
    """Add the magics ``%%song`` and ``%song``; IPython calls it for ``%load_ext minimax_nb``."""
    from .magic import SongMagics

    ipython.register_magics(SongMagics)
