"""What a person typed or chose, kept in the library while they think, so that it outlives the kernel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..api.key import Key
from ..display.environment import notebook_file, notebook_folder
from ..library.storage import Library
from ..song import SongRequest

QUIET_SECONDS = 2.0
"""A draft is written down when nothing changed for so long."""


@dataclass(frozen=True)
class KeptReference:
    """A reference, so that another kernel can bring it back.

    Attributes
    ----------
    link : str
        A link, or the path of the person's own file, as it was typed.
    copy : str
        The name of the mp3 among the references of the library: of a file that was uploaded or played, the chosen
        part is all that is kept.
    name : str
        What it is called.
    start, end : float
        The chosen excerpt of the person's own file, in seconds.
    """

    link: str = ""
    copy: str = ""
    name: str = ""
    start: float = 0.0
    end: float = 0.0


@dataclass(frozen=True)
class Draft:
    """What the fields of a studio hold, ready or not; never a key.

    Attributes
    ----------
    request : SongRequest
        Model, lyrics, accompaniment and options.
    reference : KeptReference or None
    """

    request: SongRequest
    reference: KeptReference | None = None


def studio_name(name: str) -> str:
    """What the draft of a studio is found by: the name it was given, else its notebook, else that one's folder."""
    return f"named {name}" if name else f"notebook {notebook_file() or notebook_folder()}"


def load(library: Library, studio: str) -> Draft | None:
    """Read the draft of a studio; None where there is none, or none that this version can read."""
    data = library.draft(studio)
    try:
        request, reference = data["request"], data["reference"]  # type: ignore[index]
        found = Draft(
            SongRequest(prompt="", reference="", **{name: kind(request[name]) for name, kind in _FIELDS.items()}),
            KeptReference(**reference) if reference else None,
        )
    except (KeyError, TypeError, ValueError):
        return None
    kept = asdict(found.reference) if found.reference else {}
    numbers = all(isinstance(kept.pop(name, 0.0), float | int) for name in ("start", "end"))
    return found if numbers and all(isinstance(value, str) for value in kept.values()) else None


_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "model": str,
    "lyrics": str,
    "accompaniment": bool,
    "options": dict,
}


def save(library: Library, studio: str, draft: Draft, keys: Iterable[Key | None]) -> None:
    """Write the draft of a studio down; a key that was typed into a wrong field is not in it."""
    request = {name: kind(getattr(draft.request, name)) for name, kind in _FIELDS.items()}
    content: dict[str, Any] = {
        "studio": studio,
        "request": request,
        "reference": asdict(draft.reference) if draft.reference else None,
    }
    library.keep_draft(studio, _without(content, [key for key in keys if key]))


def _without(content: Any, keys: list[Key]) -> Any:
    """The same without these keys, wherever they stand in a text."""
    if isinstance(content, dict):
        return {name: _without(value, keys) for name, value in content.items()}
    for key in keys if isinstance(content, str) else ():
        content = key.hide(content)
    return content


class Saver:
    """Saves something once it has not changed for a while: one thread, while there is something to save.

    Parameters
    ----------
    save : callable
        Called in that thread, one at a time.
    seconds : float
        How long nothing may change before that.
    """

    def __init__(self, save: Callable[[], object], seconds: float = QUIET_SECONDS) -> None:
        self._save = save
        self._seconds = seconds
        self._lock, self._saving = threading.Lock(), threading.Lock()
        self._due = 0.0
        self._waiting = False

    def touch(self) -> None:
        """Say that something changed."""
        with self._lock:
            self._due = time.monotonic() + self._seconds
            if self._waiting:
                return
            self._waiting = True
        threading.Thread(target=self._work, name="minimax_nb draft", daemon=True).start()

    def _work(self) -> None:
        while (seconds := self._seconds_left()) > 0:
            time.sleep(seconds)
        with self._saving:
            # A full disk, a reference that cannot be cut: the form itself says so, and the next change tries again.
            try:
                self._save()
            except Exception:
                return

    def _seconds_left(self) -> float:
        with self._lock:
            seconds = self._due - time.monotonic()
            self._waiting = seconds > 0
            return seconds


def is_empty(draft: Draft, model: str) -> bool:
    """Whether nothing was typed or chosen; `model` is the usual one."""
    request = draft.request
    plain = request.accompaniment and not request.options and request.model == model
    return plain and not request.lyrics.strip() and draft.reference is None
