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
    from .audio.timeline import Line, Syllable, Timeline
    from .diagnosis import doctor
    from .display.plot import plot
    from .display.waiting import run
    from .errors import (
        BudgetExceeded,
        DownloadFailed,
        GenerationFailed,
        InvalidInput,
        InvalidKey,
        InvalidLyrics,
        InvalidOption,
        InvalidReference,
        LibraryError,
        MusicError,
        NoCredits,
        NotFound,
        OutcomeUnknown,
        RateLimited,
        Refused,
        RehearsalError,
        ServiceError,
        Spent,
        Unauthorized,
        Unavailable,
        Unreachable,
        WaitTimeout,
    )
    from .library.drive import keep_on_drive
    from .rehearsal.band.analysis import Analysis, analyse
    from .rehearsal.band.performance import play_sample
    from .session import Session, default_session
    from .song import Song, SongRequest, Status
    from .studio.studio import MusicStudio

    submit = default_session().submit
    models = default_session().models
    retrieve = default_session().retrieve
    quote = default_session().quote
    balance = default_session().balance
    wait = default_session().wait
    export = default_session().export
    generate = default_session().generate
    label = default_session().label
    recover = default_session().recover
    songs = default_session().songs
    watch = default_session().watch

__version__ = "0.1.0"

__all__ = [
    "Analysis",
    "BudgetExceeded",
    "DownloadFailed",
    "GenerationFailed",
    "InvalidInput",
    "InvalidKey",
    "InvalidLyrics",
    "InvalidOption",
    "InvalidReference",
    "LibraryError",
    "Line",
    "MusicError",
    "MusicStudio",
    "NoCredits",
    "NotFound",
    "OutcomeUnknown",
    "RateLimited",
    "Refused",
    "RehearsalError",
    "ServiceError",
    "Session",
    "Song",
    "SongRequest",
    "Spent",
    "Status",
    "Syllable",
    "Timeline",
    "Unauthorized",
    "Unavailable",
    "Unreachable",
    "WaitTimeout",
    "analyse",
    "balance",
    "doctor",
    "export",
    "generate",
    "keep_on_drive",
    "label",
    "models",
    "play_sample",
    "plot",
    "quote",
    "recover",
    "retrieve",
    "run",
    "songs",
    "submit",
    "wait",
    "watch",
]

# Where each name lives; the verbs are methods of the session that is made on first use.
_HOMES = {
    "audio.timeline": "Line Syllable Timeline",
    "diagnosis": "doctor",
    "display.plot": "plot",
    "display.waiting": "run",
    "errors": "BudgetExceeded DownloadFailed GenerationFailed InvalidInput InvalidKey InvalidLyrics InvalidOption "
    "InvalidReference "
    "LibraryError MusicError NoCredits NotFound OutcomeUnknown RateLimited Refused RehearsalError ServiceError Spent "
    "Unauthorized Unavailable Unreachable WaitTimeout",
    "library.drive": "keep_on_drive",
    "rehearsal.band.analysis": "Analysis analyse",
    "rehearsal.band.performance": "play_sample",
    "session": "Session",
    "song": "Song SongRequest Status",
    "studio.studio": "MusicStudio",
}
_SESSION_VERBS = "balance export generate label models quote recover retrieve songs submit wait watch"
_VERBS = tuple(_SESSION_VERBS.split())
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(importlib.import_module(f".{_HOME_OF[name]}", __name__), name)
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
